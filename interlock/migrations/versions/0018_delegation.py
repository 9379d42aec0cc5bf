"""Who may act for whom: what people agreed to, and the clerks who work for an agents' company.

A consent is never edited: another one replaces it, and what was agreed before stays readable. A grant that came out of
an exchange (RFC 8693) names the grant it was exchanged from and the session of the clerk who acts: it ends with either.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE sso.consent (
    consent_id  uuid PRIMARY KEY,
    identity_id uuid NOT NULL REFERENCES sso.identity,
    client_id   text NOT NULL REFERENCES sso.client,
    scope       text[] NOT NULL,
    acts        boolean NOT NULL,
    session_id  uuid NOT NULL REFERENCES sso.session,
    given_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    end_reason  text,
    CHECK (expires_at > given_at),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE UNIQUE INDEX consent_one_stands ON sso.consent (identity_id, client_id) WHERE ended_at IS NULL;

CREATE TABLE sso.clerk (
    client_id   text NOT NULL REFERENCES sso.client,
    identity_id uuid NOT NULL REFERENCES sso.identity,
    employed_at timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (client_id, identity_id)
);

ALTER TABLE sso.token_grant
    ADD COLUMN parent_id        uuid REFERENCES sso.token_grant,
    ADD COLUMN actor_session_id uuid REFERENCES sso.session;
CREATE INDEX token_grant_by_actor_session ON sso.token_grant (actor_session_id)
    WHERE revoked_at IS NULL AND actor_session_id IS NOT NULL;
CREATE INDEX token_grant_by_parent ON sso.token_grant (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX token_grant_live_by_identity ON sso.token_grant (identity_id, client_id) WHERE revoked_at IS NULL;

CREATE INDEX audit_of_agents ON sso.audit (identity_id, client_id, audit_id)
    WHERE kind IN ('agent_token_issued', 'agent_acted');
"""

DOWNGRADE = """
DROP INDEX sso.audit_of_agents;
UPDATE sso.token_grant SET revoked_at = now(), revoke_reason = 'delegation_removed'
    WHERE revoked_at IS NULL AND parent_id IS NOT NULL;
DROP INDEX sso.token_grant_live_by_identity, sso.token_grant_by_parent, sso.token_grant_by_actor_session;
ALTER TABLE sso.token_grant DROP COLUMN parent_id, DROP COLUMN actor_session_id;
DROP TABLE sso.clerk, sso.consent;
"""


def upgrade() -> None:
    """Consents, clerks, and grants that hang on other grants."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Nobody acts for anybody; tokens of agents are ended, not left open."""
    op.execute(DOWNGRADE)
