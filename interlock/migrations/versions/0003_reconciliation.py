"""Reconciliation's tables: runs, their inputs and bucket results, breaks, resolutions and the carry.

The rows of a day are never here: they stay in Parquet. PostgreSQL keeps what people and later runs ask for, and the
rules that must hold even when code forgets them: the carry adds up, and nobody approves his own proposal.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA IF NOT EXISTS recon;

-- The clock may stand still or be simulated: what came last is told by a number, not by a time.
CREATE SEQUENCE recon.run_order;

CREATE TABLE recon.runs (
    run_id            text PRIMARY KEY CHECK (run_id ~ '^[0-9a-f]{64}$'),
    definition        text NOT NULL,
    business_date     date NOT NULL,
    policy_version    text NOT NULL,
    definition_digest text NOT NULL,
    left_digest       text NOT NULL,
    right_digest      text NOT NULL,
    context_digest    text NOT NULL,
    state             text NOT NULL CHECK (state IN ('running', 'done', 'waiting', 'refused')),
    reason            text,
    left_rows         bigint NOT NULL DEFAULT 0,
    right_rows        bigint NOT NULL DEFAULT 0,
    matched           bigint NOT NULL DEFAULT 0,
    adjusted          bigint NOT NULL DEFAULT 0,
    pending           bigint NOT NULL DEFAULT 0,
    break_count       bigint NOT NULL DEFAULT 0,
    break_fen         bigint NOT NULL DEFAULT 0,
    opening_count     bigint NOT NULL DEFAULT 0,
    opening_fen       bigint NOT NULL DEFAULT 0,
    new_count         bigint NOT NULL DEFAULT 0,
    new_fen           bigint NOT NULL DEFAULT 0,
    cleared_count     bigint NOT NULL DEFAULT 0,
    cleared_fen       bigint NOT NULL DEFAULT 0,
    closing_count     bigint NOT NULL DEFAULT 0,
    closing_fen       bigint NOT NULL DEFAULT 0,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    finish_order      bigint,
    CONSTRAINT carry_rolls_forward CHECK (
        opening_count + new_count - cleared_count = closing_count
        AND opening_fen + new_fen - cleared_fen = closing_fen
    ),
    CHECK ((state = 'running') = (finished_at IS NULL))
);
CREATE INDEX runs_of_date ON recon.runs (business_date, definition, finish_order);

CREATE TABLE recon.inputs (
    run_id      text NOT NULL REFERENCES recon.runs ON DELETE CASCADE,
    side        text NOT NULL CHECK (side IN ('left', 'right', 'context')),
    source      text NOT NULL,
    name        text NOT NULL,
    sha256      text NOT NULL,
    digest      text NOT NULL,
    bytes       bigint NOT NULL,
    rows        bigint NOT NULL,
    quarantined jsonb NOT NULL DEFAULT '[]',
    refused     text,
    PRIMARY KEY (run_id, side, source, name)
);

CREATE TABLE recon.bucket_results (
    run_id      text NOT NULL REFERENCES recon.runs ON DELETE CASCADE,
    bucket      smallint NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    result      jsonb NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, bucket)
);

CREATE TABLE recon.breaks (
    seq             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    break_id        uuid PRIMARY KEY,
    run_id          text NOT NULL REFERENCES recon.runs,
    last_run_id     text NOT NULL REFERENCES recon.runs,
    cleared_run_id  text REFERENCES recon.runs,
    definition      text NOT NULL,
    business_date   date NOT NULL,
    kind            text NOT NULL,
    key             text NOT NULL,
    order_no        text,
    left_value      jsonb,
    right_value     jsonb,
    amount_at_stake bigint NOT NULL CHECK (amount_at_stake >= 0),
    currency        char(3) NOT NULL DEFAULT 'CNY',
    further         text CHECK (further IN ('hub', 'channel')),
    since           timestamptz NOT NULL,
    evidence        jsonb NOT NULL DEFAULT '[]',
    covers          jsonb NOT NULL DEFAULT '[]',
    state           text NOT NULL CHECK (state IN ('open', 'resolved', 'cleared', 'left')),
    manual          boolean NOT NULL DEFAULT false,
    opened_at       timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (definition, business_date, kind, key),
    CHECK ((state = 'cleared') = (cleared_run_id IS NOT NULL))
);
CREATE INDEX breaks_of_date ON recon.breaks (business_date, definition, seq);
CREATE INDEX breaks_of_order ON recon.breaks (order_no);

CREATE TABLE recon.resolutions (
    resolution_id uuid PRIMARY KEY,
    break_id      uuid NOT NULL REFERENCES recon.breaks,
    attempt       integer NOT NULL CHECK (attempt >= 1),
    action        text NOT NULL CHECK (action IN ('take_channel', 'push_hub', 'write_off', 'accept_timing', 'leave')),
    reason        text NOT NULL,
    policy        text,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    approved_by   text,
    approved_at   timestamptz,
    amount        bigint NOT NULL DEFAULT 0,
    state         text NOT NULL CHECK (state IN ('proposed', 'approved', 'applied', 'failed', 'rejected')),
    outcome       jsonb NOT NULL DEFAULT '{}',
    UNIQUE (break_id, attempt),
    CONSTRAINT two_people CHECK (proposed_by <> approved_by),
    CONSTRAINT approved_before_applied CHECK (
        policy IS NOT NULL OR state IN ('proposed', 'rejected') OR approved_by IS NOT NULL
    ),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);

CREATE TABLE recon.carry (
    definition    text NOT NULL,
    business_date date NOT NULL,
    side          text NOT NULL CHECK (side IN ('left', 'right')),
    key           text NOT NULL,
    origin_date   date NOT NULL,
    amount        bigint NOT NULL,
    record        jsonb NOT NULL,
    PRIMARY KEY (definition, business_date, side, key)
);
"""


def upgrade() -> None:
    """Create the schema."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop it, with what it holds."""
    op.execute("DROP SCHEMA recon CASCADE")
