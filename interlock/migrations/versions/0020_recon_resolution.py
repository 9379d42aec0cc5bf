"""Resolutions of every action, undone and superseded; suspense postings; ageing; closed business dates.

What must hold even when code forgets it, or somebody writes SQL: nobody decides on what he has proposed himself, under
no spelling of his name; an open break holds exactly its money in suspense; nothing of a closed date changes; what was
written is corrected by adding.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

PEOPLE = """
-- One person, however his name is spelt: composed letters, no space around it, small letters.
CREATE FUNCTION recon.person(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(btrim(normalize(name, NFKC)));

CREATE FUNCTION recon.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'recon.% is append-only: corrected by adding, never by editing', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
END $$;
"""

CLOSINGS = """
-- A business date is closed and opened again by two people each time; the last one that was done counts.
CREATE SEQUENCE recon.closing_order;
CREATE TABLE recon.closings (
    closing_id    uuid PRIMARY KEY,
    business_date date NOT NULL,
    act           text NOT NULL CHECK (act IN ('close', 'reopen')),
    reason        text NOT NULL,
    proposed_by   text NOT NULL,
    proposed_at   timestamptz NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'done', 'rejected')),
    done_order    bigint,
    summary       jsonb,
    seal          text,
    CONSTRAINT closing_by_two_people CHECK (recon.person(proposed_by) <> recon.person(decided_by)),
    CONSTRAINT closing_decided CHECK ((state = 'proposed') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT closing_sealed CHECK ((act = 'close' AND state = 'done') = (seal IS NOT NULL)
        AND (seal IS NULL) = (summary IS NULL)),
    CONSTRAINT closing_ordered CHECK ((state = 'done') = (done_order IS NOT NULL))
);
CREATE UNIQUE INDEX closings_one_waits ON recon.closings (business_date) WHERE state = 'proposed';
CREATE INDEX closings_of_date ON recon.closings (business_date, done_order DESC);

CREATE FUNCTION recon.is_closed(day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT act = 'close' FROM recon.closings
                     WHERE business_date = day AND state = 'done' ORDER BY done_order DESC LIMIT 1), false)
$$;

CREATE FUNCTION recon.refuse_closed(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF recon.is_closed(day) THEN
        RAISE EXCEPTION 'business date % is closed', day
            USING ERRCODE = 'check_violation', CONSTRAINT = 'date_is_closed';
    END IF;
END $$;

CREATE FUNCTION recon.guard_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a closing is kept for ever' USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' THEN
            RAISE EXCEPTION 'a closing begins as a proposal'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'closing_by_two_people';
        END IF;
    ELSIF OLD.state <> 'proposed'
          OR (NEW.closing_id, NEW.business_date, NEW.act, NEW.reason, NEW.proposed_by, NEW.proposed_at)
             IS DISTINCT FROM (OLD.closing_id, OLD.business_date, OLD.act, OLD.reason, OLD.proposed_by, OLD.proposed_at)
    THEN
        RAISE EXCEPTION 'a closing that was decided is not changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    IF NEW.state <> 'rejected' AND recon.is_closed(NEW.business_date) <> (NEW.act = 'reopen') THEN
        RAISE EXCEPTION 'business date % is % already', NEW.business_date,
            CASE NEW.act WHEN 'close' THEN 'closed' ELSE 'open' END
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closing_changes_something';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON recon.closings
    FOR EACH ROW EXECUTE FUNCTION recon.guard_closing();

CREATE FUNCTION recon.guard_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recon.refuse_closed(NEW.business_date);
    RETURN NEW;
END $$;
CREATE TRIGGER date_is_open BEFORE INSERT ON recon.runs FOR EACH ROW EXECUTE FUNCTION recon.guard_run();
"""

RESOLUTIONS = """
-- ``people``: how many different people it takes, with the one who proposes. ``undoes``: what an undo takes back.
ALTER TABLE recon.resolutions
    ADD COLUMN people smallint NOT NULL DEFAULT 2 CHECK (people BETWEEN 2 AND 5),
    ADD COLUMN undoes uuid REFERENCES recon.resolutions,
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    DROP CONSTRAINT resolutions_action_check,
    DROP CONSTRAINT two_people;
ALTER TABLE recon.resolutions
    ADD CONSTRAINT resolutions_action_check CHECK (action IN ('take_channel', 'push_hub', 'ask_again', 'refund',
        'write_off', 'accept_timing', 'link', 'reject', 'leave', 'undo')),
    -- Not checked for what was written before letters counted; every new row is.
    ADD CONSTRAINT two_people CHECK (recon.person(proposed_by) <> recon.person(approved_by)) NOT VALID,
    ADD CONSTRAINT undo_says_of_what CHECK ((action = 'undo') = (undoes IS NOT NULL)),
    ADD CONSTRAINT undo_is_by_people CHECK (action <> 'undo' OR policy IS NULL);
CREATE UNIQUE INDEX resolutions_undone_once ON recon.resolutions (undoes)
    WHERE state IN ('proposed', 'approved', 'applied');
CREATE INDEX resolutions_waiting ON recon.resolutions (proposed_at) WHERE state IN ('proposed', 'approved');

-- Every yes to a proposal: as many different people as it takes.
CREATE TABLE recon.approvals (
    resolution_id uuid NOT NULL REFERENCES recon.resolutions,
    person        text NOT NULL,
    subject       text GENERATED ALWAYS AS (recon.person(person)) STORED,
    at            timestamptz NOT NULL,
    PRIMARY KEY (resolution_id, subject)
);
CREATE FUNCTION recon.guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM recon.resolutions r WHERE r.resolution_id = NEW.resolution_id
               AND recon.person(r.proposed_by) = recon.person(NEW.person)) THEN
        RAISE EXCEPTION 'who proposed it does not approve it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'two_people';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON recon.approvals FOR EACH ROW EXECUTE FUNCTION recon.guard_approval();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recon.approvals
    FOR EACH ROW EXECUTE FUNCTION recon.refuse_change();

