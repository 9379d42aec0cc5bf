"""Money as of any time: every posting says when it counts from, and pages of totals over the event log.

Lines of events that were written before carry no time of their own: they get the time of their fact, as the order's
document has it. That is the one change that events have seen; nothing else of them is touched.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UPGRADE = """
-- The lines of the books, where they stand: in the events. Debit positive, minor units.
CREATE VIEW hub.book_lines AS
    SELECT e.txid, e.position, p.n, e.order_id, e.sequence, e.type, e.origin, e.message_id, e.recorded_at,
           p.line->>0 AS account, (p.line->>1)::bigint AS amount, p.line->>2 AS currency, p.line->>3 AS fact,
           (p.line->>4)::timestamptz AS happened_at
    FROM hub.events e, jsonb_array_elements(e.postings) WITH ORDINALITY AS p (line, n);

-- A page: some events of the log in its order, behind the commit barrier, so that no line can come into it any more.
-- It holds what lies behind (after_txid, after_position) up to (last_txid, last_position). Can be made again.
CREATE TABLE hub.book_pages (
    page           bigint PRIMARY KEY,
    after_txid     xid8 NOT NULL,
    after_position bigint NOT NULL,
    last_txid      xid8 NOT NULL,
    last_position  bigint NOT NULL,
    events         integer NOT NULL,
    recorded_from  timestamptz NOT NULL,
    recorded_to    timestamptz NOT NULL
);

-- What a page's lines come to, by account, currency and the hour in which they happened; minor units.
CREATE TABLE hub.book_totals (
    account  text NOT NULL,
    page     bigint NOT NULL REFERENCES hub.book_pages,
    currency text NOT NULL,
    hour     timestamptz NOT NULL,
    debit    bigint NOT NULL,
    credit   bigint NOT NULL,
    lines    integer NOT NULL,
    PRIMARY KEY (account, page, currency, hour)
);
CREATE INDEX book_totals_of_page ON hub.book_totals (page);

-- A person wants a fact withdrawn; another one decides. What is done then is a message like any other.
CREATE TABLE hub.retractions (
    retraction_id uuid PRIMARY KEY,
    order_id      uuid NOT NULL,
    fact          text NOT NULL,
    reason        text NOT NULL,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'rejected', 'done')),
    decided_by    text,
    decided_at    timestamptz,
    outcome       text,
    CONSTRAINT retraction_by_two_people CHECK (decided_by <> proposed_by)
);
CREATE INDEX retractions_of_order ON hub.retractions (order_id);
CREATE UNIQUE INDEX retractions_open_once ON hub.retractions (order_id, fact) WHERE state IN ('proposed', 'approved');
"""

DATE_LINES = """
UPDATE hub.events e SET postings = (
    SELECT jsonb_agg(p.line || jsonb_build_array(coalesce(
        (SELECT min((said.value->'fact'->>'occurred_at')::timestamptz)
         FROM jsonb_each(o.document->'facts'->(p.line->>3)) AS said),
        e.recorded_at)) ORDER BY p.n)
    FROM jsonb_array_elements(e.postings) WITH ORDINALITY AS p (line, n))
FROM hub.orders o
WHERE o.order_id = e.order_id AND jsonb_array_length(e.postings) > 0 AND jsonb_array_length(e.postings->0) = 4;
"""


def upgrade() -> None:
    """Add the tables, and to the lines of earlier events when they count from."""
    op.execute(UPGRADE)
    op.execute("ALTER TABLE hub.events DISABLE TRIGGER append_only")
    op.execute(DATE_LINES)
    op.execute("ALTER TABLE hub.events ENABLE TRIGGER append_only")


def downgrade() -> None:
    """Drop the tables; a fifth part of a line disturbs nobody."""
    op.execute("DROP TABLE hub.retractions, hub.book_totals, hub.book_pages")
    op.execute("DROP VIEW hub.book_lines")
