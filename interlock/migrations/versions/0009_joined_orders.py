"""Orders that turned out to be one: the id of the one that was joined leads to the other.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UPGRADE = """
-- An order that is part of an older one now. Its messages, events and deliveries keep its id.
CREATE TABLE hub.aliases (
    order_id  uuid PRIMARY KEY,
    -- The order that it is part of now, and the one that it was joined to then, which may have been joined since.
    into_id   uuid NOT NULL,
    first_into uuid NOT NULL,
    joined_at timestamptz NOT NULL,
    CHECK (order_id <> into_id)
);
CREATE INDEX aliases_into ON hub.aliases (into_id);
"""


def upgrade() -> None:
    """Add the table; nothing has been joined before."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop it. Ids of orders that were joined lead nowhere then."""
    op.execute("DROP TABLE hub.aliases")
