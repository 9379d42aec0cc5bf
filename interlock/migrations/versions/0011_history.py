"""History for who subscribes later: what happened before a subscription is read in the bulk lane, if at all.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


UPGRADE = """
ALTER TABLE hub.channels
    -- Events of transactions up to this one were there before the subscription: for this channel they are of the bulk
    -- lane, whatever lane they came in. 0: there is no history to read.
    ADD COLUMN history_txid xid8 NOT NULL DEFAULT '0';
"""


def upgrade() -> None:
    """Add the column. Who is connected already goes on where it is."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop it. A channel that is reading its history does not get the rest of what was live then."""
    op.execute("ALTER TABLE hub.channels DROP COLUMN history_txid")
