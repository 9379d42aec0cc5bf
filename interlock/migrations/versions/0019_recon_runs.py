"""A run that can be taken up where it stopped: its stages, pieces and progress."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    """A run that can be taken up where it stopped: its stages, pieces and progress."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
