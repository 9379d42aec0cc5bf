"""The door to the expressions: Ibis takes a second of CPU and 44 MB to load, which only a process that matches pays.

Compiling a plan takes half a second more. Of two dates of one definition only the dates differ, so a plan is compiled
once for no date in particular, and the date is put into the text.
"""

from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from reconciliation.definitions import Definition
from reconciliation.matching.plan import Plan, Scope, plan_of

if TYPE_CHECKING:
    from reconciliation.matching.expressions import Compiled


# What stands in the text where a date belongs: instants and a date that no row has.
_BEGIN, _END, _LEFT_BEGIN, _RIGHT_BEGIN = (7_777_777_777_777_770_000 + n for n in range(1, 5))
_SOLD_ON = "0001-01-01"


def compiled(plan: Plan, dialect: str, by_hash: bool = False, everything: bool = False) -> "Compiled":
    """The queries of the exact pass, as text in an engine's SQL (``duckdb``, ``pyspark``)."""
    text = _compiled(_undated(plan), dialect, by_hash, everything)
    return replace(text, **{f.name: _dated(getattr(text, f.name), plan) for f in fields(text)})


def compared_pairs(plan: Plan, dialect: str) -> str:
    """The query that compares pairs which another pass has made: the table ``met`` as lines of PAIRS."""
    return _dated(_compared_pairs(_undated(plan), dialect), plan)


def scope_sql(definition: Definition, business_date: date) -> str:
    """Which rows of the left side a pair asks for, as a DuckDB condition over canonical columns.

    The pair sees these, and the rows whose key the other side has.
    """
    plan = plan_of(definition, business_date)
    return _dated(_scope_condition(_undated(plan)), plan)


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


def _undated(plan: Plan) -> Plan:
    scope = plan.scope
    if scope.seller is not None:
        scope = replace(scope, sold_on=_SOLD_ON)
    elif scope.begin is not None:
        scope = Scope(begin=_BEGIN, end=_END)
    return replace(plan, scope=scope, left_begin=_LEFT_BEGIN, right_begin=_RIGHT_BEGIN)


def _dated(text: str, plan: Plan) -> str:
    scope = plan.scope
    text = text.replace(str(_LEFT_BEGIN), str(plan.left_begin)).replace(str(_RIGHT_BEGIN), str(plan.right_begin))
    text = text.replace(str(_BEGIN), str(scope.begin)).replace(str(_END), str(scope.end))
    return text.replace(_SOLD_ON, scope.sold_on)
