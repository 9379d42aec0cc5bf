"""The carry per side and currency, what came late, what was tried when, and the digests of each channel's five minutes.

The carried rows themselves are files; ``recon.carry`` of 0003 is read once more, for runs of before this migration.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE recon.carries (
    run_id         text PRIMARY KEY REFERENCES recon.runs ON DELETE CASCADE,
    definition     text NOT NULL,
    business_date  date NOT NULL,
    opening_run    text REFERENCES recon.runs ON DELETE SET NULL,
    opening_digest text NOT NULL,
    closing_digest text NOT NULL,
    left_file      text,
    right_file     text,
    origins        jsonb NOT NULL DEFAULT '[]',
    followed       boolean NOT NULL,
    recorded_at    timestamptz NOT NULL
);
CREATE INDEX carries_of_definition ON recon.carries (definition, business_date);

CREATE TABLE recon.rolls (
    run_id        text NOT NULL REFERENCES recon.carries ON DELETE CASCADE,
    side          text NOT NULL CHECK (side IN ('left', 'right')),
    currency      text NOT NULL,
    opening_count bigint NOT NULL CHECK (opening_count >= 0),
    opening_minor bigint NOT NULL,
    new_count     bigint NOT NULL CHECK (new_count >= 0),
    new_minor     bigint NOT NULL,
    cleared_count bigint NOT NULL CHECK (cleared_count >= 0),
    cleared_minor bigint NOT NULL,
    closing_count bigint NOT NULL CHECK (closing_count >= 0),
    closing_minor bigint NOT NULL,
    PRIMARY KEY (run_id, side, currency),
    CONSTRAINT roll_comes_out CHECK (
        opening_count + new_count - cleared_count = closing_count
        AND opening_minor + new_minor - cleared_minor = closing_minor
    )
);

-- Every settlement file that has come: of which business dates its lines are, whatever its name says.
CREATE TABLE recon.arrivals (
    source         text NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    name           text NOT NULL,
    bytes          bigint NOT NULL,
    business_dates date[] NOT NULL,
    refused        text,
    arrived_at     timestamptz NOT NULL,
    PRIMARY KEY (source, sha256)
);
CREATE INDEX arrivals_by_date ON recon.arrivals USING gin (business_dates);

-- When a pair was last tried without coming to its end: the next try waits longer.
CREATE TABLE recon.tries (
    definition    text NOT NULL,
    business_date date NOT NULL,
    tries         integer NOT NULL CHECK (tries >= 1),
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    reason        text NOT NULL,
    PRIMARY KEY (definition, business_date)
);

-- When a channel last stated something of a date that was over: its runs of before have not seen that.
CREATE TABLE recon.late_messages (
    channel       text NOT NULL,
    business_date date NOT NULL,
    last_at       timestamptz NOT NULL,
    PRIMARY KEY (channel, business_date)
);

-- Count and order-independent digest of what each side states in five minutes: with a business date as its last run saw
-- it, without one as it is told while the day runs.
CREATE TABLE recon.digests (
    channel       text NOT NULL,
    slice_at      timestamptz NOT NULL,
    side          text NOT NULL CHECK (side IN ('hub', 'channel', 'messages')),
    business_date date,
    rows          bigint NOT NULL CHECK (rows >= 0),
    digest        numeric(40) NOT NULL,
    measured_at   timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (channel, slice_at, side, business_date)
);
CREATE INDEX digests_by_time ON recon.digests (slice_at) WHERE business_date IS NULL;
CREATE INDEX digests_of_date ON recon.digests (business_date, channel) WHERE business_date IS NOT NULL;

-- The last minutes of the log are looked at all day long; it grows in the order of time.
CREATE INDEX messages_by_time ON hub.messages USING brin (received_at);
"""

DOWNGRADE = """
DROP INDEX hub.messages_by_time;
DROP TABLE recon.digests;
DROP TABLE recon.late_messages, recon.tries, recon.arrivals, recon.rolls, recon.carries;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute(DOWNGRADE)