CREATE FUNCTION recon.guard_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed integer;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a resolution is undone by another one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM recon.refuse_closed((SELECT business_date FROM recon.breaks b WHERE b.break_id = NEW.break_id));
        IF (NEW.policy IS NULL) = (NEW.proposed_by LIKE 'policy:%') THEN
            RAISE EXCEPTION 'a policy speaks under its own name, and nobody else does'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'two_people';
        END IF;
        IF NEW.approved_by IS NOT NULL
           OR NEW.state <> (CASE WHEN NEW.policy IS NULL THEN 'proposed' ELSE 'approved' END)
        THEN
            RAISE EXCEPTION 'a resolution begins as a proposal'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'two_people';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.resolution_id, NEW.break_id, NEW.attempt, NEW.action, NEW.reason, NEW.policy, NEW.proposed_by,
        NEW.proposed_at, NEW.amount, NEW.people, NEW.undoes, NEW.details)
       IS DISTINCT FROM (OLD.resolution_id, OLD.break_id, OLD.attempt, OLD.action, OLD.reason, OLD.policy,
        OLD.proposed_by, OLD.proposed_at, OLD.amount, OLD.people, OLD.undoes, OLD.details)
       OR (OLD.approved_by IS NOT NULL
           AND (NEW.approved_by, NEW.approved_at) IS DISTINCT FROM (OLD.approved_by, OLD.approved_at))
       OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('proposed', 'approved'), ('proposed', 'rejected'),
           ('approved', 'applied'), ('approved', 'failed')))
       OR (OLD.state IN ('applied', 'failed', 'rejected') AND NEW.outcome IS DISTINCT FROM OLD.outcome)
    THEN
        RAISE EXCEPTION 'a resolution is proposed, decided, done, and never changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    IF OLD.state = 'proposed' AND NEW.state = 'approved' THEN
        PERFORM recon.refuse_closed((SELECT business_date FROM recon.breaks b WHERE b.break_id = NEW.break_id));
        SELECT count(*) FROM recon.approvals a WHERE a.resolution_id = NEW.resolution_id INTO agreed;
        IF agreed + 1 < NEW.people THEN
            RAISE EXCEPTION '% of % people have agreed', agreed + 1, NEW.people
                USING ERRCODE = 'check_violation', CONSTRAINT = 'enough_people';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON recon.resolutions
    FOR EACH ROW EXECUTE FUNCTION recon.guard_resolution();

