"""The first schema: records with their index and links, imports, messages, assignments, decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _bytewise(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    """Text in the order of its bytes: `beleg.store.tables.Bytewise` as it was at this revision."""
    kind = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(name, kind, nullable=nullable, primary_key=primary_key)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text(), nullable=nullable)


def _number() -> Column[int]:
    """A row number that the database gives."""
    return Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


def _of_message(*, primary_key: bool = False) -> Column[int]:
    return Column("message", BigInteger(), ForeignKey("message.id"), nullable=False, primary_key=primary_key)


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "record",
        _bytewise("type", primary_key=True),
        _bytewise("id", primary_key=True),
        _bytewise("facet"),
        Column("data", LargeBinary(), nullable=False),
        Column("retired", Boolean(), nullable=False),
        Column("seen", Integer(), nullable=False),
        Column("changed", Integer(), nullable=False),
    )
    op.create_index("ix_record_changed", "record", ["changed"])
    op.create_table(
        "record_key",
        *(_bytewise(name, primary_key=True) for name in ("entry", "type", "facet", "id", "via")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_link",
        *(_bytewise(name, primary_key=True) for name in ("type", "id", "role", "target_type", "target_id")),
        sqlite_with_rowid=False,
    )
    op.create_index("record_link_target", "record_link", ["target_type", "target_id", "role"])
    op.create_table(
        "import_run",
        Column("id", Integer(), primary_key=True),
        _text("at"),
        _text("files"),
    )
    op.create_table(
        "message",
        _number(),
        _bytewise("sha256"),
        _bytewise("bytes_sha256"),
        _bytewise("message_id", nullable=True),
        Column("date", BigInteger(), nullable=False),
        _text("subject"),
        _text("sender"),
        _text("folder"),
        Column("thread", BigInteger(), nullable=False),
        Column("decided", Boolean(), nullable=False),
        Column("raw", LargeBinary(), nullable=False),
        sa.UniqueConstraint("sha256"),
    )
    op.create_index("ix_message_message_id", "message", ["message_id"])
    op.create_index("ix_message_thread", "message", ["thread"])
    op.create_index("message_undecided", "message", ["decided", "date", "id"])
    op.create_table(
        "message_name",
        _bytewise("name", primary_key=True),
        _of_message(primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "assignment",
        _number(),
        _of_message(),
        _bytewise("record_type"),
        _bytewise("record_id"),
        _text("origin"),
        *(_text(name, nullable=True) for name in ("source", "clause", "made_by", "removed_by", "removed_at")),
    )
    op.create_index("assignment_record", "assignment", ["record_type", "record_id"])
    op.create_index("ix_assignment_message", "assignment", ["message"])
    op.create_table(
        "decision",
        _number(),
        _of_message(),
        _text("at"),
        _text("digest"),
        _text("ruleset"),
        Column("trace", LargeBinary(), nullable=False),
    )
    op.create_index("ix_decision_message", "decision", ["message"])
    op.create_table(
        "ignored",
        _bytewise("list", primary_key=True),
        _bytewise("key", primary_key=True),
        _text("entry"),
    )


def downgrade() -> None:
    """Drop everything."""
    for name in (
        "ignored", "decision", "assignment", "message_name", "message", "import_run", "record_link",
        "record_key", "record",
    ):  # fmt: skip
        op.drop_table(name)
