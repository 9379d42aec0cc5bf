"""${message}."""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: a mistake is corrected by the next migration."""
    op.execute("""${upgrades if upgrades and upgrades != "pass" else "SELECT 1"}""")