-- What a run no longer counts as a break: exactly these two values, until it is withdrawn. A link is several of them.
CREATE TABLE recon.acceptances (
    acceptance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resolution_id uuid NOT NULL REFERENCES recon.resolutions,
    break_id      uuid NOT NULL REFERENCES recon.breaks,
    definition    text NOT NULL,
    business_date date NOT NULL,
    key           text NOT NULL,
    kind          text NOT NULL,
    hub_value     text NOT NULL,
    other_value   text NOT NULL,
    at            timestamptz NOT NULL
);
CREATE INDEX acceptances_of_date ON recon.acceptances (definition, business_date, key);
CREATE INDEX acceptances_of_break ON recon.acceptances (break_id);
CREATE INDEX acceptances_of_resolution ON recon.acceptances (resolution_id);
CREATE TABLE recon.acceptance_ends (
    acceptance_id bigint PRIMARY KEY REFERENCES recon.acceptances,
    resolution_id uuid NOT NULL REFERENCES recon.resolutions,
    at            timestamptz NOT NULL
);
CREATE VIEW recon.accepted AS
    SELECT a.* FROM recon.acceptances a
    WHERE NOT EXISTS (SELECT FROM recon.acceptance_ends e WHERE e.acceptance_id = a.acceptance_id);

CREATE FUNCTION recon.guard_acceptance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM recon.accepted a WHERE (a.definition, a.business_date, a.key, a.kind)
               = (NEW.definition, NEW.business_date, NEW.key, NEW.kind)) THEN
        RAISE EXCEPTION '% % is accepted or linked already', NEW.kind, NEW.key
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'claimed_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON recon.acceptances FOR EACH ROW EXECUTE FUNCTION recon.guard_acceptance();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recon.acceptances
    FOR EACH ROW EXECUTE FUNCTION recon.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recon.acceptance_ends
    FOR EACH ROW EXECUTE FUNCTION recon.refuse_change();
"""

SUSPENSE = """
-- The sub-ledger of open breaks: debit positive, minor units, each break balanced. Append-only.
--   suspense:<definition>  + at stake     clearing:<definition>  - at stake     while open; mirrored at its end
--   expense:<account>      + written off  clearing:<definition>  - written off  hub minus other, so with its sign
CREATE TABLE recon.postings (
    posting_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id      uuid NOT NULL,
    resolution_id uuid,
    account       text NOT NULL,
    amount        bigint NOT NULL CHECK (amount <> 0),
    currency      char(3) NOT NULL,
    cause         text NOT NULL CHECK (cause IN ('opened', 'changed', 'ended', 'written_off', 'undone')),
    at            timestamptz NOT NULL
);
CREATE INDEX postings_of_break ON recon.postings (break_id);
CREATE INDEX postings_of_resolution ON recon.postings (resolution_id) WHERE resolution_id IS NOT NULL;

CREATE FUNCTION recon.postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT break_id, currency, sum(amount) AS amount FROM written GROUP BY 1, 2 HAVING sum(amount) <> 0 LIMIT 1
        INTO wrong;
    IF FOUND THEN
        RAISE EXCEPTION 'postings of break % do not balance: % %', wrong.break_id, wrong.amount, wrong.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balance';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER balance AFTER INSERT ON recon.postings REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION recon.postings_balance();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON recon.postings
    FOR EACH ROW EXECUTE FUNCTION recon.refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON recon.postings
    FOR EACH STATEMENT EXECUTE FUNCTION recon.refuse_change();

