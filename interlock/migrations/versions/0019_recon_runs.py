"""A run that can be taken up where it stopped: its stages, pieces and progress."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UPGRADE = """
-- What a run is at, for whoever waits for it. A finished run keeps its last figures.
ALTER TABLE recon.runs
    ADD COLUMN stage        text NOT NULL DEFAULT 'finished',
    ADD COLUMN stage_since  timestamptz,
    ADD COLUMN attempt      integer NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    ADD COLUMN pieces_total integer NOT NULL DEFAULT 0,
    ADD COLUMN pieces_done  integer NOT NULL DEFAULT 0,
    ADD COLUMN rows_total   bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows_done    bigint NOT NULL DEFAULT 0,
    ADD COLUMN passes       jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT pieces_within CHECK (pieces_done BETWEEN 0 AND pieces_total),
    ADD CONSTRAINT rows_within CHECK (rows_done BETWEEN 0 AND rows_total);

-- One row for every time a stage was begun; one without an end was interrupted.
CREATE TABLE recon.stages (
    run_id      text NOT NULL REFERENCES recon.runs ON DELETE CASCADE,
    stage       text NOT NULL CHECK (stage IN ('match', 'later', 'explain', 'persist')),
    attempt     integer NOT NULL CHECK (attempt >= 1),
    worker      text NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    rows        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, stage, attempt)
);

-- A piece is some of the 64 buckets of both sides. Its differences lie in a file named by what went in.
CREATE TABLE recon.pieces (
    run_id      text NOT NULL REFERENCES recon.runs ON DELETE CASCADE,
    piece       smallint NOT NULL CHECK (piece BETWEEN 0 AND 63),
    task        jsonb NOT NULL,
    rows        bigint NOT NULL,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempt     integer NOT NULL DEFAULT 0,
    worker      text,
    started_at  timestamptz,
    finished_at timestamptz,
    result      jsonb,
    failure     text,
    PRIMARY KEY (run_id, piece),
    CHECK ((state = 'done') = (result IS NOT NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX pieces_to_do ON recon.pieces (run_id, piece) WHERE state <> 'done';

-- The differences of a piece are files now. An interrupted run of the version before matches its few pieces again.
DROP TABLE recon.bucket_results;

-- Where the rows of an input lie, below the data folder; NULL for one that was refused or is not there.
ALTER TABLE recon.inputs ADD COLUMN folder text;

ALTER TABLE recon.breaks ADD COLUMN suggestions jsonb NOT NULL DEFAULT '[]';
"""

DOWNGRADE = """
ALTER TABLE recon.breaks DROP COLUMN suggestions;

ALTER TABLE recon.inputs DROP COLUMN folder;

CREATE TABLE recon.bucket_results (
    run_id      text NOT NULL REFERENCES recon.runs ON DELETE CASCADE,
    bucket      smallint NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    result      jsonb NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, bucket)
);

DROP TABLE recon.pieces;
DROP TABLE recon.stages;

ALTER TABLE recon.runs
    DROP CONSTRAINT rows_within,
    DROP CONSTRAINT pieces_within,
    DROP COLUMN passes,
    DROP COLUMN rows_done,
    DROP COLUMN rows_total,
    DROP COLUMN pieces_done,
    DROP COLUMN pieces_total,
    DROP COLUMN attempt,
    DROP COLUMN stage_since,
    DROP COLUMN stage;
"""


def upgrade() -> None:
    """A run that can be taken up where it stopped: its stages, pieces and progress."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
