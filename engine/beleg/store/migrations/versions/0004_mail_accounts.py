"""What mail accounts need: accounts and what each has fetched, groups, signatures, filters, topics and tags, the mails
that are written, links with OAuth2 providers, mail servers of another make; and what people do with a message."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
_LONG = BigInteger().with_variant(Integer(), "sqlite")


def upgrade() -> None:
    """Add it all."""
    for column in _OF_MESSAGE:
        op.add_column("message", column._copy())
    for name, *columns in _WIDENED:
        op.drop_index(name, "message")
        op.create_index(name, "message", [*columns, *_HANDLED])
    for name, condition, *columns in _ADDED:
        where = sa.text(condition) if condition else None
        rest = (each for each in _HANDLED if each not in columns)
        op.create_index(name, "message", [*columns, *rest], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "mail_server",
        Column("name", _BYTEWISE, nullable=False),
        Column("active", Boolean(), nullable=False),
        Column("managed", Boolean(), nullable=False),
        Column("fields", Text(), nullable=False),
        Column("secret", Text(), nullable=False),
        Column("fault", _BYTEWISE, nullable=False),
        Column("error", Text(), nullable=False),
        Column("failed", BigInteger(), nullable=True),
        Column("succeeded", BigInteger(), nullable=True),
        Column("failures", Integer(), nullable=False),
        Column("due", BigInteger(), nullable=True),
        Column("halted", Boolean(), nullable=False),
        Column("read_to", BigInteger(), nullable=False),
        PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "oauth_link",
        Column("id", Integer(), nullable=False),
        Column("provider", _BYTEWISE, nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("tokens", Text(), nullable=False),
        Column("state", _BYTEWISE, nullable=False),
        Column("error", Text(), nullable=False),
        Column("linked", BigInteger(), nullable=True),
        Column("expires", BigInteger(), nullable=True),
        Column("ends", BigInteger(), nullable=True),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("provider", "key"),
    )
    op.create_table(
        "oauth_provider",
        Column("name", _BYTEWISE, nullable=False),
        Column("fields", Text(), nullable=False),
        Column("secret", Text(), nullable=False),
        PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "signature",
        Column("id", Integer(), nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("name", Text(), nullable=False),
        Column("text", Text(), nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("key"),
    )
    op.create_table(
        "tag",
        Column("id", Integer(), nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("name", Text(), nullable=False),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("key"),
    )
    op.create_table(
        "topic",
        Column("id", Integer(), nullable=False),
        Column("parent", Integer(), nullable=True),
        Column("key", _BYTEWISE, nullable=False),
        Column("name", Text(), nullable=False),
        ForeignKeyConstraint(["parent"], ["topic.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mail_group",
        Column("id", Integer(), nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("name", Text(), nullable=False),
        Column("address", Text(), nullable=False),
        Column("signature", Integer(), nullable=True),
        Column("remote", _BYTEWISE, nullable=True),
        ForeignKeyConstraint(["signature"], ["signature.id"]),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("key"),
    )
    op.create_table(
        "message_tag",
        Column("message", BigInteger(), nullable=False),
        Column("tag", Integer(), nullable=False),
        ForeignKeyConstraint(["message"], ["message.id"]),
        ForeignKeyConstraint(["tag"], ["tag.id"]),
        PrimaryKeyConstraint("message", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("message_tag_tag", "message_tag", ["tag", "message"])
    op.create_table(
        "server_mail",
        Column("server", _BYTEWISE, nullable=False),
        Column("item", _BYTEWISE, nullable=False),
        Column("sha256", _BYTEWISE, nullable=False),
        Column("message", BigInteger(), nullable=True),
        Column("deleted", Boolean(), nullable=False),
        Column("error", Text(), nullable=False),
        Column("contact", Text(), nullable=False),
        ForeignKeyConstraint(["server"], ["mail_server.name"]),
        PrimaryKeyConstraint("server", "item"),
        sqlite_with_rowid=False,
    )
    op.create_index("server_mail_message", "server_mail", ["message"])
    op.create_table(
        "account",
        Column("id", Integer(), nullable=False),
        Column("direction", _BYTEWISE, nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("name", Text(), nullable=False),
        Column("protocol", _BYTEWISE, nullable=False),
        Column("host", Text(), nullable=False),
        Column("port", Integer(), nullable=False),
        Column("security", _BYTEWISE, nullable=False),
        Column("auth", _BYTEWISE, nullable=False),
        Column("user_name", Text(), nullable=False),
        Column("secret", Text(), nullable=False),
        Column("provider", _BYTEWISE, nullable=False),
        Column("active", Boolean(), nullable=False),
        Column("after", _BYTEWISE, nullable=False),
        Column("days", Integer(), nullable=False),
        Column("delete_too", Boolean(), nullable=False),
        Column("senders", Text(), nullable=False),
        Column("mail_group", Integer(), nullable=True),
        Column("fault", _BYTEWISE, nullable=False),
        Column("error", Text(), nullable=False),
        Column("failed", BigInteger(), nullable=True),
        Column("succeeded", BigInteger(), nullable=True),
        Column("failures", Integer(), nullable=False),
        Column("due", BigInteger(), nullable=True),
        Column("halted", Boolean(), nullable=False),
        ForeignKeyConstraint(["mail_group"], ["mail_group.id"]),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("direction", "key"),
    )
    op.create_table(
        "mail_filter",
        Column("id", Integer(), nullable=False),
        Column("role", _BYTEWISE, nullable=True),
        Column("name", Text(), nullable=False),
        Column("mail_group", Integer(), nullable=True),
        Column("parent", Integer(), nullable=True),
        Column("criteria", Text(), nullable=False),
        Column("position", Integer(), nullable=False),
        ForeignKeyConstraint(["mail_group"], ["mail_group.id"]),
        ForeignKeyConstraint(["parent"], ["mail_filter.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "outgoing",
        Column("id", _LONG, nullable=False),
        Column("state", _BYTEWISE, nullable=False),
        Column("kind", _BYTEWISE, nullable=False),
        Column("person", Integer(), nullable=True),
        Column("mail_group", Integer(), nullable=True),
        Column("account", Integer(), nullable=True),
        Column("sender", Text(), nullable=False),
        Column("recipients", Text(), nullable=False),
        Column("subject", Text(), nullable=False),
        Column("body", Text(), nullable=False),
        Column("answers", BigInteger(), nullable=True),
        Column("message_id", _BYTEWISE, nullable=True),
        Column("raw", LargeBinary(), nullable=True),
        Column("message", BigInteger(), nullable=True),
        Column("said", Text(), nullable=False),
        Column("tries", Integer(), nullable=False),
        Column("due", BigInteger(), nullable=True),
        Column("changed", BigInteger(), nullable=False),
        Column("deleted", Boolean(), nullable=False),
        ForeignKeyConstraint(["mail_group"], ["mail_group.id"]),
        ForeignKeyConstraint(["person"], ["person.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_outgoing_answers"), "outgoing", ["answers"])
    op.create_index(op.f("ix_outgoing_mail_group"), "outgoing", ["mail_group"])
    op.create_index(op.f("ix_outgoing_message"), "outgoing", ["message"])
    op.create_index(op.f("ix_outgoing_person"), "outgoing", ["person"])
    op.create_index("outgoing_state", "outgoing", ["state", "due"])
    op.create_table(
        "arrival_rule",
        Column("account", Integer(), nullable=False),
        Column("mail_group", Integer(), nullable=False),
        Column("work", _BYTEWISE, nullable=False),
        Column("owner", Integer(), nullable=True),
        Column("topic", Integer(), nullable=True),
        ForeignKeyConstraint(["account"], ["account.id"]),
        ForeignKeyConstraint(["mail_group"], ["mail_group.id"]),
        ForeignKeyConstraint(["owner"], ["person.id"]),
        ForeignKeyConstraint(["topic"], ["topic.id"]),
        PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "oauth_request",
        Column("state", _BYTEWISE, nullable=False),
        Column("account", Integer(), nullable=False),
        Column("person", Integer(), nullable=True),
        Column("provider", _BYTEWISE, nullable=False),
        Column("key", _BYTEWISE, nullable=False),
        Column("redirect", Text(), nullable=False),
        Column("browser", _BYTEWISE, nullable=False),
        Column("verifier", Text(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        ForeignKeyConstraint(["account"], ["account.id"]),
        ForeignKeyConstraint(["person"], ["person.id"]),
        PrimaryKeyConstraint("state"),
    )
    op.create_table(
        "outgoing_file",
        Column("id", _LONG, nullable=False),
        Column("outgoing", _LONG, nullable=False),
        Column("name", Text(), nullable=False),
        Column("type", Text(), nullable=False),
        Column("data", LargeBinary(), nullable=False),
        ForeignKeyConstraint(["outgoing"], ["outgoing.id"]),
        PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_outgoing_file_outgoing"), "outgoing_file", ["outgoing"])
    op.create_table(
        "clock",
        Column("boot", _BYTEWISE, nullable=False),
        Column("running", BigInteger(), nullable=False),
        Column("stands", BigInteger(), nullable=False),
        PrimaryKeyConstraint("boot"),
    )
    op.create_table(
        "seen",
        Column("account", Integer(), nullable=False),
        Column("uid", _BYTEWISE, nullable=False),
        Column("sha256", _BYTEWISE, nullable=False),
        Column("size", BigInteger(), nullable=False),
        Column("message", BigInteger(), nullable=True),
        Column("at", BigInteger(), nullable=False),
        Column("state", _BYTEWISE, nullable=False),
        ForeignKeyConstraint(["account"], ["account.id"]),
        PrimaryKeyConstraint("account", "uid"),
        sqlite_with_rowid=False,
    )
    op.create_index("seen_message", "seen", ["message"])
    op.create_index("seen_state", "seen", ["account", "state"])


def downgrade() -> None:
    """Drop it all."""
    for name in reversed(_TABLES):
        op.drop_table(name)
    for name, *_ in _ADDED:
        op.drop_index(name, "message")
    for name, *columns in _WIDENED:
        op.drop_index(name, "message")
        op.create_index(name, "message", columns)
    for column in reversed(_OF_MESSAGE):
        op.drop_column("message", column.name)


_OF_MESSAGE: tuple[Column[Any], ...] = (
    Column("work", _BYTEWISE, server_default="open", nullable=False),
    Column("owner", Integer(), nullable=True),
    Column("spam", Integer(), server_default="0", nullable=False),
    Column("deleted", Boolean(), server_default=sa.false(), nullable=False),
    Column("mail_group", Integer(), nullable=True),
    Column("account", Integer(), nullable=True),
    Column("topic", Integer(), nullable=True),
)
_HANDLED = ("deleted", "mail_group", "work", "spam", "owner", "topic")
_WIDENED = (
    ("message_undecided", "decided", "date", "id"),
    ("message_newest", "date", "id"),
    ("message_state", "state", "date", "id"),
    ("message_corrected", "corrected", "date", "id"),
)
_ADDED = (
    ("message_group", "", "mail_group", "work", "date", "id"),
    ("message_owner", "owner IS NOT NULL", "owner", "mail_group", "work", "date", "id"),
    ("message_topic", "topic IS NOT NULL", "topic", "date", "id"),
    ("message_spam", "spam > 0", "spam", "mail_group", "date", "id"),
    ("message_deleted", "deleted = true", "mail_group", "date", "id"),
)
_TABLES = (
    "mail_server",
    "oauth_link",
    "oauth_provider",
    "signature",
    "tag",
    "topic",
    "mail_group",
    "message_tag",
    "server_mail",
    "account",
    "mail_filter",
    "outgoing",
    "arrival_rule",
    "oauth_request",
    "outgoing_file",
    "clock",
    "seen",
)
