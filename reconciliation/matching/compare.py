"""Whether two rows say the same: the kinds of breaks that a pair is, as an expression over ``l_*`` and ``r_*``."""

import ibis
import ibis.expr.types as ir

from reconciliation.matching.plan import Compared, Plan
from reconciliation.rows import STATE_RANK

UNKNOWN_AMOUNT = -(2**62)
"""Sorts before every amount and is none."""


def known(amount: ir.Value) -> ir.Value:
    """An amount to sort by, unknown ones first."""
    return amount.fill_null(UNKNOWN_AMOUNT)


def read_columns(plan: Plan) -> set[str]:
    """The columns of each side that decide whether two rows agree."""
    wanted = {"amount", *(one.field for one in plan.compared)}
    if plan.fee is not None:
        wanted |= {"fee", "kind"}
    if plan.scope.seller is not None:
        wanted.add("seller")
    return wanted


def differing_kinds(plan: Plan, pairs: ir.Table) -> ir.StringValue:
    """The kinds of a pair's differences, separated by spaces; empty when the two rows agree."""
    ours_unknown, theirs_unknown = _untold(plan, pairs)
    told: ir.StringValue = ibis.literal("")
    for kind, differs in _compared(plan, pairs).items():
        told = told + differs.ifelse(f"{kind} ", "")
    return ibis.cases(
        # The hub knows the thing only from an act on it: its sale has never been told.
        (ours_unknown, "MISSING_IN_HUB"),
        (theirs_unknown, "MISSING_IN_CHANNEL"),
        else_=told.rstrip(),
    )


def differs_at_all(plan: Plan, pairs: ir.Table) -> ir.BooleanValue:
    """Whether :func:`differing_kinds` would name a kind, without making the text."""
    ours_unknown, theirs_unknown = _untold(plan, pairs)
    found = ours_unknown | theirs_unknown
    for differs in _compared(plan, pairs).values():
        found = found | differs
    return found


def _untold(plan: Plan, pairs: ir.Table) -> tuple[ir.BooleanValue, ir.BooleanValue]:
    return (
        pairs.l_amount.isnull() & pairs.r_amount.notnull(),
        pairs.r_amount.isnull() & pairs.l_amount.notnull() & _keeper(plan, pairs),
    )


def _compared(plan: Plan, pairs: ir.Table) -> dict[str, ir.BooleanValue]:
    """Kind -> whether the pair is a break of this kind."""
    found = {one.kind: _differs(plan, one, pairs) for one in plan.compared}
    if plan.fee is not None:
        off = _fee_is_not_agreed(plan.fee, pairs)
        found["FEE"] = found["FEE"] | off if "FEE" in found else off
    if "AMOUNT" in found and "CURRENCY" in found:
        # Amounts in two currencies are not more or less than each other.
        found["AMOUNT"] = found["AMOUNT"] & ~found["CURRENCY"]
    if "AMOUNT" in found and plan.compares("fee"):
        # The same gross amount with another fee kept of it: the fee is the cause.
        same_gross = (_gross(pairs, "l_") == _gross(pairs, "r_")).fill_null(False)
        found["AMOUNT"] = found["AMOUNT"] & ~(found["FEE"] & same_gross)
    return found


def _differs(plan: Plan, one: Compared, pairs: ir.Table) -> ir.BooleanValue:
    ours, theirs = pairs[f"l_{one.field}"], pairs[f"r_{one.field}"]
    if one.field in {"amount", "fee"}:
        differs = ~(theirs - ours).between(one.low, one.high)
    elif one.field == "person":
        differs = (ours != theirs) & (ours != "") & (theirs != "")
    elif one.field == "state" and plan.scope.seller is not None:
        # Who did not sell the order is not its keeper: it only must not be further on than the hub.
        differs = (ours != theirs) & (_keeper(plan, pairs) | (_rank(theirs) > _rank(ours)))
    else:
        differs = ours != theirs
    # What one side does not know is no difference.
    return differs.fill_null(False)


def _keeper(plan: Plan, pairs: ir.Table) -> ir.BooleanValue:
    if plan.scope.seller is None:
        return ibis.literal(True)
    return (pairs.l_seller == plan.scope.seller).fill_null(False)


def _rank(state: ir.Value) -> ir.IntegerValue:
    return ibis.cases(*((state == name, rank) for name, rank in STATE_RANK.items()), else_=0)


def _fee_is_not_agreed(fee: tuple[int, int], pairs: ir.Table) -> ir.BooleanValue:
    """The fee that a processor states for a payment, in thousandths, against its rate: integers all the way."""
    rate_ppm, tolerance = fee
    off = (pairs.r_fee * 1000 - pairs.r_amount * rate_ppm).abs()
    return ((pairs.r_kind == "payment") & (off > tolerance * 1000)).fill_null(False)


def _gross(pairs: ir.Table, side: str) -> ir.IntegerValue:
    return pairs[f"{side}amount"] * 1000 + pairs[f"{side}fee"]
