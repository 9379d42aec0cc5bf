"""When a ticket's journey begins and ends, so that one person on two trains at once is found; orders that wait."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE hub.tickets ADD COLUMN departs_at timestamptz, ADD COLUMN arrives_at timestamptz;
CREATE INDEX orders_incomplete ON hub.orders (created_at) WHERE NOT complete;
"""


def upgrade() -> None:
    """Add the columns; tickets written before have no times until their order is written again."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX hub.orders_incomplete")
    op.execute("ALTER TABLE hub.tickets DROP COLUMN arrives_at, DROP COLUMN departs_at")
