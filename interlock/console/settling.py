"""What finance does: runs and closes dates, proposes, approves and undoes resolutions, agrees on policies; takes files
away and brings them back.

``FinanceActs.table`` is the list of acts with who may do each. Approving anything asks for a login of two factors; that
the second person is not the first is held by the tables of :mod:`reconciliation.resolution`.
"""

from collections.abc import Callable, Iterator
from typing import IO, Any, Literal, TypeVar, get_args
from uuid import UUID

from hub.api import Principal
from interlock.console.answering import Done, Sent, Shown
from interlock.console.asking import Ask, Form, invalid
from interlock.console.finance import FinanceViews, filter_of
from interlock.console.login import AUDIT, FINANCE, Staff
from interlock.console.lookup import as_uuid
from interlock.wiring import Hub
from reconciliation.api.exchange import report_bytes, report_of, returned_to, workbook_of
from reconciliation.exchange import MEDIA_TYPES
from reconciliation.reports import Scope
from reconciliation.resolution import Draft
from reconciliation.resolution.closing import Act as ClosingAct
from reconciliation.runs import Reconciler
from schemas.problems import Problem, ProblemError

ReportForm = Literal["xlsx", "csv", "pdf"]
REASON_MIN, REASON_MAX = 3, 200
T = TypeVar("T")
_BLOCK = 1 << 16


