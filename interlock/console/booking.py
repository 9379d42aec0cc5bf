"""The books for people: trial balance, an account's lines, what an order's passenger owes; as of any time."""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.api.books import account_told, balance_told, owing_told, place_of, span_of
from hub.intake.retracting import REASON_MAX, Retracting
from hub.store import retractions
from hub.store.books import Span, account_lines, order_lines, trial_balance
from hub.store.owing import owing
from interlock.console.asking import Ask, Form, invalid
from interlock.console.connecting import named
from interlock.console.lookup import as_uuid
from interlock.console.ordering import order_at
from interlock.wiring import Hub, new_id
from schemas.problems import ProblemError, problem

BAR = 100
"""Half the width of the little scale beside a balance."""


def balance(connection: Connection[TupleRow], ask: Ask) -> dict[str, Any]:
    """The trial balance as in the API; ``scale`` is each balance on a scale of its currency's largest, -100 to 100."""
    span = _span(ask)
    told = balance_told(span, trial_balance(connection, span, _currency(ask)))
    largest: dict[str, int] = {}
    for row in told["accounts"]:
        largest[row["currency"]] = max(largest.get(row["currency"], 1), abs(row["balance"]))
    for row in told["accounts"]:
        row["scale"] = _share(row["balance"], largest[row["currency"]])
        row["kind"], _, row["of"] = row["account"].partition(":")
    return told | {"withdrawals": _withdrawals(connection, "proposed", None)}


def account(connection: Connection[TupleRow], ask: Ask, rows: int) -> dict[str, Any]:
    """One account: its balances, and a page of its lines as in the API."""
    name, span, currency = str(ask.path["account"])[:200], _span(ask), _currency(ask)
    balances = trial_balance(connection, span, currency, name)
    lines = account_lines(connection, name, span, currency, place_of(ask.text("cursor")), rows)
    kind, _, of = name.partition(":")
    return account_told(name, span, balances, lines, rows) | {"kind": kind, "of": of}


def owed(connection: Connection[TupleRow], order_id: UUID, ask: Ask) -> dict[str, Any] | None:
    """What the passenger of an order owes; None when nothing of it was known at that time."""
    as_of, recorded_as_of = ask.moment("as_of"), ask.moment("recorded_as_of")
    span = span_of(None, None, None, as_of, recorded_as_of)
    found = order_at(connection, order_id, as_of, recorded_as_of)
    if found is None:
        return None
    told = owing_told(owing(found.order, order_lines(connection, found.order.order_id, span)))
    withdrawals = _withdrawals(connection, None, found.order.order_id)
    return told | {"order_no": found.order.reference("rail", "order"), "withdrawals": withdrawals}


def _withdrawals(
    connection: Connection[TupleRow], state: retractions.State | None, order_id: UUID | None
) -> list[dict[str, Any]]:
    return named(connection, retractions.every(connection, state, order_id, 50), "proposed_by")


# --- a fact is withdrawn by two people -------------------------------------------------------------------------------


def propose(hub: Hub, person: str, form: Form) -> str:
    """Propose that the fact in the form is withdrawn; the address of the order's balance, where it waits."""
    order_id, fact, reason = as_uuid(str(form.path["order_id"])), form.text("fact"), form.text("reason")
    if order_id is None:
        raise ProblemError(problem("order_unknown"))
    if reason is None or not 3 <= len(reason) <= REASON_MAX:
        raise invalid("reason", f"is 3 to {REASON_MAX} characters")
    _retracting(hub).propose(order_id, fact or "", reason, person)
    return f"/console/orders/{order_id}/balance"


def decide(hub: Hub, person: str, form: Form) -> str:
    """Approve or reject a proposal; the address of the order's balance."""
    retraction_id, decision = as_uuid(form.text("retraction_id") or ""), form.text("decision")
    if retraction_id is None or decision not in ("approve", "reject"):
        raise invalid("decision", "is approve or reject")
    acts = _retracting(hub)
    row = (acts.approve if decision == "approve" else acts.reject)(retraction_id, person)
    return f"/console/orders/{row['order_id']}/balance"


def _retracting(hub: Hub) -> Retracting:
    return Retracting(hub.pool, hub.intake, hub.audit, hub.clock, new_id)


def _span(ask: Ask) -> Span:
    days = ask.day("date"), ask.day("from"), ask.day("to")
    return span_of(*days, ask.moment("as_of"), ask.moment("recorded_as_of"))


def _currency(ask: Ask) -> str | None:
    currency = ask.text("currency")
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ProblemError(problem("query_invalid", "currency is an ISO 4217 code such as CNY."))
    return currency


def _share(amount: int, largest: int) -> int:
    """Of ``BAR``, rounded away from zero: what is there is seen."""
    whole, rest = divmod(abs(amount) * BAR, largest)
    return (whole + bool(rest)) * (1 if amount >= 0 else -1)
