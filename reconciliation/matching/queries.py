"""The door to the expressions: Ibis takes a second of CPU and 44 MB to load, which only a process that matches pays.

Compiling a plan takes a second more. Of two dates of one definition only the dates differ, and of two channels' pairs
only the name, so a plan is compiled once for nobody and no date in particular, and these are put into the text.
"""

from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciliation.definitions import Definition
from reconciliation.matching.plan import Plan, Scope, plan_of

if TYPE_CHECKING:
    from reconciliation.matching.expressions import Compiled


# What stands in the text where a date or a name belongs: instants, a date and names that no row has. A document's names
# are letters, digits and underscores, so they need no quoting.
_BEGIN, _END, _LEFT_BEGIN, _RIGHT_BEGIN = (7_777_777_777_777_770_000 + n for n in range(1, 5))
_SOLD_ON = "0001-01-01"
_SELLER = "~seller~"
_PREFIX = "~prefix~"


def compiled(plan: Plan, dialect: str, by_hash: bool = False, everything: bool = False) -> "Compiled":
    """The queries of the exact pass, as text in an engine's SQL (``duckdb``, ``pyspark``)."""
    text = _compiled(_anybodys(plan), dialect, by_hash, everything)
    return replace(text, **{f.name: _filled_in(getattr(text, f.name), plan) for f in fields(text)})


def compared_pairs(plan: Plan, dialect: str) -> str:
    """The query that compares pairs which another pass has made: the table ``met`` as lines of PAIRS."""
    return _filled_in(_compared_pairs(_anybodys(plan), dialect), plan)


def scope_sql(definition: Definition, business_date: date) -> str:
    """Which rows of the left side a pair asks for, as a DuckDB condition over canonical columns.

    The pair sees these, and the rows whose key the other side has.
    """
    plan = plan_of(definition, business_date)
    return _filled_in(_scope_condition(_anybodys(plan)), plan)


@lru_cache(maxsize=64)
def _compiled(plan: Plan, dialect: str, by_hash: bool, everything: bool) -> "Compiled":
    from reconciliation.matching import expressions

    return expressions.compiled(plan, dialect, by_hash, everything)


@lru_cache(maxsize=64)
def _compared_pairs(plan: Plan, dialect: str) -> str:
    from reconciliation.matching import expressions

    return expressions.compared_pairs(plan, dialect)


@lru_cache(maxsize=64)
def _scope_condition(plan: Plan) -> str:
    from reconciliation.matching import expressions

    return expressions.scope_condition(plan)


def _anybodys(plan: Plan) -> Plan:
    scope = plan.scope
    if scope.seller is not None:
        scope = replace(scope, seller=_SELLER, sold_on=_SOLD_ON)
    elif scope.begin is not None:
        scope = Scope(begin=_BEGIN, end=_END)
    prefix = _PREFIX if plan.prefix else ""
    return replace(plan, scope=scope, prefix=prefix, left_begin=_LEFT_BEGIN, right_begin=_RIGHT_BEGIN)


def _filled_in(text: str, plan: Plan) -> str:
    scope = plan.scope
    text = text.replace(str(_LEFT_BEGIN), str(plan.left_begin)).replace(str(_RIGHT_BEGIN), str(plan.right_begin))
    text = text.replace(str(_BEGIN), str(scope.begin)).replace(str(_END), str(scope.end))
    text = text.replace(_SOLD_ON, scope.sold_on).replace(_SELLER, scope.seller or "")
    return text.replace(_PREFIX, plan.prefix)
