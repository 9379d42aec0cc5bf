"""Two tickets for one seat, as a break under both numbers."""

from datetime import date
from pathlib import Path

import pyarrow as pa

from reconciliation.breaks.rendering import break_id_sql, values_sql
from reconciliation.definitions import Definition
from reconciliation.matching.engine import DuckDb


def seat_breaks(definition: Definition, business_date: date, pairs: pa.Table, out: Path) -> dict[str, tuple[int, int]]:
    """Write the breaks (BREAKS) of pairs with columns ``l_*`` and ``r_*``, the smaller ticket number on the left.

    Returns kind -> (number, money at stake in minor units), as ``Explained.kinds`` does.
    """
    with DuckDb() as engine:
        engine.table("pairs", pairs)
        engine.keep("found", _breaks(definition, business_date))
        engine.write("SELECT * FROM found ORDER BY key", out)
        count, money = engine.fetch("SELECT count(*), coalesce(sum(amount_at_stake), 0) FROM found")[0]
    return {"DOUBLE_SOLD_SEAT": (int(count), int(money))} if count else {}


def _breaks(definition: Definition, business_date: date) -> str:
    day = business_date.isoformat()
    name = f"'break|{definition.name}|{day}|DOUBLE_SOLD_SEAT|' || l_key || '+' || r_key"
    return f"""
        SELECT {break_id_sql(name)} AS break_id, '{definition.name}' AS definition, DATE '{day}' AS business_date,
               kind, l_key || '+' || r_key AS key, l_order_no AS order_no,
               {_ticket("l")} AS left_value, {_ticket("r")} AS right_value,
               greatest(coalesce(l_amount, 0), coalesce(r_amount, 0)) AS amount_at_stake, l_currency AS currency,
               NULL::varchar AS further, make_timestamptz(greatest(l_at, r_at)) AS since,
               json_array({_sold_by("l")}, {_sold_by("r")})::varchar AS evidence, '[]' AS covers, '[]' AS suggestions
        FROM (SELECT *, 'DOUBLE_SOLD_SEAT' AS kind FROM pairs)
    """


def _ticket(side: str) -> str:
    more = f"json_object('ticket_no', {side}_key, 'order_no', {side}_order_no, 'run', {side}_train_run)"
    return f"json_merge_patch({values_sql(side)}, {more})::varchar"


def _sold_by(side: str) -> str:
    return f"json_object('side', 'hub', 'ticket_no', {side}_key, 'seller', {side}_seller)"
