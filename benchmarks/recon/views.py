"""What each side says of the things of a date, and what must be found: SQL over the table ``things``."""

from collections.abc import Iterator
from datetime import date

from benchmarks.recon.cases import CASES, SEATS, Case, Edit, Expect, Side
from benchmarks.recon.shape import World
from benchmarks.recon.things import PERSONS, fare_of, shaped
from reconciliation.datasets import SCHEMA

LATE = 180_000_000
"""A row that a side has a day late is dated three minutes later: 00:01."""
EARLY = 50_000_000
"""And one that it has a day early fifty seconds earlier: 23:59:40."""

_OWN: dict[Side, dict[str, str]] = {
    "hub": {
        "actors": f"CASE WHEN case_no IN ({shaped('touched')}) AND kind <> 'refund' THEN '|agents|web|'"
        " ELSE '|' || seller || '|' END",
        "fee": "CASE WHEN kind = 'refund' THEN fee END",
    },
    "agents": {"fee": "CASE WHEN kind = 'refund' THEN fee END", "leg_from": "NULL::BIGINT", "leg_to": "NULL::BIGINT"},
    "wechat": {"seller": "''", "sold_on": "''", "fee": "CASE WHEN kind = 'payment' THEN fee END"},
}
_ORDER_KEY = "CASE kind WHEN 'ticket' THEN '' ELSE split_part(key, '|', 1) || '|' || order_no END"
_SAME = {"actors": "''", "carried": "''", "other_key": _ORDER_KEY, "batch": "''", "sha256": "''", "raw": "''",
         "place": "'order ' || i"}  # fmt: skip
_THEIRS = {"hub": "true", "agents": "true", "wechat": "starts_with(key, 'wechat|')"}


def side_sql(world: World, side: Side, day: date, native: bool = False) -> str:
    """The canonical rows that ``side`` says of ``day``, in another order than the other sides; with ``native`` also
    ``document_no, i, case_no``, and only those differences that the native files can say."""
    edits = list(_edits(side, native))
    said = ", ".join(_column(world, side, day, name, edits) for name in SCHEMA.names)
    also = f", {_document(edits)}, i, case_no" if native else ""
    seen = f"{_THEIRS[side]} AND ({_dated(world, side, day)})"
    lacking = " OR ".join(_is(number, edit) for number, edit in edits if edit.lacks) or "false"
    twice = " OR ".join(_is(number, edit) for number, edit in edits if edit.twice)
    again = f" UNION ALL SELECT {said}{also} FROM things WHERE {seen} AND ({twice})" if twice else ""
    rows = f"SELECT {said}{also} FROM things WHERE {seen} AND NOT ({lacking}){again}"
    return rows if native else f"SELECT * FROM ({rows}) ORDER BY hash(key || '{side}')"


def _edits(side: Side, native: bool) -> Iterator[tuple[int, Edit]]:
    for number, case in enumerate(CASES, start=1):
        if case.native or not native or side == "hub":
            yield from ((number, edit) for edit in case.edits if edit.side == side)


def _is(number: int, edit: Edit) -> str:
    return f"(case_no = {number} AND thing = '{edit.thing}')"


def _dated(world: World, side: Side, day: date) -> str:
    """Which things stand in the side's books of the date. The hub knows of its earlier orders what others speak of."""
    late = f"case_no IN ({shaped('late_in_agents', 'late_in_wechat') if side == 'hub' else shaped(f'late_in_{side}')})"
    early = f"case_no IN ({shaped('early_in_wechat') if side == 'hub' else shaped(f'early_in_{side}')})"
    if side == "hub":
        return f"on_eve OR {early}" if day == world.eve else f"NOT on_eve OR {late}"
    if day == world.eve:
        return f"(on_eve AND NOT {late}) OR {early}"
    return f"(NOT on_eve AND NOT {early}) OR {late}"


def _column(world: World, side: Side, day: date, name: str, edits: list[tuple[int, Edit]]) -> str:
    own = _OWN[side].get(name, _SAME.get(name, f'"{name}"'))
    if name == "actors" and side == "hub":
        # Who acted on another date did nothing on this one.
        own = f"CASE WHEN {'on_eve' if day == world.day else 'NOT on_eve'} THEN '' ELSE {own} END"
    if name == "at" and side != "hub":
        late, early = shaped(f"late_in_{side}"), shaped(f"early_in_{side}")
        own = f'"at" + CASE WHEN case_no IN ({late}) THEN {LATE} WHEN case_no IN ({early}) THEN -{EARLY} ELSE 0 END'
    cases = [f"WHEN {_is(n, edit)} THEN {edit.says[name]}" for n, edit in edits if name in edit.says]
    spoken = f"CASE {' '.join(cases)} ELSE {own} END" if cases else own
    spoken = spoken.replace("{other_person}", _other("person"))
    return f'{spoken} AS "{name}"'


def _document(edits: list[tuple[int, Edit]]) -> str:
    """The number behind the index: another person has another document."""
    others = " OR ".join(_is(number, edit) for number, edit in edits if "person" in edit.says) or "false"
    return f"CASE WHEN {others} THEN {_other('document_no')} ELSE document_no END AS document_no"


def _other(column: str) -> str:
    return f"(SELECT p.{column} FROM persons p WHERE p.n = (i + 7) % {PERSONS})"


def truth_sql(world: World) -> str:
    """What must be found of these orders; see ``world.TRUTH_COLUMNS``."""
    return " UNION ALL ".join(
        _expected(world, number, case, expect) for number, case in enumerate(CASES, start=1) for expect in case.expects
    )


def _expected(world: World, number: int, case: Case, expect: Expect) -> str:
    key = "key || '+ED' || lpad((i + 1)::VARCHAR, 8, '0') || substr(key, 11)" if expect.definition == SEATS else "key"
    day = world.eve if expect.on_eve else world.day
    money = expect.money.replace("{next_fare}", fare_of(f"md5_number_lower('{world.seed}|' || (i + 1))"))
    return (
        f"SELECT DATE '{day}' AS business_date, '{expect.definition}' AS definition, '{expect.kind}' AS kind,"
        f" {key} AS key, '{expect.state}' AS state, order_no, ({money})::BIGINT AS amount,"
        f" '{case.name}' AS case_name, {str(case.native).lower()} AS native"
        f" FROM things WHERE case_no = {number} AND thing = '{expect.thing}'"
    )


ACCEPTED = f"""
SELECT 'hub-agents' AS definition, key, 'AMOUNT' AS kind, amount::VARCHAR AS hub_value,
       (amount + 50)::VARCHAR AS other_value
FROM things WHERE case_no IN ({shaped("accepted")}) AND thing = 'ticket'
"""
