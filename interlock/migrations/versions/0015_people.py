"""How people prove who they are: passkeys, one-time passwords by time, recovery codes, recovery at a window, notices.

Nothing here can be used by who reads it: public keys, sealed secrets, keyed digests. One-time rows are used up by one
`UPDATE ... WHERE consumed_at IS NULL`.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UPGRADE = """
-- A counter is any method's; `locks` is how often it was locked since the last right attempt.
ALTER TABLE sso.attempt_counter DROP CONSTRAINT attempt_counter_method_check;
ALTER TABLE sso.attempt_counter ADD COLUMN locks integer NOT NULL DEFAULT 0;

-- A code may prove the new number of a person who is known already, or be a second step. `identity_id`: of whom.
ALTER TABLE sso.phone_challenge DROP CONSTRAINT phone_challenge_purpose_check;
ALTER TABLE sso.phone_challenge ADD CHECK (purpose IN ('login', 'register', 'step_up', 'change', 'recover'));
ALTER TABLE sso.phone_challenge ADD COLUMN identity_id uuid REFERENCES sso.identity;
CREATE INDEX phone_challenge_pending ON sso.phone_challenge (identity_id) WHERE identity_id IS NOT NULL;

CREATE TABLE sso.passkey (
    credential_id bytea PRIMARY KEY,
    identity_id   uuid NOT NULL REFERENCES sso.identity,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL,
    backed_up     boolean NOT NULL,
    label         text NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX passkey_by_identity ON sso.passkey (identity_id);

-- What an authenticator is asked to sign, once. `identity_id`: to whom a new passkey shall belong; none for a login.
CREATE TABLE sso.passkey_challenge (
    handle_digest bytea PRIMARY KEY,
    identity_id   uuid REFERENCES sso.identity,
    challenge     bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    consumed_at   timestamptz
);

-- `last_step`: the newest step of 30 s that was accepted; none at or before it is accepted again.
CREATE TABLE sso.totp (
    identity_id   uuid PRIMARY KEY REFERENCES sso.identity,
    secret_sealed text NOT NULL,
    last_step     bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    confirmed_at  timestamptz
);

CREATE TABLE sso.recovery_code (
    identity_id uuid NOT NULL REFERENCES sso.identity,
    code_blind  text NOT NULL,
    created_at  timestamptz NOT NULL,
    consumed_at timestamptz,
    PRIMARY KEY (identity_id, code_blind)
);

-- A person without any way in stands at a window. One clerk asks, another one confirms, the person uses the ticket.
CREATE TABLE sso.recovery (
    recovery_id    uuid PRIMARY KEY,
    identity_id    uuid NOT NULL REFERENCES sso.identity,
    office         text NOT NULL,
    document_type  text NOT NULL,
    document_blind text NOT NULL,
    asked_by       uuid NOT NULL REFERENCES sso.identity,
    asked_at       timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    confirmed_by   uuid REFERENCES sso.identity,
    confirmed_at   timestamptz,
    ticket_blind   text UNIQUE,
    consumed_at    timestamptz,
    CONSTRAINT recovery_by_two_clerks CHECK (confirmed_by <> asked_by),
    CONSTRAINT recovery_never_ones_own CHECK (identity_id <> asked_by AND identity_id <> confirmed_by)
);
CREATE INDEX recovery_waiting ON sso.recovery (expires_at) WHERE consumed_at IS NULL;

-- What a person is told about their own account, on its page and by message; `state` is the message's.
CREATE TABLE sso.notice (
    notice_id       uuid PRIMARY KEY,
    identity_id     uuid NOT NULL REFERENCES sso.identity,
    kind            text NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}',
    phone_sealed    text,
    state           text NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up', 'page_only')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    CHECK (state <> 'waiting' OR phone_sealed IS NOT NULL)
);
CREATE INDEX notice_by_identity ON sso.notice (identity_id, created_at);
CREATE INDEX notice_due ON sso.notice (next_attempt_at) WHERE state = 'waiting';
"""

DOWNGRADE = """
DROP TABLE sso.notice, sso.recovery, sso.recovery_code, sso.totp, sso.passkey_challenge, sso.passkey;
DELETE FROM sso.phone_challenge WHERE purpose NOT IN ('login', 'register');
ALTER TABLE sso.phone_challenge DROP COLUMN identity_id, DROP CONSTRAINT phone_challenge_purpose_check;
ALTER TABLE sso.phone_challenge
    ADD CONSTRAINT phone_challenge_purpose_check CHECK (purpose IN ('login', 'register'));
DELETE FROM sso.attempt_counter WHERE method NOT IN ('password', 'code');
ALTER TABLE sso.attempt_counter DROP COLUMN locks;
ALTER TABLE sso.attempt_counter
    ADD CONSTRAINT attempt_counter_method_check CHECK (method IN ('password', 'code'));
"""


def upgrade() -> None:
    """Add the tables, and what the present ones need beside them."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without them: only passwords and phone codes are left."""
    op.execute(DOWNGRADE)
