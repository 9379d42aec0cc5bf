"""What may be proposed: each draft is checked against its break, which stays locked, and written down if it may be."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from reconciliation.definitions import Definition
from reconciliation.policies import ACTIONS, Policy, PolicyBook, actions_for
from reconciliation.resolution.doing import link_refused
from reconciliation.resolution.records import Draft, Record, Row, closed_dates, insert_many, locked_breaks
from schemas.problems import Problem, problem


@dataclass(frozen=True, slots=True)
class Proposing:
    """The rules of a proposal; ``known`` gives the definitions there are."""

    policies: PolicyBook
    new_id: Callable[[], UUID]
    known: Callable[[], Mapping[str, Definition]]

    def write(
        self, connection: Connection[TupleRow], drafts: Sequence[Draft], person: str, now: datetime
    ) -> list[Row | Problem]:
        """Check each draft against its break, which stays locked, and write down those that may be."""
        asked = {draft.break_id for draft in drafts} | {name for draft in drafts for name in _others(draft)}
        records = locked_breaks(connection, asked)
        shut = closed_dates(connection, (record["business_date"] for record in records.values()))
        known = self.known()
        holds: dict[str, Policy] = {}
        answers: list[Problem | UUID] = []
        fit: list[tuple[UUID, Draft]] = []
        seen: set[UUID] = set()
        for draft in drafts:
            wrong = _draft_refused(draft, records, shut, seen, known)
            if wrong is not None:
                answers.append(wrong)
                continue
            seen.add(draft.break_id)
            resolution_id = self.new_id()
            fit.append((resolution_id, self._with_people(draft, records[draft.break_id], known, holds)))
            answers.append(resolution_id)
        rows = insert_many(connection, fit, records, person, now) if fit else {}
        return [answer if isinstance(answer, Problem) else rows[answer] for answer in answers]

    def _with_people(
        self, draft: Draft, record: Record, known: Mapping[str, Definition], holds: dict[str, Policy]
    ) -> Draft:
        """As many people as the pair's policy asks for this amount; ``holds`` keeps each policy for the next draft."""
        if draft.policy is not None or draft.action == "undo":
            return draft
        definition = known.get(record["definition"])
        name = definition.policy if definition is not None else "default"
        if name not in holds:
            holds[name] = self.policies.in_force(name)
        return replace(draft, people=holds[name].people_for(record["amount_at_stake"]))


def _draft_refused(
    draft: Draft,
    records: Mapping[UUID, Record],
    shut: Mapping[date, Problem],
    seen: Collection[UUID],
    known: Mapping[str, Definition],
) -> Problem | None:
    record = records.get(draft.break_id)
    if record is None:
        return problem("break_unknown", f"There is no break {draft.break_id}.")
    if record["business_date"] in shut:
        return shut[record["business_date"]]
    if draft.break_id in seen:
        return problem("query_invalid", "The break stands in the list twice.")
    if draft.action == "undo":
        return None
    definition = known.get(record["definition"])
    source = definition.right.source if definition is not None else None
    fits = actions_for(record["kind"], source if source != "hub" else None)
    if draft.action not in ACTIONS:
        return problem("query_invalid", f"{draft.action!r} is no action; there are {', '.join(sorted(ACTIONS))}.")
    if draft.action not in fits:
        return problem("query_invalid", f"{draft.action} is not for {record['kind']}; there are {', '.join(fits)}.")
    if record["state"] not in {"open", "left"}:
        return problem("query_invalid", f"The break is {record['state']}: there is nothing left to resolve.")
    return _link_problem(draft, records) if draft.action == "link" else None


def _others(draft: Draft) -> list[UUID]:
    """The other breaks of a link; those that are no ids are refused where the link is."""
    try:
        return [UUID(str(name)) for name in draft.details.get("breaks", ())]
    except ValueError:
        return []


def _link_problem(draft: Draft, records: Mapping[UUID, Record]) -> Problem | None:
    others = _others(draft)
    if not others or draft.break_id in others or len(set(others)) < len(draft.details["breaks"]):
        return problem("query_invalid", "A link names the ids of other breaks in details.breaks, each once.")
    missing = next((name for name in others if name not in records), None)
    if missing is not None:
        return problem("break_unknown", f"There is no break {missing}.")
    members = [records[draft.break_id], *(records[name] for name in others)]
    settled = next((m for m in members if m["state"] not in {"open", "left"}), None)
    if settled is not None:
        return problem("query_invalid", f"The break {settled['break_id']} is {settled['state']}.")
    wrong = link_refused(members, draft.details)
    return problem("query_invalid", f"This is no link: {wrong}.") if wrong is not None else None


def undo_refused(target: Row, record: Record) -> str | None:
    if target["state"] != "applied" or target["action"] == "undo":
        return "Only what was done can be undone; what was undone is decided anew."
    if target["undone_by"] is not None:
        return "It is undone already."
    if record["state"] == "cleared" and not ACTIONS[target["action"]].takes_back:
        return "The break is cleared, and there was nothing posted that could be taken back."
    return None
