"""Rows of up to 8 kB stay in one piece, as they are.

By default PostgreSQL takes a row of more than 2 kB apart: it compresses its longest values (pglz: a fifth of the CPU of
a bulk intake) and moves what is still too long to a table beside it, which costs a second insert, a second index and
another look-up for every reader. Messages, events and most orders have 2 to 3 kB: too much for that limit, and no
reason to be taken apart. Rows that are there stay as they are; readers see no difference.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("messages", "events", "orders")


def upgrade() -> None:
    """Raise the limit to the most that fits a page."""
    for table in TABLES:
        op.execute(f"ALTER TABLE hub.{table} SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    """Back to PostgreSQL's own limit."""
    for table in TABLES:
        op.execute(f"ALTER TABLE hub.{table} RESET (toast_tuple_target)")
