"""Workbooks that went out and came back, and what counterparties confirmed.

A workbook is known by its id; what one of its rows proposed is kept, so that the same workbook again changes nothing.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

UPGRADE = """
-- A list of breaks that somebody took out to work on. What was in it stands in the file itself.
CREATE TABLE recon.workbooks (
    workbook_id uuid PRIMARY KEY,
    format      text NOT NULL CHECK (format IN ('xlsx', 'csv')),
    wanted      jsonb NOT NULL,
    rows        integer NOT NULL CHECK (rows >= 0),
    checksum    text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    made_by     text NOT NULL,
    made_at     timestamptz NOT NULL
);

-- Each time a file of it came back: which bytes, who sent it, and the answer to every row.
CREATE TABLE recon.workbook_returns (
    workbook_id uuid NOT NULL REFERENCES recon.workbooks,
    sha256      text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    sent_by     text NOT NULL,
    sent_at     timestamptz NOT NULL,
    counts      jsonb NOT NULL,
    PRIMARY KEY (workbook_id, sha256)
);

-- One break of one workbook makes at most one proposal, however often the file comes back.
CREATE TABLE recon.workbook_proposals (
    workbook_id   uuid NOT NULL REFERENCES recon.workbooks,
    break_id      uuid NOT NULL REFERENCES recon.breaks,
    resolution_id uuid NOT NULL REFERENCES recon.resolutions,
    action        text NOT NULL,
    PRIMARY KEY (workbook_id, break_id)
);

-- What a channel is asked to confirm for a business date: by when, and when it was told that it is late.
CREATE TABLE recon.confirmation_days (
    channel       text NOT NULL,
    business_date date NOT NULL,
    drawn_up_at   timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    orders        integer NOT NULL,
    PRIMARY KEY (channel, business_date)
);

-- The hub's figures of one order, minor units, and what the channel answered to them. A figure that changes after an
-- answer asks again: the answer is kept with the figures it was given to.
CREATE TABLE recon.confirmations (
    channel       text NOT NULL,
    business_date date NOT NULL,
    order_no      text NOT NULL,
    currency      char(3) NOT NULL,
    fare          bigint NOT NULL,
    refund        bigint NOT NULL,
    fee           bigint NOT NULL,
    commission    bigint NOT NULL,
    version       text NOT NULL,
    answer        text CHECK (answer IN ('accord', 'difference')),
    theirs        jsonb,
    note          text,
    answered_to   text,
    answered_by   text,
    answered_at   timestamptz,
    late          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (channel, business_date, order_no, currency),
    FOREIGN KEY (channel, business_date) REFERENCES recon.confirmation_days,
    CHECK ((answer IS NULL) = (answered_at IS NULL)),
    CHECK (answer IS DISTINCT FROM 'difference' OR theirs IS NOT NULL)
);
-- Every answer that ever came, also those that a later one replaced. Append-only.
CREATE TABLE recon.confirmation_answers (
    answer_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel       text NOT NULL,
    business_date date NOT NULL,
    order_no      text NOT NULL,
    currency      char(3) NOT NULL,
    answered_to   text NOT NULL,
    answer        text NOT NULL CHECK (answer IN ('accord', 'difference')),
    theirs        jsonb,
    note          text,
    answered_by   text NOT NULL,
    answered_at   timestamptz NOT NULL,
    late          boolean NOT NULL
);
CREATE INDEX confirmation_answers_of_order ON recon.confirmation_answers (channel, business_date, order_no);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recon.confirmation_answers
    FOR EACH ROW EXECUTE FUNCTION recon.refuse_change();

CREATE INDEX confirmations_that_differ ON recon.confirmations (business_date, channel) WHERE answer = 'difference';
CREATE INDEX confirmations_of_order ON recon.confirmations (order_no);
"""

DOWNGRADE = """
DROP TABLE recon.confirmation_answers, recon.confirmations, recon.confirmation_days;
DROP TABLE recon.workbook_proposals, recon.workbook_returns, recon.workbooks;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute(DOWNGRADE)