CREATE FUNCTION recon.held(state text, amount bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN state IN ('open', 'left') THEN amount ELSE 0 END;

-- One function for three triggers, because a trigger with transition tables is for one event only. An upsert of many
-- breaks fires the first two, each with its own rows.
CREATE FUNCTION recon.keep_suspense() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed date;
    unproven uuid;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT d.business_date FROM (SELECT DISTINCT business_date FROM after_rows) d
            WHERE recon.is_closed(d.business_date) INTO closed;
        INSERT INTO recon.postings (break_id, account, amount, currency, cause, at)
        SELECT n.break_id, l.side || n.definition, l.sign * recon.held(n.state, n.amount_at_stake), n.currency,
               'opened', n.updated_at
        FROM after_rows n, (VALUES ('suspense:', 1), ('clearing:', -1)) AS l (side, sign)
        WHERE recon.held(n.state, n.amount_at_stake) <> 0;
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT n.business_date FROM after_rows n JOIN before_rows o USING (break_id)
            WHERE (n.state, n.amount_at_stake, n.currency, n.definition)
                  IS DISTINCT FROM (o.state, o.amount_at_stake, o.currency, o.definition)
              AND recon.is_closed(n.business_date) LIMIT 1 INTO closed;
        SELECT n.break_id FROM after_rows n JOIN before_rows o USING (break_id)
            WHERE n.state = 'resolved' AND o.state <> 'resolved'
              AND NOT EXISTS (SELECT FROM recon.resolutions r WHERE r.break_id = n.break_id AND r.state = 'applied')
              AND NOT EXISTS (SELECT FROM recon.acceptances a WHERE a.break_id = n.break_id) LIMIT 1 INTO unproven;
        INSERT INTO recon.postings (break_id, account, amount, currency, cause, at)
        SELECT d.break_id, l.side || d.definition, l.sign * d.amount, d.currency, d.cause, d.at
        FROM (
            SELECT break_id, definition, currency, sum(held) AS amount, max(at) AS at,
                   CASE WHEN min(before) = 0 THEN 'opened' WHEN max(after) = 0 THEN 'ended' ELSE 'changed' END AS cause
            FROM (
                SELECT break_id, definition, currency, recon.held(state, amount_at_stake) AS held, updated_at AS at,
                       NULL::bigint AS before, recon.held(state, amount_at_stake) AS after FROM after_rows
                UNION ALL
                SELECT o.break_id, o.definition, o.currency, -recon.held(o.state, o.amount_at_stake), n.updated_at,
                       recon.held(o.state, o.amount_at_stake), NULL
                FROM before_rows o JOIN after_rows n USING (break_id)
            ) AS both_sides GROUP BY 1, 2, 3 HAVING sum(held) <> 0
        ) AS d, (VALUES ('suspense:', 1), ('clearing:', -1)) AS l (side, sign);
    ELSE
        RAISE EXCEPTION 'a break is cleared by a run, never deleted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    IF closed IS NOT NULL THEN
        PERFORM recon.refuse_closed(closed);
    END IF;
    IF unproven IS NOT NULL THEN
        RAISE EXCEPTION 'nothing was done about break %', unproven
            USING ERRCODE = 'check_violation', CONSTRAINT = 'resolved_by_a_resolution';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER suspense_opened AFTER INSERT ON recon.breaks REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION recon.keep_suspense();
CREATE TRIGGER suspense_changed AFTER UPDATE ON recon.breaks
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION recon.keep_suspense();
CREATE TRIGGER suspense_deleted BEFORE DELETE ON recon.breaks FOR EACH ROW EXECUTE FUNCTION recon.keep_suspense();

INSERT INTO recon.postings (break_id, account, amount, currency, cause, at)
    SELECT b.break_id, l.side || b.definition, l.sign * b.amount_at_stake, b.currency, 'opened', b.updated_at
    FROM recon.breaks b, (VALUES ('suspense:', 1), ('clearing:', -1)) AS l (side, sign)
    WHERE b.state IN ('open', 'left') AND b.amount_at_stake <> 0;

-- The standing question: every break whose money in suspense is not what it has open. Always empty.
CREATE FUNCTION recon.suspense_check()
    RETURNS TABLE (break_id uuid, currency char(3), open_amount bigint, posted bigint) LANGUAGE sql STABLE AS $$
    SELECT break_id, currency, coalesce(b.amount, 0), coalesce(p.amount, 0)
    FROM (SELECT break_id, currency, amount_at_stake AS amount FROM recon.breaks
          WHERE state IN ('open', 'left') AND amount_at_stake <> 0) b
    FULL JOIN (SELECT break_id, currency, sum(amount)::bigint AS amount FROM recon.postings
               WHERE starts_with(account, 'suspense:') GROUP BY 1, 2 HAVING sum(amount) <> 0) p
        USING (break_id, currency)
    WHERE coalesce(b.amount, 0) <> coalesce(p.amount, 0)
$$;
"""

AGEING = """
ALTER TABLE recon.breaks
    ADD COLUMN assignee     text,
    ADD COLUMN assigned_by  text,
    ADD COLUMN assigned_at  timestamptz,
    ADD COLUMN due_at       timestamptz,
    ADD COLUMN escalated_at timestamptz,
    ADD CONSTRAINT assigned_by_somebody CHECK ((assigned_by IS NULL) = (assigned_at IS NULL));
CREATE INDEX breaks_unsettled ON recon.breaks (due_at) WHERE state IN ('open', 'left');
"""

POLICIES = """
-- A policy of the operator's own holds when a second person has agreed to exactly this text.
CREATE SEQUENCE recon.policy_order;
CREATE TABLE recon.policies (
    name        text NOT NULL,
    version     text NOT NULL,
    digest      text NOT NULL,
    document    text NOT NULL,
    reason      text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text,
    decided_at  timestamptz,
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'agreed', 'rejected')),
    agreed_order bigint,
    PRIMARY KEY (name, version),
    CONSTRAINT policy_by_two_people CHECK (recon.person(proposed_by) <> recon.person(decided_by)),
    CONSTRAINT policy_decided CHECK ((state = 'proposed') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT policy_ordered CHECK ((state = 'agreed') = (agreed_order IS NOT NULL))
);
CREATE FUNCTION recon.guard_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state = 'proposed' THEN
        RETURN NEW;
    END IF;
    IF TG_OP <> 'UPDATE' OR OLD.state <> 'proposed'
       OR (NEW.name, NEW.version, NEW.digest, NEW.document, NEW.reason, NEW.proposed_by, NEW.proposed_at)
          IS DISTINCT FROM
          (OLD.name, OLD.version, OLD.digest, OLD.document, OLD.reason, OLD.proposed_by, OLD.proposed_at)
    THEN
        RAISE EXCEPTION 'a policy is proposed, agreed, and followed by another version'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON recon.policies
    FOR EACH ROW EXECUTE FUNCTION recon.guard_policy();
