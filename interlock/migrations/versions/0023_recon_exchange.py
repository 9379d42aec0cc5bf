"""Workbooks that went out and came back, and what counterparties confirmed."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UPGRADE = """
SELECT 1;
"""

DOWNGRADE = """
SELECT 1;
"""


def upgrade() -> None:
    """Workbooks that went out and came back, and what counterparties confirmed."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