class FinanceActs:
    """One method an act."""

    def __init__(
        self, hub: Hub, reconciler: Reconciler, views: FinanceViews, must_be_sure: Callable[[Principal], None]
    ) -> None:
        """``must_be_sure`` raises ``StepUpNeeded`` for a login that is not good enough for an act of weight."""
        self._hub, self._recon, self._views, self._must_be_sure = hub, reconciler, views, must_be_sure

    @property
    def table(self) -> tuple[tuple[str, frozenset[str], Callable[[Staff, Form], Done]], ...]:
        """(address below /console, who may, act)"""
        return (
            ("/recon/run", FINANCE, self.run),
            ("/recon/report", AUDIT, self.report),
            ("/recon/workbook", FINANCE, self.take_out),
            ("/recon/workbook/returned", FINANCE, self.bring_back),
            ("/recon/closing", FINANCE, self.close),
            ("/recon/closing/decide", FINANCE, self.decide_closing),
            ("/recon/propose", FINANCE, self.propose),
            ("/recon/assign", FINANCE, self.assign),
            ("/recon/decide", FINANCE, self.decide),
            ("/recon/undo", FINANCE, self.undo),
            ("/recon/policies/propose", FINANCE, self.propose_policy),
            ("/recon/policies/decide", FINANCE, self.decide_policy),
        )

    # --- a date

    def run(self, staff: Staff, form: Form) -> Done:
        """Reconcile a date, or one pair of it, now; the same inputs again change nothing."""
        day, name = _needed(form.day("date"), "date", "is a date such as 2026-01-09"), form.text("definition")
        if name is not None and name not in self._recon.definitions():
            raise invalid("definition", "is the name of a pair")
        busy = [r for r in self._recon.journal.runs(day, name, 100) if r["state"] == "running"]
        if busy:
            return f"/console/recon?date={day}&done=running"
        outcome = self._recon.run_day(day, [name] if name else None)
        new = sum(not line.unchanged for line in outcome.definitions)
        return f"/console/recon?date={day}&done=ran&count={new}"

    def close(self, staff: Staff, form: Form) -> Done:
        """Propose to close or reopen a date; what hinders it stands on the page already."""
        day = _needed(form.day("date"), "date", "is a date such as 2026-01-09")
        act = next((known for known in get_args(ClosingAct) if known == form.text("act")), None)
        self._recon.closing.propose(day, _needed(act, "act", "is close or reopen"), _reason(form), staff.subject)
        return f"/console/recon?date={day}&done=proposed#closing"

    def decide_closing(self, staff: Staff, form: Form) -> Done:
        """Another person's word on closing or reopening a date."""
        agree = self._agrees(staff, form)
        row = self._recon.closing.decide(_id(form, "closing_id"), staff.subject, agree)
        word = {"close": "closed", "reopen": "reopened"}[row["act"]] if agree else "rejected"
        return f"/console/recon?date={row['business_date']}&done={word}#closing"

    # --- breaks

    def propose(self, staff: Staff, form: Form) -> Done:
        """Propose one action for one break or for all that were ticked; each is a proposal of its own."""
        breaks = [_uuid(text, "break_id") for text in form.chosen("break_id")]
        if not breaks:
            raise invalid("break_id", "names at least one break: tick the ones that are meant")
        action = _needed(form.text("action"), "action", "is an action of the list")
        reason, details = _reason(form), _details(form)
        with self._hub.pool.connection() as connection:
            drafts = [Draft(break_id, action, reason, details) for break_id in breaks]
            made = self._recon.resolver.propose_many(connection, drafts, staff.subject, self._recon.clock())
        refused = [each for each in made if isinstance(each, Problem)]
        if len(breaks) == 1:
            if refused:
                raise ProblemError(refused[0])
            return f"/console/recon/breaks/{breaks[0]}?done=proposed#resolutions"
        if refused:
            return self._waiting([_refusal(b, p) for b, p in zip(breaks, made, strict=True) if isinstance(p, Problem)])
        return f"/console/recon/waiting?done=proposed&count={len(made)}"

    def assign(self, staff: Staff, form: Form) -> Done:
        """Take a break to oneself, or give it back to nobody."""
        break_id = _id(form, "break_id")
        self._recon.resolver.assign(break_id, staff.subject if form.text("to") == "me" else None, staff.subject)
        return f"/console/recon/breaks/{break_id}?done=assigned"

    def decide(self, staff: Staff, form: Form) -> Done:
        """Approve or reject what somebody else proposed: one, or all that were ticked."""
        agree = self._agrees(staff, form)
        chosen = [_uuid(text, "resolution_id") for text in form.chosen("resolution_id")]
        if not chosen:
            raise invalid("resolution_id", "names at least one proposal: tick the ones that are meant")
        resolver, failed, rows = self._recon.resolver, [], []
        for resolution_id in chosen:
            try:
                if agree:
                    rows.append(resolver.approve(resolution_id, staff.subject, self._recon.kept_parts))
                else:
                    rows.append(resolver.reject(resolution_id, staff.subject))
            except ProblemError as error:
                if len(chosen) == 1:
                    raise
                failed.append(_refusal(resolution_id, error.problem))
        if failed:
            return self._waiting(failed, len(rows))
        if len(rows) == 1:
            return f"/console/recon/breaks/{rows[0]['break_id']}?done={rows[0]['state']}#resolutions"
        return f"/console/recon/waiting?done={'approved' if agree else 'rejected'}&count={len(rows)}"

    def undo(self, staff: Staff, form: Form) -> Done:
        """Propose to take back what was done; it is approved like any resolution."""
        row = self._recon.resolver.propose_undo(_id(form, "resolution_id"), _reason(form), staff.subject)
        return f"/console/recon/breaks/{row['break_id']}?done=proposed#resolutions"

    def _waiting(self, failed: list[dict[str, Any]], done: int = 0) -> Shown:
        """What waits now, with what could not be done and why."""
        data = self._views.waiting(Ask({}, {})) | {"failed": failed, "succeeded": done}
        return Shown("recon_waiting", "/console/recon/waiting", data, 409)

    # --- files

    def report(self, staff: Staff, form: Form) -> Done:
        """A date's report as Excel, CSV or PDF."""
        day = _needed(form.day("date"), "date", "is a date such as 2026-01-09")
        shape = next((known for known in get_args(ReportForm) if known == form.text("form")), None)
        if shape is None:
            raise invalid("form", "is xlsx, csv or pdf")
        report = report_of(self._recon, Scope(day, form.text("definition"), None), staff.subject)
        media_type = "application/pdf" if shape == "pdf" else MEDIA_TYPES[shape]
        return Sent(iter([report_bytes(report, shape)]), f"report-{day}.{shape}", media_type)

    def take_out(self, staff: Staff, form: Form) -> Done:
        """The breaks of a filter as a workbook to be filled in."""
        shape: Literal["xlsx", "csv"] = "csv" if form.text("form") == "csv" else "xlsx"
        wanted = filter_of(Ask({}, {name: form.text(name) or "" for name in _FILTERS}), 0)
        file, number = workbook_of(self._recon, wanted, shape, staff.subject)
        name = f"breaks-{wanted.business_date or 'all'}-{str(number)[:8]}.{shape}"
        return Sent(_blocks(file), name, MEDIA_TYPES[shape])

    def bring_back(self, staff: Staff, form: Form) -> Done:
        """A workbook that was filled in: every row becomes a proposal, or is answered why not."""
        raw = form.files.get("workbook")
        if not raw:
            raise invalid("workbook", "is a filled-in workbook, .xlsx or .csv")
        answer = returned_to(self._recon, raw, staff.subject).to_json()
        return Shown("recon_returned", "/console/recon/waiting", answer)

    # --- policies

    def propose_policy(self, staff: Staff, form: Form) -> Done:
        """Propose a policy's text."""
        row = self._recon.policies.propose(form.long("document"), _reason(form), staff.subject)
        return f"/console/recon/policies?done=proposed&name={row['name']}"

    def decide_policy(self, staff: Staff, form: Form) -> Done:
        """Agree to somebody else's policy, or reject it."""
        agree = self._agrees(staff, form)
        row = self._recon.policies.decide(form.text("name") or "", form.text("version") or "", staff.subject, agree)
        return f"/console/recon/policies?done={'approved' if agree else 'rejected'}&name={row['name']}"

    def _agrees(self, staff: Staff, form: Form) -> bool:
        """Whether the form says yes; raises ``StepUpNeeded`` for a yes of a login that is not sure enough."""
        decision = form.text("decision")
        if decision not in ("approve", "reject"):
            raise invalid("decision", "is approve or reject")
        if decision == "approve":
            self._must_be_sure(staff.principal)
        return decision == "approve"


_FILTERS = ("date", "definition", "kind", "state", "order_no")


def _needed(value: T | None, name: str, what: str) -> T:
    if value is None:
        raise invalid(name, what)
    return value


def _reason(form: Form) -> str:
    reason = form.text("reason")
    if reason is None or len(reason) < REASON_MIN:
        raise invalid("reason", f"is {REASON_MIN} to {REASON_MAX} characters: whoever approves it reads it")
    return reason


def _id(form: Form, name: str) -> UUID:
    return _uuid(form.text(name) or "", name)


def _uuid(text: str, name: str) -> UUID:
    return _needed(as_uuid(text), name, "is the id of one that is shown")


def _details(form: Form) -> dict[str, Any]:
    """What some actions need beside the break: the other breaks of a link, where a write-off goes."""
    details: dict[str, Any] = {
        name: text for name in ("expense_account", "reason_code") if (text := form.text(name)) is not None
    }
    others = [str(_uuid(text, "other")) for text in form.chosen("other")]
    return details | ({"breaks": others} if others else {})


def _refusal(subject: UUID, found: Problem) -> dict[str, Any]:
    return {"subject": subject, "code": found.code, "detail": found.detail, "remedy": found.remedy}


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The file piece by piece; closed when it is sent."""
    with file:
        while block := file.read(_BLOCK):
            yield block