"""

DOWNGRADE = """
DROP TRIGGER suspense_opened ON recon.breaks;
DROP TRIGGER suspense_changed ON recon.breaks;
DROP TRIGGER suspense_deleted ON recon.breaks;
DROP TRIGGER date_is_open ON recon.runs;
DROP TRIGGER guard ON recon.resolutions;
DROP TABLE recon.policies, recon.postings, recon.closings, recon.approvals;
DROP VIEW recon.accepted;
DROP TABLE recon.acceptance_ends, recon.acceptances;
DROP SEQUENCE recon.policy_order, recon.closing_order;
DROP INDEX recon.resolutions_waiting;
-- What the release before cannot say is left out; the breaks stay, and are somebody's again.
UPDATE recon.breaks SET state = 'left' WHERE state = 'resolved' AND NOT EXISTS (
    SELECT FROM recon.resolutions r WHERE r.break_id = recon.breaks.break_id AND r.state = 'applied'
       AND r.action IN ('take_channel', 'push_hub', 'write_off', 'accept_timing'));
DELETE FROM recon.resolutions WHERE action NOT IN ('take_channel', 'push_hub', 'write_off', 'accept_timing', 'leave');
ALTER TABLE recon.resolutions
    DROP CONSTRAINT undo_says_of_what, DROP CONSTRAINT undo_is_by_people,
    DROP CONSTRAINT resolutions_action_check, DROP CONSTRAINT two_people,
    DROP COLUMN undoes, DROP COLUMN people, DROP COLUMN details;
ALTER TABLE recon.resolutions
    ADD CONSTRAINT resolutions_action_check CHECK (
        action IN ('take_channel', 'push_hub', 'write_off', 'accept_timing', 'leave')),
    ADD CONSTRAINT two_people CHECK (proposed_by <> approved_by);
ALTER TABLE recon.breaks
    DROP COLUMN assignee, DROP COLUMN assigned_by, DROP COLUMN assigned_at, DROP COLUMN due_at,
    DROP COLUMN escalated_at;
DROP FUNCTION recon.keep_suspense, recon.held, recon.postings_balance, recon.suspense_check, recon.guard_acceptance,
    recon.guard_resolution, recon.guard_approval, recon.guard_run, recon.guard_closing, recon.guard_policy,
    recon.refuse_closed, recon.is_closed, recon.refuse_change, recon.person;
"""


def upgrade() -> None:
    """Resolutions of every action, undone and superseded; suspense postings; ageing; closed business dates."""
    for part in (PEOPLE, CLOSINGS, RESOLUTIONS, SUSPENSE, AGEING, POLICIES):
        op.execute(part)


def downgrade() -> None:
    """Without it again."""
    op.execute(DOWNGRADE)
