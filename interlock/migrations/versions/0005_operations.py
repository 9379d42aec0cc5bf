"""Running a channel: form, subscriptions, limits, hours, secrets that fade out, lanes, replays.

Every default is a constant, so no row is rewritten and no table is locked for longer than a moment.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


UPGRADE = """
ALTER TABLE hub.channels
    -- How it is told: its own form or CloudEvents, of what, how fast, with or without clear document numbers.
    ADD COLUMN form             text NOT NULL DEFAULT 'native' CHECK (form IN ('native', 'cloudevents')),
    ADD COLUMN event_types      text[],
    ADD COLUMN personal_data    boolean NOT NULL DEFAULT false,
    ADD COLUMN rate_per_second  real CHECK (rate_per_second > 0),
    -- How much it may send, and between which hours (of the channel's own zone) it may ask.
    ADD COLUMN quota_per_minute integer CHECK (quota_per_minute > 0),
    ADD COLUMN opens_at         time,
    ADD COLUMN closes_at        time,
    -- Secrets that were replaced and are good until a time: [{"secret": sealed, "until": RFC 3339}].
    ADD COLUMN former_secrets   jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN state_reason     text,
    ADD COLUMN breaker_openings integer NOT NULL DEFAULT 0,
    -- The channel asked for quiet until then (Retry-After); when its bucket of tokens is full again.
    ADD COLUMN retry_at         timestamptz,
    ADD COLUMN rate_free_at     timestamptz,
    -- How far the bulk lane of the event log has been offered; never ahead of the live cursor.
    ADD COLUMN bulk_txid        xid8 NOT NULL DEFAULT '0',
    ADD COLUMN bulk_position    bigint NOT NULL DEFAULT 0;

ALTER TABLE hub.events ADD COLUMN lane text NOT NULL DEFAULT 'live' CHECK (lane IN ('live', 'bulk'));
CREATE INDEX events_bulk ON hub.events (txid, position) WHERE lane = 'bulk';
-- For a replay's range of time; a few pages for the whole log.
CREATE INDEX events_by_time ON hub.events USING brin (committed_at);

ALTER TABLE hub.deliveries
    ADD COLUMN lane text NOT NULL DEFAULT 'live' CHECK (lane IN ('live', 'bulk', 'replay'));
ALTER TABLE hub.delivery_exceptions
    ADD COLUMN lane text NOT NULL DEFAULT 'live' CHECK (lane IN ('live', 'bulk', 'replay'));

-- A replay that an operator asked for: a filter over the log, and how far it is. One row, however many events.
CREATE TABLE hub.replays (
    replay_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel      text NOT NULL,
    since        timestamptz,
    until        timestamptz,
    event_types  text[],
    order_id     uuid,
    -- Behind the first event is before it; the last one is what the log held when the replay was asked for.
    txid         xid8 NOT NULL,
    position     bigint NOT NULL,
    last_txid    xid8 NOT NULL,
    last_position bigint NOT NULL,
    wanted       bigint NOT NULL,
    sent         bigint NOT NULL DEFAULT 0,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    finished_at  timestamptz
);
CREATE INDEX replays_open ON hub.replays (channel, replay_id) WHERE finished_at IS NULL;
"""


def upgrade() -> None:
    """Add the columns, the indexes and the table."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them. Secrets that were fading out are gone at once; a running replay ends."""
    op.execute("DROP TABLE hub.replays")
    op.execute("ALTER TABLE hub.delivery_exceptions DROP COLUMN lane")
    op.execute("ALTER TABLE hub.deliveries DROP COLUMN lane")
    op.execute("DROP INDEX hub.events_by_time, hub.events_bulk")
    op.execute("ALTER TABLE hub.events DROP COLUMN lane")
    op.execute(
        """ALTER TABLE hub.channels
           DROP COLUMN form, DROP COLUMN event_types, DROP COLUMN personal_data, DROP COLUMN rate_per_second,
           DROP COLUMN quota_per_minute, DROP COLUMN opens_at, DROP COLUMN closes_at, DROP COLUMN former_secrets,
           DROP COLUMN state_reason, DROP COLUMN breaker_openings, DROP COLUMN retry_at, DROP COLUMN rate_free_at,
           DROP COLUMN bulk_txid, DROP COLUMN bulk_position"""
    )
