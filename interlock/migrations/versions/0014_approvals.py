"""What waits for somebody's approval on their own phone: a window's code (RFC 8628), a clerk's request (CIBA).

One table for both, because they are polled, decided and redeemed alike. Device codes and auth_req_ids are kept as
digests, user codes and read-back codes under the keyed digest (they are too short for a plain one). What a ping has to
say again (auth_req_id and the client's token) is sealed, and forgotten when it was said.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE sso.approval (
    approval_id      uuid PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('device', 'ciba')),
    secret_digest    bytea NOT NULL UNIQUE,
    user_code_blind  text UNIQUE,
    read_back_blind  text,
    client_id        text NOT NULL REFERENCES sso.client,
    grant_id         uuid NOT NULL UNIQUE,
    scope            text[] NOT NULL,
    audience         text,
    place            jsonb NOT NULL DEFAULT '{}',
    binding_message  text,
    acr_values       text[] NOT NULL DEFAULT '{}',
    identity_id      uuid REFERENCES sso.identity,
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'refused')),
    session_id       uuid REFERENCES sso.session,
    auth_time        timestamptz,
    acr              text,
    amr              text[],
    interval_seconds integer NOT NULL,
    polled_at        timestamptz,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    decided_at       timestamptz,
    consumed_at      timestamptz,
    ping_uri         text,
    ping_sealed      text,
    CHECK ((kind = 'device') = (user_code_blind IS NOT NULL)),
    CHECK (kind = 'device' OR identity_id IS NOT NULL),
    CHECK ((state = 'approved') = (auth_time IS NOT NULL)),
    CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX approval_of_identity ON sso.approval (identity_id, created_at) WHERE identity_id IS NOT NULL;

CREATE TABLE sso.approval_ping (
    approval_id     uuid PRIMARY KEY REFERENCES sso.approval ON DELETE CASCADE,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_status     integer,
    last_error      text,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz
);
CREATE INDEX approval_ping_due ON sso.approval_ping (next_attempt_at) WHERE state = 'waiting';

CREATE TABLE sso.user_code_guess (
    subject text NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX user_code_guess_recent ON sso.user_code_guess (subject, at);
"""

DOWNGRADE = """
DROP TABLE sso.user_code_guess;
DROP TABLE sso.approval_ping;
DROP TABLE sso.approval;
"""


def upgrade() -> None:
    """Create the tables of approvals."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them; whoever waits asks again."""
    op.execute(DOWNGRADE)
