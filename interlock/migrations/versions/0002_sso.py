"""The provider's tables: clients, identities, sessions, one-time artefacts, grants, keys, logout deliveries, audit.

Secrets, codes, tokens and passwords are kept as digests only; phone numbers and private keys are sealed by the
field cipher, phone numbers also carry a keyed blind index for look-up.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA IF NOT EXISTS sso;

CREATE TABLE sso.signing_key (
    kid            text PRIMARY KEY,
    algorithm      text NOT NULL CHECK (algorithm IN ('ES256', 'RS256')),
    public_jwk     jsonb NOT NULL,
    private_sealed text NOT NULL,
    created_at     timestamptz NOT NULL,
    retired_at     timestamptz
);
CREATE UNIQUE INDEX signing_key_one_active ON sso.signing_key (algorithm) WHERE retired_at IS NULL;

CREATE TABLE sso.client (
    client_id                 text PRIMARY KEY,
    name_zh                   text NOT NULL,
    name_en                   text NOT NULL,
    auth_methods              text[] NOT NULL,
    secret_digest             bytea,
    redirect_uris             text[] NOT NULL DEFAULT '{}',
    post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    backchannel_logout_uri    text,
    grant_types               text[] NOT NULL,
    scopes                    text[] NOT NULL,
    channel                   text,
    id_token_algorithm        text NOT NULL DEFAULT 'RS256' CHECK (id_token_algorithm IN ('ES256', 'RS256')),
    created_at                timestamptz NOT NULL,
    disabled_at               timestamptz,
    CHECK (('none' = ANY (auth_methods)) = (secret_digest IS NULL))
);

CREATE TABLE sso.identity (
    identity_id   uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('passenger', 'staff')),
    login_name    text UNIQUE CHECK (login_name = lower(login_name)),
    display_name  text NOT NULL,
    password_hash text,
    phone_sealed  text,
    phone_blind   text UNIQUE,
    roles         text[] NOT NULL DEFAULT '{}',
    locale        text NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    CHECK ((phone_sealed IS NULL) = (phone_blind IS NULL)),
    CHECK (kind = 'staff' OR roles = '{}')
);

CREATE TABLE sso.attempt_counter (
    subject      text NOT NULL,
    method       text NOT NULL CHECK (method IN ('password', 'code')),
    failures     integer NOT NULL,
    locked_until timestamptz,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (subject, method)
);

CREATE TABLE sso.phone_challenge (
    handle_digest bytea PRIMARY KEY,
    purpose       text NOT NULL CHECK (purpose IN ('login', 'register')),
    phone_sealed  text NOT NULL,
    phone_blind   text NOT NULL,
    code_digest   text NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    verified_at   timestamptz,
    consumed_at   timestamptz
);
CREATE INDEX phone_challenge_recent ON sso.phone_challenge (phone_blind, created_at);

CREATE TABLE sso.session (
    session_id    uuid PRIMARY KEY,
    cookie_digest bytea NOT NULL UNIQUE,
    identity_id   uuid NOT NULL REFERENCES sso.identity,
    auth_time     timestamptz NOT NULL,
    acr           text NOT NULL,
    amr           text[] NOT NULL,
    user_agent    text NOT NULL,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    end_reason    text
);
CREATE INDEX session_live_by_identity ON sso.session (identity_id) WHERE ended_at IS NULL;

CREATE TABLE sso.session_client (
    session_id uuid NOT NULL REFERENCES sso.session,
    client_id  text NOT NULL REFERENCES sso.client,
    first_at   timestamptz NOT NULL,
    PRIMARY KEY (session_id, client_id)
);

CREATE TABLE sso.interaction (
    handle_digest bytea PRIMARY KEY,
    parameters    jsonb NOT NULL,
    login_again   boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);

CREATE TABLE sso.code (
    code_digest    bytea PRIMARY KEY,
    grant_id       uuid NOT NULL UNIQUE,
    client_id      text NOT NULL REFERENCES sso.client,
    session_id     uuid NOT NULL REFERENCES sso.session,
    identity_id    uuid NOT NULL REFERENCES sso.identity,
    redirect_uri   text NOT NULL,
    scope          text[] NOT NULL,
    claims         jsonb NOT NULL,
    nonce          text,
    code_challenge text NOT NULL,
    auth_time      timestamptz NOT NULL,
    acr            text NOT NULL,
    amr            text[] NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    consumed_at    timestamptz
);

CREATE TABLE sso.token_grant (
    grant_id      uuid PRIMARY KEY,
    client_id     text NOT NULL REFERENCES sso.client,
    session_id    uuid NOT NULL REFERENCES sso.session,
    identity_id   uuid NOT NULL REFERENCES sso.identity,
    scope         text[] NOT NULL,
    claims        jsonb NOT NULL,
    auth_time     timestamptz NOT NULL,
    acr           text NOT NULL,
    amr           text[] NOT NULL,
    created_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    revoke_reason text
);
CREATE INDEX token_grant_live_by_session ON sso.token_grant (session_id) WHERE revoked_at IS NULL;

CREATE TABLE sso.refresh_token (
    token_digest bytea PRIMARY KEY,
    grant_id     uuid NOT NULL REFERENCES sso.token_grant,
    generation   integer NOT NULL,
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    UNIQUE (grant_id, generation)
);

CREATE TABLE sso.logout_delivery (
    delivery_id     uuid PRIMARY KEY,
    session_id      uuid NOT NULL REFERENCES sso.session,
    identity_id     uuid NOT NULL REFERENCES sso.identity,
    client_id       text NOT NULL REFERENCES sso.client,
    uri             text NOT NULL,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_status     integer,
    last_error      text,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz,
    UNIQUE (session_id, client_id)
);
CREATE INDEX logout_delivery_due ON sso.logout_delivery (next_attempt_at) WHERE state = 'waiting';

CREATE TABLE sso.audit (
    audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    kind        text NOT NULL,
    identity_id uuid,
    client_id   text,
    session_id  uuid,
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_by_identity ON sso.audit (identity_id, at);
"""


def upgrade() -> None:
    """Create the schema `sso` and its tables."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop the schema `sso` with everything in it."""
    op.execute("DROP SCHEMA sso CASCADE")
