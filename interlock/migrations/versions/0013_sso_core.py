"""The provider's core for five channels: trees of sessions, tokens for one audience and one key, pushed requests.

A client proves itself by a secret or by its own key, says what it may ask for, and a resource server may look into the
tokens that are made for it. A session may be the child of another (approved on a phone for a window or a call). A
grant names its audience, the key it is bound to, who acts, and where it came from. What may be used once only and is
no row of its own (an assertion's `jti`, a DPoP proof's) is remembered until it could not be accepted any more.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE sso.client
    ADD COLUMN jwks             jsonb,
    ADD COLUMN jwks_uri         text,
    ADD COLUMN require_pkce     boolean NOT NULL DEFAULT true,
    ADD COLUMN require_par      boolean NOT NULL DEFAULT false,
    ADD COLUMN require_dpop     boolean NOT NULL DEFAULT false,
    ADD COLUMN audiences        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN resource         text UNIQUE,
    ADD COLUMN consent          text NOT NULL DEFAULT 'implicit' CHECK (consent IN ('implicit', 'explicit')),
    ADD COLUMN ciba_mode        text CHECK (ciba_mode IN ('poll', 'ping')),
    ADD COLUMN notification_uri text,
    ADD COLUMN may_act          boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT client_check,
    ADD CONSTRAINT client_proves_itself CHECK (
        cardinality(auth_methods) > 0
        AND (NOT 'none' = ANY (auth_methods) OR cardinality(auth_methods) = 1)
        AND ((auth_methods && '{client_secret_basic,client_secret_post}') = (secret_digest IS NOT NULL))
        AND num_nonnulls(jwks, jwks_uri) <= 1
        AND (NOT 'private_key_jwt' = ANY (auth_methods) OR num_nonnulls(jwks, jwks_uri) = 1)),
    ADD CONSTRAINT client_is_pinged_somewhere CHECK (
        (ciba_mode IS NOT DISTINCT FROM 'ping') = (notification_uri IS NOT NULL));

ALTER TABLE sso.session
    ALTER COLUMN cookie_digest DROP NOT NULL,
    ADD COLUMN parent_id uuid REFERENCES sso.session,
    ADD COLUMN kind      text NOT NULL DEFAULT 'browser'
        CHECK (kind IN ('browser', 'app', 'window', 'call', 'agent')),
    ADD CONSTRAINT session_of_a_browser_has_a_cookie CHECK (kind <> 'browser' OR cookie_digest IS NOT NULL),
    ADD CONSTRAINT session_is_not_its_own_parent CHECK (parent_id <> session_id);
CREATE INDEX session_live_by_parent ON sso.session (parent_id) WHERE ended_at IS NULL;

ALTER TABLE sso.code
    ALTER COLUMN code_challenge DROP NOT NULL,
    ADD COLUMN audience text,
    ADD COLUMN jkt      text,
    ADD COLUMN actor    jsonb,
    ADD COLUMN origin   text NOT NULL DEFAULT 'code' CHECK (origin IN ('code', 'device', 'ciba', 'exchange'));

ALTER TABLE sso.token_grant
    ADD COLUMN audience text,
    ADD COLUMN jkt      text,
    ADD COLUMN actor    jsonb,
    ADD COLUMN origin   text NOT NULL DEFAULT 'code' CHECK (origin IN ('code', 'device', 'ciba', 'exchange'));

ALTER TABLE sso.refresh_token ADD COLUMN graces smallint NOT NULL DEFAULT 0;

CREATE TABLE sso.spent (
    purpose    text NOT NULL,
    digest     bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (purpose, digest)
);
CREATE INDEX spent_until ON sso.spent (expires_at);

CREATE TABLE sso.pushed_request (
    request_digest bytea PRIMARY KEY,
    client_id      text NOT NULL REFERENCES sso.client,
    parameters     text NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    consumed_at    timestamptz
);
"""

DOWNGRADE = """
DROP TABLE sso.pushed_request, sso.spent;
ALTER TABLE sso.refresh_token DROP COLUMN graces;
DELETE FROM sso.refresh_token WHERE grant_id IN (SELECT grant_id FROM sso.token_grant WHERE origin <> 'code');
DELETE FROM sso.token_grant WHERE origin <> 'code';
ALTER TABLE sso.token_grant DROP COLUMN audience, DROP COLUMN jkt, DROP COLUMN actor, DROP COLUMN origin;
DELETE FROM sso.code WHERE code_challenge IS NULL OR origin <> 'code';
ALTER TABLE sso.code DROP COLUMN audience, DROP COLUMN jkt, DROP COLUMN actor, DROP COLUMN origin,
    ALTER COLUMN code_challenge SET NOT NULL;
UPDATE sso.session SET ended_at = coalesce(ended_at, now()), cookie_digest = sha256(session_id::text::bytea)
    WHERE cookie_digest IS NULL;
ALTER TABLE sso.session DROP COLUMN parent_id, DROP COLUMN kind, ALTER COLUMN cookie_digest SET NOT NULL;
UPDATE sso.client SET disabled_at = coalesce(disabled_at, now()), auth_methods = '{none}'
    WHERE secret_digest IS NULL AND NOT ('none' = ANY (auth_methods));
ALTER TABLE sso.client
    DROP CONSTRAINT client_proves_itself, DROP CONSTRAINT client_is_pinged_somewhere,
    DROP COLUMN jwks, DROP COLUMN jwks_uri, DROP COLUMN require_pkce, DROP COLUMN require_par,
    DROP COLUMN require_dpop, DROP COLUMN audiences, DROP COLUMN resource, DROP COLUMN consent,
    DROP COLUMN ciba_mode, DROP COLUMN notification_uri, DROP COLUMN may_act,
    ADD CONSTRAINT client_check CHECK (('none' = ANY (auth_methods)) = (secret_digest IS NULL));
"""


def upgrade() -> None:
    """Widen clients, sessions and grants; nothing that is there changes its meaning."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Back to one audience and bearer tokens; what cannot be said any more is ended, not left open."""
    op.execute(DOWNGRADE)
