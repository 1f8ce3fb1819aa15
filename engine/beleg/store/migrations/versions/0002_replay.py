"""What a replay needs: the inputs of a decision, the rule sets behind their ids, and the mailbox of a message."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; older decisions have no inputs, older messages no mailbox."""
    op.create_table(
        "ruleset",
        Column("id", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True, nullable=False),
        Column("description", Text(), nullable=False),
    )
    op.add_column("decision", Column("inputs", Text(), nullable=True))
    op.add_column("message", Column("mailbox", Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("message", "mailbox")
    op.drop_column("decision", "inputs")
    op.drop_table("ruleset")
