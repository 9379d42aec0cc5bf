"""Acts that an operator's program asked for under a key of its own, so that a second asking gets the first answer.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE hub.requests (
    -- Digest of who asked and of the key that he gave; the audit rows of the act carry it too.
    request        text PRIMARY KEY,
    -- Digest of method, address and body: the same key with another one is a mistake.
    fingerprint    bytea NOT NULL,
    -- Where the audit chain ended when it began: what the act did stands behind it.
    audit_position bigint NOT NULL,
    began_at       timestamptz NOT NULL,
    -- The answer, sealed: a rotation's has a secret in it. NULL while it is being worked on, or when that was cut off.
    status         integer,
    media_type     text,
    answer         bytea
);
CREATE INDEX requests_by_age ON hub.requests (began_at);
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop it. An act that is asked for again under its old key is done again."""
    op.execute("DROP TABLE hub.requests")
