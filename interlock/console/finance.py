"""What finance sees: the day board, breaks, what waits for a second person, ages, carries, the schedule, documents.

``FinanceViews.table`` is the list of pages; each view returns plain values, for the page and its JSON twin alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from interlock.console import reconciling
from interlock.console.asking import Ask
from interlock.console.lookup import as_uuid, find_orders
from interlock.scheduling import scheduler_of
from interlock.wiring import Hub
from reconciliation.carry import carry_of, gaps
from reconciliation.cases import BreakFilter
from reconciliation.definitions import Catalogue, catalogue
from reconciliation.digests import pulses
from reconciliation.policies import Policy, findings
from reconciliation.resolution import ageing, suspense
from reconciliation.runs import Reconciler
from reconciliation.schedule import Agenda
from reconciliation.sources.hub import RAILWAY_ZONE
from reconciliation.sources.statement import with_texts
from reconciliation.statements import formats
from reconciliation.views import chain_of
from schemas.problems import ProblemError, problem

PAGE_ROWS = 50

View = Callable[[Ask], dict[str, Any]]


def unknown(what: str) -> ProblemError:
    return ProblemError(problem("not_found", f"There is no {what}."))


class FinanceViews:
    """One method a page."""

    def __init__(self, hub: Hub, reconciler: Reconciler) -> None:
        self._hub, self._recon = hub, reconciler
        self._scheduler = scheduler_of(hub)

    @property
    def table(self) -> tuple[tuple[str, str, View], ...]:
        """(address below /console, template, view)"""
        return (
            ("/recon", "recon", self.day),
            ("/recon/breaks", "recon_breaks", self.breaks),
            ("/recon/breaks/{break_id}", "break", self.one_break),
            ("/recon/waiting", "recon_waiting", self.waiting),
            ("/recon/ageing", "recon_ageing", self.age),
            ("/recon/chains/{view}", "recon_chain", self.chain),
            ("/recon/carry", "recon_carry", self.carry),
            ("/recon/due", "recon_due", self.due),
            ("/recon/files", "recon_files", self.files),
            ("/recon/runs/{run_id}", "recon_run", self.run),
            ("/recon/policies", "recon_policies", self.policies),
            ("/recon/policies/{name}", "recon_policy", self.policy),
            ("/recon/definitions", "recon_definitions", self.definitions),
            ("/recon/definitions/{name}", "recon_definition", self.definition),
        )

    # --- a day

    def day(self, ask: Ask) -> dict[str, Any]:
        """A date: every pair and where it stands, chains, breaks by kind, and whether it can be closed."""
        with self._hub.pool.connection() as connection:
            dates = reconciling.dates(connection)
            day = ask.day("date") or reconciling.latest_date(connection)
            if day is None:
                return {"date": None, "dates": dates, "pairs": [], "kinds": [], "chains": [], "closing": None}
            runs = reconciling.latest_runs(connection, day)
            kinds = reconciling.by_kind(connection, day)
        known = self._catalogue()
        pairs = reconciling.pairs(runs, known.pairs, self._stale(day))
        return {
            "date": day,
            "dates": dates,
            "pairs": pairs,
            "totals": {name: sum(line[name] for line in pairs) for name in _TOTALS},
            "kinds": kinds,
            "chains": [view.model_dump(include={"name", "title_zh", "title_en"}) for view in known.views.values()],
            "closing": self._closing(day),
        }

    def _stale(self, day: date) -> dict[str, str]:
        found = self._agenda()
        return {each.definition: each.reason for each in (*found.due, *found.blocked) if each.business_date == day}

    def _agenda(self) -> Agenda:
        return self._scheduler.agenda()

    def _closing(self, day: date) -> dict[str, Any]:
        found = self._recon.closing.state(day)
        history = self._recon.closing.history(day)
        with self._hub.pool.connection() as connection:
            named = reconciling.people(connection, history, "proposed_by", "decided_by")
        by_id = {row["closing_id"]: row for row in named}
        for name in ("last", "waiting"):
            found[name] = by_id[found[name]["closing_id"]] if found[name] else None
        return found | {"history": named}

    def chain(self, ask: Ask) -> dict[str, Any]:
        """A chain of systems on a date: where it breaks, and for which order."""
        known, name = self._catalogue(), str(ask.path["view"])
        if name not in known.views:
            raise unknown("such chain")
        view = known.views[name]
        with self._hub.pool.connection() as connection:
            day = ask.day("date") or reconciling.latest_date(connection) or self._today()
            found = chain_of(connection, view, known.pairs, day, 200).to_json()
        return {**found, "date": day, "zh": view.title_zh, "en": view.title_en}

    # --- breaks

    def breaks(self, ask: Ask) -> dict[str, Any]:
        """Breaks by date, pair, kind, state and order, and what may be proposed for those that are chosen."""
        wanted = filter_of(ask, PAGE_ROWS)
        rows = reconciling.breaks(self._hub.pool, wanted)
        with self._hub.pool.connection() as connection:
            dates = reconciling.dates(connection)
            kinds = reconciling.by_kind(connection, wanted.business_date) if wanted.business_date else []
            rows = reconciling.people(connection, rows, "assignee")
        return {
            "date": wanted.business_date,
            "dates": dates,
            "now": self._recon.clock(),
            "breaks": rows,
            "kinds": [kind["kind"] for kind in kinds],
            "pairs": list(self._catalogue().pairs),
            "actions": list(reconciling.actions_named().values()),
            "later": rows[-1]["seq"] if len(rows) == PAGE_ROWS else None,
        }

    def one_break(self, ask: Ask) -> dict[str, Any]:
        """One break: both sides, evidence, candidates, what was done and what can be."""
        break_id = as_uuid(ask.path["break_id"])
        if break_id is None:
            raise ProblemError(problem("break_unknown"))
        found = reconciling.one_break(self._hub.pool, self._catalogue().pairs, break_id)
        with self._hub.pool.connection() as connection:
            orders = find_orders(connection, found["order_no"]) if found["order_no"] else []
        found["evidence"] = self._with_texts(found)
        shut = self._recon.closing.state(found["business_date"])["closed"]
        return found | {"order_id": str(orders[0]) if orders else None, "closed": shut, "now": self._recon.clock()}

    def _with_texts(self, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The break's evidence, with the text of a statement's lines as the kept file has them, masked."""
        pair = self._catalogue().pairs.get(found["definition"])
        source = pair.right.of if pair is not None and pair.right.source == "processor" else None
        if source is None:
            return list(found["evidence"])
        known = formats(self._recon.options.data_dir / "recon" / "formats")
        return with_texts(self._recon.gatherer.vault, source, found["evidence"], known)

    def waiting(self, ask: Ask) -> dict[str, Any]:
        """Resolutions that wait for a second person, or another state's, the latest first."""
        state = ask.text("state") or "proposed"
        if state not in _RESOLUTION_STATES:
            raise ProblemError(problem("query_invalid", f"state is one of {', '.join(_RESOLUTION_STATES)}."))
        rows = self._recon.resolver.records.every(state, ask.day("date"), PAGE_ROWS)
        about = {row["break_id"]: self._recon.cases.one(row["break_id"]) for row in rows}
        names = ("definition", "business_date", "kind", "key", "order_no", "currency", "amount_at_stake")
        with self._hub.pool.connection() as connection:
            named = reconciling.people(connection, rows, "proposed_by", "approved_by")
        told = [row | {"about": {name: about[row["break_id"]][name] for name in names}} for row in named]
        return {"resolutions": told, "state": state, "states": _RESOLUTION_STATES, "failed": []}

    def age(self, ask: Ask) -> dict[str, Any]:
        """How old open breaks are, which are overdue, and what is held for them."""
        now = self._recon.clock()
        with self._hub.pool.connection() as connection:
            lines = ageing.buckets(connection, self._today(), now)
            late = reconciling.people(connection, ageing.overdue(connection, now, PAGE_ROWS), "assignee")
            accounts, complaints = suspense.balances(connection), suspense.check(connection)
        cells: dict[tuple[str, str], dict[str, Any]] = {}
        for line in lines:
            row = cells.setdefault((line.definition, line.kind), {"ages": {}, "count": 0, "amount": 0, "overdue": 0})
            row["ages"][line.bucket] = line.count + row["ages"].get(line.bucket, 0)
            for name in ("count", "amount", "overdue"):
                row[name] += getattr(line, name)
        return {
            "buckets": ageing.BUCKET_NAMES,
            "lines": [{"definition": pair, "kind": kind, **row} for (pair, kind), row in cells.items()],
            "overdue": [{name: row[name] for name in _LATE} for row in late],
            "accounts": [asdict(account) for account in accounts],
            "complaints": [asdict(complaint) for complaint in complaints],
        }

    # --- days in a row

    def carry(self, ask: Ask) -> dict[str, Any]:
        """What is carried through a date, and every gap over all dates."""
        with self._hub.pool.connection() as connection:
            day = ask.day("date") or reconciling.latest_date(connection)
            lines = carry_of(connection, day) if day else []
            return {
                "date": day,
                "dates": reconciling.dates(connection),
                "lines": lines,
                "gaps": [asdict(g) for g in gaps(connection)],
            }

    def due(self, ask: Ask) -> dict[str, Any]:
        """What the calendars make due, what is missing and blocked, and whether channels' messages are held."""
        with self._hub.pool.connection() as connection:
            health = [pulse.to_json() for pulse in pulses(connection, self._recon.clock())]
        return self._agenda().to_json() | {"health": health}

    def files(self, ask: Ask) -> dict[str, Any]:
        """What a date's runs have read, what was kept aside or refused; settlement files as they came."""
        with self._hub.pool.connection() as connection:
            day = ask.day("date") or reconciling.latest_date(connection)
            return {
                "date": day,
                "dates": reconciling.dates(connection),
                "inputs": reconciling.inputs(connection, day) if day else [],
                "arrivals": reconciling.arrivals(connection, PAGE_ROWS),
            }

    def run(self, ask: Ask) -> dict[str, Any]:
        """One run: what it compared, through which stages, how far it is."""
        found = self._recon.journal.run(str(ask.path["run_id"]))
        if found is None:
            raise unknown("such run")
        others = self._recon.journal.runs(found["business_date"], found["definition"], PAGE_ROWS)
        names = ("run_id", "state", "started_at", "finished_at", "break_count", "matched")
        found["stages"].sort(key=lambda stage: (stage["started_at"], _STAGES.index(stage["stage"])))
        return found | {"runs": [{name: run[name] for name in names} for run in others]}

    # --- documents

    def policies(self, ask: Ask) -> dict[str, Any]:
        """The policies that hold, every version that was proposed, and the form for another one."""
        names = sorted({pair.policy for pair in self._catalogue().pairs.values()})
        holds = [_policy_line(self._policy(name)) for name in names]
        with self._hub.pool.connection() as connection:
            versions = reconciling.people(connection, self._recon.policies.versions(), "proposed_by", "decided_by")
        return {"policies": holds, "versions": versions}

    def policy(self, ask: Ask) -> dict[str, Any]:
        """One policy, rule by rule; with a date, what it would do with that date's open breaks."""
        name, day = str(ask.path["name"]), ask.day("date")
        holds, known = self._policy(name), self._catalogue().pairs
        odd = [asdict(finding) for finding in findings(holds, known)]
        with self._hub.pool.connection() as connection:
            dates = reconciling.dates(connection)
        trial: list[dict[str, Any]] | None = None
        if day is not None:
            wanted = [pair for pair in known.values() if pair.policy == name]
            try:
                made = self._recon.resolver.trial(holds, wanted, day, self._recon.kept_parts)
            except FileNotFoundError:
                gone = f"An extract of {day} that a rule asks for is not kept any more; run the date again."
                raise ProblemError(problem("query_invalid", gone)) from None
            trial = [{"rule": rule, **asdict(total)} for (rule, _), total in sorted(made.totals.items())]
        document = holds.model_dump(mode="json")
        return {
            **_policy_line(holds),
            "document": document,
            "findings": odd,
            "date": day,
            "dates": dates,
            "trial": trial,
        }

    def definitions(self, ask: Ask) -> dict[str, Any]:
        """Every pair with its calendar, every chain, and documents that are wrong and therefore not used."""
        known = self._catalogue()
        pairs = [
            {**pair.model_dump(mode="json"), "from": known.origins[name], "digest": pair.digest,
             "left_is": str(pair.left), "right_is": str(pair.right), "days": pair.days("right").model_dump(mode="json")}
            for name, pair in known.pairs.items()
        ]  # fmt: skip
        broken = {name: [finding.to_json() for finding in found] for name, found in known.broken.items()}
        return {"pairs": pairs, "chains": [v.model_dump(mode="json") for v in known.views.values()], "broken": broken}

    def definition(self, ask: Ask) -> dict[str, Any]:
        """One pair's document, and when its next dates are due and its grace ends."""
        known, name = self._catalogue(), str(ask.path["name"])
        if name not in known.pairs:
            raise unknown("such pair")
        pair = known.pairs[name]
        calendars = {"left": pair.days("left"), "right": pair.days("right")}
        return {
            "name": name,
            "zh": pair.title_zh,
            "en": pair.title_en,
            "from": known.origins[name],
            "digest": pair.digest,
            "calendars": {side: calendar.model_dump(mode="json") for side, calendar in calendars.items()},
            "document": pair.model_dump(mode="json", exclude_none=True),
        }

    def _policy(self, name: str) -> Policy:
        try:
            return self._recon.policies.in_force(name)
        except FileNotFoundError:
            raise unknown("such policy") from None

    def _catalogue(self) -> Catalogue:
        return catalogue(self._recon.options.definitions)

    def _today(self) -> date:
        return self._recon.clock().astimezone(RAILWAY_ZONE).date()


_TOTALS = ("left_rows", "right_rows", "matched", "adjusted", "pending", *reconciling.STATES, "at_stake")
_RESOLUTION_STATES = ("proposed", "approved", "applied", "failed", "rejected")
_STAGES = ("match", "later", "explain", "persist")
_LATE = (
    "break_id", "definition", "business_date", "kind", "key", "amount_at_stake", "currency", "due_at", "assignee_name",
)  # fmt: skip


def filter_of(ask: Ask, limit: int) -> BreakFilter:
    """The breaks that a page or a form asks for."""
    return BreakFilter(
        business_date=ask.day("date"),
        definition=ask.text("definition"),
        kind=ask.text("kind"),
        state=ask.text("state"),
        order_no=ask.text("order_no"),
        after=ask.number("after") or 0,
        limit=limit,
    )


def _policy_line(policy: Policy) -> dict[str, Any]:
    counts: Mapping[str, Any] = {"rules": len(policy.rules), "approvals": len(policy.approvals), "sla": len(policy.sla)}
    return {"name": policy.name, "version": policy.version, "digest": policy.digest, **counts}
