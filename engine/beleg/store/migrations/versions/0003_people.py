"""What the support page needs: people, their journal, what became of each mail, and the words that it is found by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
_LONG = BigInteger().with_variant(Integer(), "sqlite")


def _bytewise(name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool = False) -> Column[str]:
    return Column(name, _BYTEWISE, nullable=nullable, primary_key=primary_key, unique=unique or None)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text(), nullable=nullable)


def upgrade() -> None:
    """Add it all. `beleg db upgrade` fills in what stored mail and decisions have of it."""
    op.add_column("message", _bytewise("state", nullable=True))
    op.add_column("message", Column("corrected", Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("message", Column("sender_name", Text(), nullable=False, server_default=""))
    for name, *columns in _INDEXES:
        op.create_index(name, "message", columns)
    op.add_column("decision", _text("clauses", nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE decision ALTER COLUMN at TYPE text COLLATE "C"')
    op.create_index("ix_decision_at", "decision", ["at"])
    op.create_table("erased", _bytewise("sha256", primary_key=True))
    op.create_table(
        "journal",
        Column("id", _LONG, primary_key=True),
        _bytewise("at"),
        _text("who"),
        _bytewise("act"),
        Column("message", BigInteger(), nullable=True),
        _text("payload"),
    )
    op.create_index("ix_journal_message", "journal", ["message"])
    op.create_table(
        "person",
        Column("id", Integer(), primary_key=True),
        _bytewise("key", unique=True),
        *map(_text, ("name", "address", "password")),
        _bytewise("role"),
        _text("language", nullable=True),
        Column("mail", Boolean(), nullable=False),
        Column("active", Boolean(), nullable=False),
        _text("created"),
    )
    op.create_table(
        "session", _bytewise("id", primary_key=True), _of_person(), Column("created", BigInteger(), nullable=False)
    )
    op.create_index("ix_session_person", "session", ["person"])
    op.create_table(
        "token",
        Column("id", Integer(), primary_key=True),
        _of_person(),
        _text("name"),
        _bytewise("hash", unique=True),
        *map(_text, ("scopes", "created")),
        Column("expires", BigInteger(), nullable=True),
    )
    op.create_index("ix_token_person", "token", ["person"])
    op.create_table(
        "attempt",
        Column("id", _LONG, primary_key=True),
        _bytewise("whose"),
        Column("at", BigInteger(), nullable=False),
    )
    op.create_index("attempt_of", "attempt", ["whose", "at"])
    op.create_table("secret", _bytewise("use", primary_key=True), _text("value"))
    op.drop_index("assignment_record", "assignment")
    op.create_index("assignment_record", "assignment", ["record_type", "record_id", "message", "removed_by"])
    op.create_table("filling", _bytewise("work", primary_key=True), _text("done"))
    for table in ("message", "record"):
        op.execute(f"INSERT INTO filling SELECT '{table}s', '' WHERE EXISTS (SELECT 1 FROM {table})")
    for statement in _OWN[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Drop it all."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("DELETE FROM record_key WHERE entry >= '~'")
    op.drop_table("filling")
    op.drop_index("assignment_record", "assignment")
    op.create_index("assignment_record", "assignment", ["record_type", "record_id"])
    op.drop_table("message_words")
    for name in ("secret", "attempt", "token", "session", "person", "journal", "erased"):
        op.drop_table(name)
    if postgresql:
        op.execute("DROP FUNCTION journal_is_append_only")
    else:
        op.drop_index("decision_clauses", "decision")
    op.drop_index("ix_decision_at", "decision")
    if postgresql:
        op.execute('ALTER TABLE decision ALTER COLUMN at TYPE text COLLATE "default"')
    op.drop_column("decision", "clauses")
    for name, *_ in reversed(_INDEXES):
        op.drop_index(name, "message")
    for name in ("sender_name", "corrected", "state"):
        op.drop_column("message", name)


def _of_person() -> Column[int]:
    return Column("person", Integer(), ForeignKey("person.id"), nullable=False)


_INDEXES = (
    ("message_newest", "date", "id"),
    ("message_state", "state", "date", "id"),
    ("message_corrected", "corrected", "date", "id"),
)
# What no declaration of tables can say: the index of words, and that the journal is append-only.
_OWN = {
    "sqlite": (
        # Words are parted by blanks before they come here; beginnings of two and three letters have too many words.
        "CREATE VIRTUAL TABLE message_words USING fts5 "
        "(subject, addresses, content, tokenize = 'ascii', prefix = '2 3')",
        # The trace stands before it in the row; PostgreSQL keeps that elsewhere.
        "CREATE INDEX decision_clauses ON decision (at, message, clauses)",
        """
        CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
        """,
        # Not UPDATE OF id, …: SET rowid changes the id, and is none of that.
        """
        CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
        WHEN (OLD.id, OLD.at, OLD.who, OLD.act, OLD.message) IS NOT (NEW.id, NEW.at, NEW.who, NEW.act, NEW.message)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
        """,
        # INSERT OR REPLACE deletes without asking the trigger above, unless a connection has PRAGMA recursive_triggers.
        """
        CREATE TRIGGER journal_no_replace BEFORE INSERT ON journal
        WHEN EXISTS (SELECT 1 FROM journal WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
        """,
    ),
    "postgresql": (
        "CREATE TABLE message_words (message BIGINT PRIMARY KEY REFERENCES message (id), words TSVECTOR NOT NULL)",
        "CREATE INDEX message_words_gin ON message_words USING gin (words)",
        """
        CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
        """,
        """
        CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
        FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()
        """,
        """
        CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal
        FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()
        """,
        """
        CREATE TRIGGER journal_no_update BEFORE UPDATE OF id, at, who, act, message ON journal
        FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()
        """,
    ),
}
