"""The hub's orders as rows, kept up with the event log, so that a day is exported without folding it again.

All of it can be rebuilt from the orders: ``interlock recon ledger rebuild``. An order's rows stand once for every
business date on which something was stated about it, so that a date is one stretch of the table.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE recon.ledger_rows (
    order_id      uuid NOT NULL,
    business_date date NOT NULL,
    -- Whether the order was sold on this date: of each order exactly one copy of its rows is at home.
    home          boolean NOT NULL,
    key           text COLLATE "C" NOT NULL,
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('ticket', 'payment', 'refund')),
    order_no      text COLLATE "C" NOT NULL,
    at            bigint NOT NULL,
    amount        bigint,
    currency      text NOT NULL,
    state         text,
    seat          text,
    replaces      text,
    seller        text NOT NULL,
    sold_on       text NOT NULL,
    actors        text NOT NULL,
    train_run     text,
    leg_from      bigint,
    leg_to        bigint,
    leg_departs   bigint,
    leg_arrives   bigint,
    fee           bigint,
    other_key     text NOT NULL,
    batch         text NOT NULL,
    -- The hub's keyed index of a document; emptied when the person is erased.
    person        text NOT NULL,
    PRIMARY KEY (order_id, business_date, kind, key)
);
CREATE INDEX ledger_rows_of_date ON recon.ledger_rows (business_date);
CREATE INDEX ledger_rows_of_number ON recon.ledger_rows (order_no) WHERE home;

-- What else is known of an order: how far it was folded, the differences that were accepted, the rivals for its seats.
CREATE TABLE recon.ledger_orders (
    order_id uuid PRIMARY KEY,
    order_no text COLLATE "C" NOT NULL,
    version  integer NOT NULL,
    dates    date[] NOT NULL,
    adjusted jsonb NOT NULL DEFAULT '[]',
    rivals   text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX ledger_orders_disagreed ON recon.ledger_orders USING gin (dates)
    WHERE adjusted <> '[]' OR rivals <> '{}';

-- How far the event log and the erasures have been followed; and, while everything is made anew, up to which order.
CREATE TABLE recon.ledger_cursor (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    txid       xid8 NOT NULL DEFAULT '0',
    position   bigint NOT NULL DEFAULT 0,
    erasure_id bigint NOT NULL DEFAULT 0,
    rebuilt_to uuid DEFAULT '00000000-0000-0000-0000-000000000000'
);
INSERT INTO recon.ledger_cursor DEFAULT VALUES;
"""

DOWNGRADE = """
DROP TABLE recon.ledger_cursor, recon.ledger_orders, recon.ledger_rows;
"""


def upgrade() -> None:
    """The hub's orders as rows, kept up with the event log, so that a day is exported without folding it again."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
