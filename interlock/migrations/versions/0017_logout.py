"""Logouts that can be followed, keys that are published before they sign, clients that register themselves.

A logout is a row of its own: the deliveries to the clients point to it, and whoever signed out may look at them with
a receipt, without being signed in. A key has the moment from which it signs. A client that registered itself holds a
token for its registration (RFC 7592); what lets strangers register is an initial access token with a number of uses.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE sso.signing_key ADD COLUMN signs_from timestamptz, ADD COLUMN withdrawn_at timestamptz;
UPDATE sso.signing_key SET signs_from = created_at;
ALTER TABLE sso.signing_key
    ALTER COLUMN signs_from SET NOT NULL,
    ADD CONSTRAINT signing_key_signs_before_it_retires CHECK (retired_at >= signs_from OR withdrawn_at IS NOT NULL);

CREATE TABLE sso.logout (
    logout_id      uuid PRIMARY KEY,
    identity_id    uuid NOT NULL REFERENCES sso.identity,
    reason         text NOT NULL,
    receipt_digest bytea UNIQUE,
    at             timestamptz NOT NULL
);
CREATE INDEX logout_by_identity ON sso.logout (identity_id, at);

ALTER TABLE sso.logout_delivery
    ADD COLUMN logout_id       uuid REFERENCES sso.logout,
    ADD COLUMN last_attempt_at timestamptz,
    ALTER COLUMN uri DROP NOT NULL,
    DROP CONSTRAINT logout_delivery_state_check,
    ADD CONSTRAINT logout_delivery_state_check CHECK (state IN ('waiting', 'delivered', 'given_up', 'no_address')),
    ADD CONSTRAINT logout_delivery_goes_somewhere CHECK ((uri IS NULL) = (state = 'no_address'));
CREATE INDEX logout_delivery_by_logout ON sso.logout_delivery (logout_id);
CREATE INDEX session_overdue_by_age ON sso.session (expires_at) WHERE ended_at IS NULL;
CREATE INDEX session_overdue_by_rest ON sso.session (kind, last_seen_at) WHERE ended_at IS NULL;

CREATE TABLE sso.initial_access_token (
    token_digest bytea PRIMARY KEY,
    label        text NOT NULL,
    scopes       text[] NOT NULL,
    uses_left    integer NOT NULL CHECK (uses_left >= 0),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);

ALTER TABLE sso.client
    ADD COLUMN registration_digest bytea UNIQUE,
    ADD COLUMN registered_with     bytea REFERENCES sso.initial_access_token;
"""

DOWNGRADE = """
ALTER TABLE sso.client DROP COLUMN registration_digest, DROP COLUMN registered_with;
DROP TABLE sso.initial_access_token;
DROP INDEX sso.session_overdue_by_age, sso.session_overdue_by_rest;
DELETE FROM sso.logout_delivery WHERE state = 'no_address';
ALTER TABLE sso.logout_delivery
    DROP CONSTRAINT logout_delivery_goes_somewhere,
    DROP CONSTRAINT logout_delivery_state_check,
    ADD CONSTRAINT logout_delivery_state_check CHECK (state IN ('waiting', 'delivered', 'given_up')),
    ALTER COLUMN uri SET NOT NULL,
    DROP COLUMN logout_id, DROP COLUMN last_attempt_at;
DROP TABLE sso.logout;
-- A withdrawn key must not be believed again by a release that does not know the word.
DELETE FROM sso.signing_key WHERE withdrawn_at IS NOT NULL;
ALTER TABLE sso.signing_key
    DROP CONSTRAINT signing_key_signs_before_it_retires, DROP COLUMN signs_from, DROP COLUMN withdrawn_at;
"""


def upgrade() -> None:
    """Keys sign from the moment they were made; logouts of before have no receipt."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Back to keys that sign at once, and logouts that nobody can follow."""
    op.execute(DOWNGRADE)
