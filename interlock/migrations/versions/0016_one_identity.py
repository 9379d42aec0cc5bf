"""One identity: a name with its document, the channels' old accounts, accounts joined to one, frequent passengers.

Names, numbers, telephones and account names are sealed; what has to be found carries a keyed blind index. Nothing is
deleted while it can be undone: what ended keeps its row, with the moment and the reason.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UPGRADE = """
-- An account that was joined to another one sleeps: disabled, and its row says where its person is known now.
ALTER TABLE sso.identity
    ADD COLUMN joined_to uuid REFERENCES sso.identity,
    ADD CONSTRAINT identity_joined_sleeps CHECK (joined_to IS NULL OR disabled_at IS NOT NULL),
    ADD CONSTRAINT identity_joined_to_another CHECK (joined_to <> identity_id);

-- Who an identity is by law. Anybody may declare any number; only one identity can be its confirmed holder.
CREATE TABLE sso.real_name (
    identity_id   uuid PRIMARY KEY REFERENCES sso.identity,
    name_sealed   text NOT NULL,
    document_type text NOT NULL,
    number_sealed text NOT NULL,
    number_blind  text NOT NULL,
    state         text NOT NULL CHECK (state IN ('unverified', 'verified', 'at_window')),
    confirmed_by  text,
    declared_at   timestamptz NOT NULL,
    confirmed_at  timestamptz,
    CHECK ((state = 'unverified') = (confirmed_at IS NULL)),
    CHECK ((state = 'unverified') = (confirmed_by IS NULL))
);
CREATE UNIQUE INDEX real_name_one_holder ON sso.real_name (number_blind) WHERE state <> 'unverified';

-- The passenger shows this code at a window: whose name the clerk confirms, and that its holder stands there.
CREATE TABLE sso.window_request (
    code_blind  text PRIMARY KEY,
    identity_id uuid NOT NULL REFERENCES sso.identity,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);

-- An account of before at one channel. `told`: what the channel has confirmed to have done with it; `joining_id`: the
-- joining by which it came from another identity.
CREATE TABLE sso.linked_account (
    link_id         uuid PRIMARY KEY,
    identity_id     uuid NOT NULL REFERENCES sso.identity,
    channel         text NOT NULL,
    account_sealed  text NOT NULL,
    account_blind   text NOT NULL,
    label           text NOT NULL,
    proof           text NOT NULL CHECK (proof IN ('password', 'code', 'window')),
    linked_at       timestamptz NOT NULL,
    undo_until      timestamptz NOT NULL,
    joining_id      uuid,
    ended_at        timestamptz,
    end_reason      text,
    told            text CHECK (told IN ('absorbed', 'released')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_error      text,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE UNIQUE INDEX linked_account_once ON sso.linked_account (channel, account_blind) WHERE ended_at IS NULL;
CREATE INDEX linked_account_by_identity ON sso.linked_account (identity_id, linked_at);
CREATE INDEX linked_account_to_tell ON sso.linked_account (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- The other side was proven just now, and the person reads what will happen. Good once, for minutes, in one session.
CREATE TABLE sso.link_proof (
    handle_digest        bytea PRIMARY KEY,
    identity_id          uuid NOT NULL REFERENCES sso.identity,
    session_id           uuid NOT NULL REFERENCES sso.session,
    absorbed_identity_id uuid REFERENCES sso.identity,
    channel              text,
    account_sealed       text,
    proof                text NOT NULL CHECK (proof IN ('password', 'code', 'window')),
    proven_at            timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    consumed_at          timestamptz,
    CHECK ((absorbed_identity_id IS NULL) = (account_sealed IS NOT NULL)),
    CHECK ((channel IS NULL) = (account_sealed IS NULL)),
    CHECK (absorbed_identity_id <> identity_id)
);

-- A clerk at a window has seen document and account; the passenger types the code where they are signed in.
CREATE TABLE sso.link_voucher (
    code_blind     text PRIMARY KEY,
    channel        text NOT NULL,
    account_sealed text NOT NULL,
    clerk_id       uuid NOT NULL REFERENCES sso.identity,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    consumed_at    timestamptz
);

-- Two identities that were one person. `taken_phone_...`: the absorbed one's number, when the kept one took it over.
CREATE TABLE sso.joining (
    joining_id           uuid PRIMARY KEY,
    kept_identity_id     uuid NOT NULL REFERENCES sso.identity,
    absorbed_identity_id uuid NOT NULL REFERENCES sso.identity,
    proof                text NOT NULL CHECK (proof IN ('password', 'code')),
    taken_phone_sealed   text,
    taken_phone_blind    text,
    real_name_moved      boolean NOT NULL,
    joined_at            timestamptz NOT NULL,
    undo_until           timestamptz NOT NULL,
    parted_at            timestamptz,
    parted_by            text CHECK (parted_by IN ('kept', 'absorbed', 'staff')),
    CHECK (kept_identity_id <> absorbed_identity_id),
    CHECK ((taken_phone_sealed IS NULL) = (taken_phone_blind IS NULL)),
    CHECK ((parted_at IS NULL) = (parted_by IS NULL))
);
CREATE UNIQUE INDEX joining_once ON sso.joining (absorbed_identity_id) WHERE parted_at IS NULL;
CREATE INDEX joining_by_kept ON sso.joining (kept_identity_id, joined_at);

-- `origin_id`: the link or joining that brought the passenger here; undoing it takes them away again.
CREATE TABLE sso.companion (
    companion_id  uuid PRIMARY KEY,
    identity_id   uuid NOT NULL REFERENCES sso.identity,
    name_sealed   text NOT NULL,
    document_type text NOT NULL,
    number_sealed text NOT NULL,
    number_blind  text NOT NULL,
    phone_sealed  text,
    ticket_type   text NOT NULL,
    origin_id     uuid,
    created_at    timestamptz NOT NULL,
    removed_at    timestamptz
);
CREATE UNIQUE INDEX companion_once ON sso.companion (identity_id, number_blind) WHERE removed_at IS NULL;
CREATE INDEX companion_by_origin ON sso.companion (origin_id) WHERE origin_id IS NOT NULL;

-- Which channel's client may read a person's passengers. Withdrawn: read no more, at once.
CREATE TABLE sso.companion_consent (
    identity_id uuid NOT NULL REFERENCES sso.identity,
    client_id   text NOT NULL REFERENCES sso.client,
    given_at    timestamptz NOT NULL,
    PRIMARY KEY (identity_id, client_id)
);

ALTER TABLE sso.phone_challenge DROP CONSTRAINT phone_challenge_purpose_check;
ALTER TABLE sso.phone_challenge ADD CONSTRAINT phone_challenge_purpose_check
    CHECK (purpose IN ('login', 'register', 'step_up', 'change', 'recover', 'part'));
"""

DOWNGRADE = """
DELETE FROM sso.phone_challenge WHERE purpose = 'part';
ALTER TABLE sso.phone_challenge DROP CONSTRAINT phone_challenge_purpose_check;
ALTER TABLE sso.phone_challenge ADD CONSTRAINT phone_challenge_purpose_check
    CHECK (purpose IN ('login', 'register', 'step_up', 'change', 'recover'));
DROP TABLE sso.companion_consent, sso.companion, sso.joining, sso.link_voucher, sso.link_proof, sso.linked_account,
    sso.window_request, sso.real_name;
ALTER TABLE sso.identity DROP COLUMN joined_to;
"""


def upgrade() -> None:
    """Create the tables; nobody is linked to anything yet."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them: accounts that were joined stay asleep."""
    op.execute(DOWNGRADE)
