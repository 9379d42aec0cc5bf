"""The ledger: messages, orders, seats, events, deliveries, audit."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA hub;

-- A connected system. secrets: sealed, newest first, so that a rotation can overlap.
CREATE TABLE hub.channels (
    channel         text PRIMARY KEY,
    endpoint        text,
    secrets         jsonb NOT NULL DEFAULT '[]',
    state           text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    -- How far the event log has been offered to this channel: (transaction id, position), see hub.store.events.
    cursor_txid     xid8 NOT NULL DEFAULT '0',
    cursor_position bigint NOT NULL DEFAULT 0,
    poll_watermark  text,
    breaker_failures integer NOT NULL DEFAULT 0,
    breaker_until   timestamptz,
    last_seen_at    timestamptz,
    created_at      timestamptz NOT NULL
);

-- Every authenticated message with an id, as it came; raw is sealed. Append-only.
CREATE TABLE hub.messages (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel      text NOT NULL,
    message_id   text NOT NULL,
    digest       bytea NOT NULL,
    source       text NOT NULL CHECK (source IN ('http', 'bulk', 'file', 'poll', 'reconciliation', 'hub', 'console')),
    media_type   text NOT NULL,
    raw          bytea NOT NULL,
    received_at  timestamptz NOT NULL,
    occurred_at  timestamptz,
    outcome      text NOT NULL CHECK (outcome IN ('applied', 'witnessed', 'disputed', 'refused')),
    code         text,
    arrival      text NOT NULL DEFAULT 'in_order' CHECK (arrival IN ('in_order', 'out_of_order', 'late')),
    order_id     uuid,
    sequence     integer,
    answer       jsonb NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (channel, message_id)
);
CREATE INDEX messages_of_order ON hub.messages (order_id, position);
CREATE INDEX messages_of_channel ON hub.messages (channel, position);

-- What could not become a message: nobody vouched for it, too large, no id, an id used for other bytes. Append-only.
CREATE TABLE hub.rejections (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel     text NOT NULL,
    message_id  text,
    code        text NOT NULL,
    digest      bytea NOT NULL,
    size_bytes  bigint NOT NULL,
    raw_head    bytea NOT NULL,
    problem     jsonb NOT NULL,
    received_at timestamptz NOT NULL
);

-- One row per repeated arrival of a message: the proof that it came twice and changed nothing. Append-only.
CREATE TABLE hub.repeats (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel     text NOT NULL,
    message_id  text NOT NULL,
    source      text NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE TABLE hub.orders (
    order_id      uuid PRIMARY KEY,
    order_no      text NOT NULL,
    version       integer NOT NULL,
    sequence      integer NOT NULL,
    channel       text,
    witnesses     text[] NOT NULL,
    business_date date NOT NULL,
    fulfilment    text NOT NULL,
    payment       text NOT NULL,
    refund        text NOT NULL,
    dispute       text NOT NULL,
    complete      boolean NOT NULL,
    last_stated   jsonb NOT NULL DEFAULT '{}',
    document      jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE INDEX orders_by_date ON hub.orders (business_date, channel);
CREATE INDEX orders_by_dispute ON hub.orders (updated_at) WHERE dispute = 'open';

CREATE TABLE hub.refs (
    system   text NOT NULL,
    kind     text NOT NULL,
    value    text NOT NULL,
    order_id uuid NOT NULL,
    PRIMARY KEY (system, kind, value)
);
CREATE INDEX refs_of_order ON hub.refs (order_id);

-- The searched columns of tickets. holds_seat: this ticket's mask is part of its seat's row.
CREATE TABLE hub.tickets (
    ticket_no     text NOT NULL,
    order_id      uuid NOT NULL,
    state         text NOT NULL,
    train         text,
    service_date  date,
    coach         text,
    seat          text,
    legs          bigint NOT NULL DEFAULT 0,
    holds_seat    boolean NOT NULL DEFAULT false,
    document      text,
    phone         text,
    fare_amount   bigint,
    hold_expires_at timestamptz,
    PRIMARY KEY (ticket_no, order_id)
);
CREATE INDEX tickets_of_order ON hub.tickets (order_id);
CREATE INDEX tickets_on_seat ON hub.tickets (service_date, train, coach, seat);
CREATE INDEX tickets_by_document ON hub.tickets (document, service_date) WHERE document IS NOT NULL;
CREATE INDEX tickets_by_phone ON hub.tickets (phone) WHERE phone IS NOT NULL;
CREATE INDEX tickets_on_hold ON hub.tickets (hold_expires_at) WHERE state = 'held';

-- One seat of one train run: the bits of the legs that are sold. Bit n = from stop n to stop n+1.
CREATE TABLE hub.seats (
    service_date date NOT NULL,
    train        text NOT NULL,
    coach        text NOT NULL,
    seat         text NOT NULL,
    sold         bigint NOT NULL,
    PRIMARY KEY (service_date, train, coach, seat)
) WITH (fillfactor = 80);

-- The event log, which is the outbox too. txid carries the commit barrier. Append-only.
CREATE TABLE hub.events (
    position      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    txid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    event_id      uuid NOT NULL UNIQUE,
    order_id      uuid NOT NULL,
    sequence      integer NOT NULL,
    type          text NOT NULL,
    origin        text NOT NULL,
    message_id    text,
    business_date date NOT NULL,
    statements    jsonb NOT NULL,
    postings      jsonb NOT NULL,
    recorded_at   timestamptz NOT NULL,
    committed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (order_id, sequence)
);
CREATE INDEX events_after ON hub.events (txid, position);

-- The searched columns of disputes; the dispute itself is derived from the order's facts.
CREATE TABLE hub.disputes (
    order_id   uuid NOT NULL,
    dispute_id text NOT NULL,
    kind       text NOT NULL,
    subject    text NOT NULL,
    state      text NOT NULL,
    opened_at  timestamptz NOT NULL,
    PRIMARY KEY (order_id, dispute_id)
);
CREATE INDEX disputes_open ON hub.disputes (opened_at) WHERE state = 'open';

-- Every attempt to deliver. Append-only.
CREATE TABLE hub.deliveries (
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel      text NOT NULL,
    event        bigint NOT NULL,
    order_id     uuid NOT NULL,
    attempt      integer NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'not_expressible')),
    status       integer,
    response     text,
    losses       jsonb,
    started_at   timestamptz NOT NULL,
    duration_ms  real NOT NULL,
    delay_ms     real NOT NULL
);
CREATE INDEX deliveries_of_order ON hub.deliveries (order_id, event);
CREATE INDEX deliveries_of_channel ON hub.deliveries (channel, position);

-- Only what did not go through: waiting for its next attempt, behind such a one, or dead.
CREATE TABLE hub.delivery_exceptions (
    channel         text NOT NULL,
    event           bigint NOT NULL,
    order_id        uuid NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'behind', 'dead')),
    attempts        integer NOT NULL,
    next_attempt_at timestamptz,
    last_error      text,
    PRIMARY KEY (channel, event)
);
CREATE INDEX delivery_exceptions_due ON hub.delivery_exceptions (channel, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX delivery_exceptions_of_order ON hub.delivery_exceptions (channel, order_id, event);

-- Dropped files. digest makes "the same file again" one look-up.
CREATE TABLE hub.files (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel     text NOT NULL,
    name        text NOT NULL,
    digest      bytea NOT NULL,
    size_bytes  bigint NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('accepted', 'duplicate', 'refused')),
    messages    integer NOT NULL DEFAULT 0,
    problem     jsonb,
    received_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX files_accepted_once ON hub.files (channel, digest) WHERE outcome = 'accepted';

-- Reference data: the stops of every train and the span of dates in which it runs so.
CREATE TABLE hub.trains (
    train_code text NOT NULL,
    valid_from date NOT NULL,
    valid_to   date NOT NULL,
    train_no   text NOT NULL,
    stops      jsonb NOT NULL,
    PRIMARY KEY (train_code, valid_from)
);

-- Hash-chained: hash = HMAC(key, previous hash + the row's content). Append-only.
CREATE TABLE hub.audit (
    position bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL,
    detail   jsonb NOT NULL,
    hash     bytea NOT NULL
);
"""

APPEND_ONLY = """
CREATE FUNCTION hub.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: corrected by adding, never by editing', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.events
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.audit
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.messages
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.rejections
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.execute("DROP SCHEMA hub CASCADE")
