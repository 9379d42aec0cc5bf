"""A key for every person: what is personal is sealed under it, and erased with it.

Sealed texts of events and messages are append-only and stay as they are; they name their person by a pseudonym
(``subject``). Only here does anything lead from a number to the pseudonym, and from the pseudonym to the key.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE hub.subjects (
    subject    uuid PRIMARY KEY,
    -- The keyed index of (document type, number); NULL once erased, so that nobody is found any more.
    blind      text UNIQUE,
    -- 32 random bytes, wrapped by the field key (its id in front). NULL: erased, or not made yet.
    key        bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at  timestamptz,
    CHECK (erased_at IS NULL OR (key IS NULL AND blind IS NULL))
) WITH (fillfactor = 90);

-- Where a person is named and no ticket of his leads: waitlists, refused asks, what a witness took back.
CREATE TABLE hub.mentions (
    subject  uuid NOT NULL,
    order_id uuid NOT NULL,
    PRIMARY KEY (subject, order_id)
);

-- What was erased, by pseudonym. Its highest number says to every process whether keys it has in memory still stand.
CREATE TABLE hub.erasures (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    uuid NOT NULL,
    orders     integer NOT NULL,
    messages   integer NOT NULL,
    reason     text,
    actor      text NOT NULL,
    erased_at  timestamptz NOT NULL
);

-- What a message had said that cannot be opened any more, its people by their sealed texts: replay takes it instead.
CREATE TABLE hub.erased_messages (
    channel     text NOT NULL,
    message_id  text NOT NULL,
    observation jsonb NOT NULL,
    contract    text NOT NULL,
    PRIMARY KEY (channel, message_id)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.erasures
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub.erased_messages
    FOR EACH ROW EXECUTE FUNCTION hub.refuse_change();

CREATE INDEX audit_by_subject ON hub.audit (subject, position DESC);
"""

PEOPLE_OF_BEFORE = """
-- People of before: their pseudonym is the index that their sealed texts carry, so that old facts and new ones agree.
INSERT INTO hub.subjects (subject, blind)
    SELECT DISTINCT ON (split_part(document, '|', 2)) split_part(document, '|', 2)::uuid, document
    FROM hub.tickets WHERE document ~ '^[a-z0-9_]+[|][0-9a-f]{32}$'
    ORDER BY split_part(document, '|', 2), document;
"""


def upgrade() -> None:
    """Create the tables, with a row for everybody who has a ticket."""
    op.execute(UPGRADE)
    op.execute(PEOPLE_OF_BEFORE)


def downgrade() -> None:
    """Drop them, and with them every key: what was sealed under a person's key is then erased for good."""
    op.execute("DROP INDEX hub.audit_by_subject")
    op.execute("DROP TABLE hub.erased_messages, hub.erasures, hub.mentions, hub.subjects")
