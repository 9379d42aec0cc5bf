"""When each definition is due, which files came late, and the digests of each channel's five minutes."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    """When each definition is due, which files came late, and the digests of each channel's five minutes."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
