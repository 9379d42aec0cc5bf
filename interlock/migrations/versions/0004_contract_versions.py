"""Every stored document and event says under which version of the contract it was written; connections have own tables.

What is there already was written under 1.0. ``adapter`` and ``code_tables``: several connections may speak one
adapter's language, each with its own codes; empty means the adapter of the channel's own name and its profile's tables.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


# A constant default is kept in the catalogue: no row is rewritten, no table is locked for longer than a moment.
UPGRADE = """
ALTER TABLE hub.orders ADD COLUMN contract text NOT NULL DEFAULT '1.0';
ALTER TABLE hub.events ADD COLUMN contract text NOT NULL DEFAULT '1.0';
ALTER TABLE hub.channels ADD COLUMN adapter text, ADD COLUMN code_tables jsonb NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them; what was written under a later contract than 1.0 is then read as 1.0."""
    op.execute("ALTER TABLE hub.channels DROP COLUMN code_tables, DROP COLUMN adapter")
    op.execute("ALTER TABLE hub.events DROP COLUMN contract")
    op.execute("ALTER TABLE hub.orders DROP COLUMN contract")
