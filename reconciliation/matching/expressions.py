"""The expressions of the exact pass, written once with Ibis and compiled to an engine's SQL."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import sqlglot
import sqlglot.expressions as sql_nodes
from ibis.expr.schema import Schema

from reconciliation.datasets import SCHEMA
from reconciliation.matching.compare import differing_kinds, differs_at_all, known, read_columns
from reconciliation.matching.plan import Plan
from reconciliation.matching.tables import COLUMNS, PAIRS

ROWS = Schema.from_pyarrow(SCHEMA)
CARRIED = Schema({**ROWS, "key_hash": "int64"})
HASHED = Schema({**CARRIED, "said_hash": "int64"})
KEPT = Schema({**ROWS, "row": "int64"})


@dataclass(frozen=True, slots=True)
class Compiled:
    """The queries of a plan in an engine's dialect. Tables: ``l``, ``r`` the sides; ``cl``, ``cr`` carried rows;
    ``narrow``, ``keep``, ``wl``, ``wr``, ``pairs`` what the queries of these names gave."""

    narrow: str
    keep: str
    looked_at: str
    wl: str
    wr: str
    nl: str
    nr: str
    pairs: str
    counts: str
    lines: str


def compiled(plan: Plan, dialect: str, by_hash: bool = False, everything: bool = False) -> Compiled:
    """The queries of a plan, as text."""
    left, right = ibis.table(HASHED, name="l"), ibis.table(HASHED, name="r")
    carried_left, carried_right = (ibis.table(CARRIED, name=name) for name in ("cl", "cr"))
    if everything:
        # Every row is looked at: the first step has nothing to say.
        narrow = _every(left, right, carried_left, carried_right)
    else:
        narrow = _narrow(plan, left, right, carried_left, carried_right, by_hash)
    hashes = ibis.table({"hash": "int64", "rows": "int64"}, name="keep")
    ours, theirs = _left(plan, left), _right(plan, right)
    if plan.exact:
        ours, theirs = _of_hashes(plan, ours, hashes), _of_hashes(plan, theirs, hashes)
    pairs = _settled(plan) if plan.exact else _single(plan)
    made = ibis.table(pairs.schema(), name="pairs")
    lines = made.filter((made.status != "matched") | everything).select(*PAIRS.names)
    return Compiled(
        narrow=text_of(narrow, dialect),
        keep=text_of(_keep(), dialect),
        looked_at=text_of(_agreed(hashes), dialect),
        wl=text_of(_kept(_with_carried(ours, carried_left)), dialect),
        wr=text_of(_kept(_with_carried(theirs, carried_right)), dialect),
        nl=text_of(_numbered("wl", "wr") if plan.exact else _counted("wl"), dialect),
        nr=text_of(_numbered("wr", "wl") if plan.exact else _counted("wr"), dialect),
        pairs=text_of(pairs, dialect),
        counts=text_of(made.group_by("status").agg(rows=made.count()), dialect),
        # All rows of a side are not put in order for nobody.
        lines=text_of(lines.order_by(*_order(lines)) if plan.exact else lines, dialect),
    )


def compared_pairs(plan: Plan, dialect: str) -> str:
    """Pairs in the table ``met`` (``nth_*``, ``l_*``, ``r_*``), compared: the pass ``secondary``."""
    sides = {f"{side}_{name}": dtype for side in "lr" for name, dtype in ROWS.items()}
    met = ibis.table({"nth_left": "int64", "nth_right": "int64", **sides}, name="met")
    return text_of(with_status(met, differing_kinds(plan, met), "secondary"), dialect)


def scope_condition(plan: Plan) -> str:
    """The scope of a plan as a DuckDB condition."""
    rows = ibis.table(ROWS, name="l")
    query = sqlglot.parse_one(text_of(_left(plan, rows).filter(_in_scope(plan, rows)), "duckdb"), read="duckdb")
    where = query.find(sql_nodes.Where)
    if where is None:
        return "true"
    for column in where.find_all(sql_nodes.Column):
        column.set("table", None)
    return str(where.this.sql(dialect="duckdb"))


def text_of(expression: ir.Table, dialect: str) -> str:
    """An expression in an engine's SQL."""
    return str(ibis.to_sql(expression, dialect=dialect, pretty=False))


# --- sides


def _left(plan: Plan, rows: ir.Table) -> ir.Table:
    chosen = rows.filter(rows.kind.isin(plan.left_kinds))
    if plan.scope.begin is not None:
        # What the hub dates later is a later date's to match: there the other side's row is carried to it. Matched
        # here, out of its date, it would be missed there.
        chosen = chosen.filter((chosen["at"] < plan.scope.end) | (chosen.carried != ""))
    return chosen.filter(chosen.key.startswith(plan.prefix)) if plan.prefix else chosen


def _right(plan: Plan, rows: ir.Table) -> ir.Table:
    return rows.filter(rows.kind.isin(plan.right_kinds))


def _in_scope(plan: Plan, rows: ir.Table, side: str = "") -> ir.BooleanValue:
    scope = plan.scope
    if scope.seller is not None:
        sold = (rows[f"{side}seller"] == scope.seller) & (rows[f"{side}sold_on"] == scope.sold_on)
        return sold | rows[f"{side}actors"].contains(f"|{scope.seller}|")
    if scope.begin is not None:
        return (rows[f"{side}at"] >= scope.begin) & (rows[f"{side}at"] < scope.end)
    return rows[f"{side}key"].notnull()


def _with_carried(rows: ir.Table, carried: ir.Table) -> ir.Table:
    """A row that came again keeps its values and gets the mark; the other carried rows are added."""
    marks = carried.select(mark_key=carried.key, mark=carried.carried)
    marked = rows.left_join(marks, rows.key == marks.mark_key)
    values = {name: marked[name] for name in COLUMNS if name != "carried"}
    values["carried"] = ibis.coalesce(marked.mark, marked.carried)
    added = carried.anti_join(rows, carried.key == rows.key)
    return marked.select(*(values[name].name(name) for name in COLUMNS)).union(added.select(*COLUMNS))


def _of_hashes(plan: Plan, rows: ir.Table, hashes: ir.Table) -> ir.Table:
    """Whole rows; columns that no pair of this kind compares or shows stay in their files."""
    found = rows.filter(rows.key_hash.isin(hashes.hash))
    unread = {name: ibis.null(ROWS[name]) for name in _OF_SEATS}
    return found.mutate(**unread, **({} if plan.compares("person") else {"person": ibis.literal("")}))


_OF_SEATS = ("train_run", "leg_from", "leg_to", "leg_departs", "leg_arrives")


def _kept(rows: ir.Table) -> ir.Table:
    return rows.select(*COLUMNS, row=ibis.row_number())


# --- narrow


def _narrow(
    plan: Plan, left: ir.Table, right: ir.Table, carried_left: ir.Table, carried_right: ir.Table, by_hash: bool
) -> ir.Table:
    """(hash, odd) of every pair of rows with one key, in scope; ``odd``: not plainly equal."""
    ours = _side(plan, _left(plan, left), "l_", by_hash, in_scope=_in_scope(plan, left))
    theirs = _side(plan, _right(plan, right), "r_", by_hash)
    joined = ours.outer_join(theirs, ours.l_hash == theirs.r_hash)
    seen = joined.filter(joined.r_hash.notnull() | joined.in_scope)
    differs = seen.l_said != seen.r_said if by_hash else differs_at_all(plan, seen)
    odd = seen.l_hash.isnull() | seen.r_hash.isnull() | differs
    pairs = seen.select(hash=ibis.coalesce(seen.l_hash, seen.r_hash), odd=odd.fill_null(False))
    carried = [rows.select(hash=rows.key_hash, odd=ibis.literal(True)) for rows in (carried_left, carried_right)]
    return pairs.union(*carried)


def _side(plan: Plan, rows: ir.Table, side: str, by_hash: bool, **more: ir.Value) -> ir.Table:
    """The columns that decide whether two rows agree, and no others: they are all that is read of most rows."""
    wanted = {"said": rows.said_hash} if by_hash else {name: rows[name] for name in sorted(read_columns(plan))}
    return rows.select(**{f"{side}hash": rows.key_hash}, **{f"{side}{n}": v for n, v in wanted.items()}, **more)


def _every(*tables: ir.Table) -> ir.Table:
    every, *others = (rows.select(hash=rows.key_hash, odd=ibis.literal(True)) for rows in tables)
    return every.union(*others)


def _keep() -> ir.Table:
    """The hashes of keys that need a closer look, and how many pairs were made of each."""
    pairs = ibis.table({"hash": "int64", "odd": "boolean"}, name="narrow")
    by_hash = pairs.group_by("hash").agg(rows=pairs.count(), odd=pairs.odd.any())
    return by_hash.filter((by_hash.rows > 1) | by_hash.odd).select("hash", "rows")


def _agreed(hashes: ir.Table) -> ir.Table:
    """How many pairs need no closer look."""
    pairs = ibis.table({"hash": "int64", "odd": "boolean"}, name="narrow")
    every = pairs.agg(every=pairs.count())
    closer = hashes.agg(closer=hashes.rows.sum().fill_null(0))
    both = every.cross_join(closer)
    return both.select(agreed=both.every - both.closer)


# --- settle


def _settled(plan: Plan) -> ir.Table:
    """Every pair and every single row of the kept keys, with its status."""
    ours = _with_number("wl", "nl").rename({"nth_left": "nth", **{f"l_{name}": name for name in COLUMNS}})
    theirs = _with_number("wr", "nr").rename({"nth_right": "nth", **{f"r_{name}": name for name in COLUMNS}})
    joined = ours.outer_join(theirs, (ours.l_key == theirs.r_key) & (ours.nth_left == theirs.nth_right))
    scoped = joined.filter(joined.r_key.notnull() | (joined.l_carried != "") | _in_scope(plan, joined, "l_"))
    return with_status(scoped, differing_kinds(plan, scoped), "exact")


def _with_number(rows: str, numbers: str) -> ir.Table:
    whole, numbered = ibis.table(KEPT, name=rows), ibis.table({"row": "int64", "nth": "int64"}, name=numbers)
    return whole.join(numbered, whole.row == numbered.row).select(*COLUMNS, "nth")


def _single(plan: Plan) -> ir.Table:
    """A definition without an exact pass: every row of both sides is left to the passes after it."""
    none = {name: ibis.null(dtype) for name, dtype in ROWS.items()}
    ours, theirs = _with_number("wl", "nl"), _with_number("wr", "nr")
    ours = ours.filter(_in_scope(plan, ours) | (ours.carried != "")).select(
        nth_left=ours.nth, nth_right=ibis.null("int64"),
        **{f"l_{n}": ours[n] for n in COLUMNS}, **{f"r_{n}": v for n, v in none.items()},
    )  # fmt: skip
    theirs = theirs.select(
        nth_left=ibis.null("int64"), nth_right=theirs.nth,
        **{f"l_{n}": v for n, v in none.items()}, **{f"r_{n}": theirs[n] for n in COLUMNS},
    )  # fmt: skip
    return with_status(ours.union(theirs), ibis.literal(""), "exact")


def with_status(pairs: ir.Table, kinds: ir.StringValue, step: str) -> ir.Table:
    """Pairs (``nth_*``, ``l_*``, ``r_*``) and their differences as lines of PAIRS; those that agree are ``matched``."""
    told = pairs.mutate(kinds=kinds.fill_null(""))
    carried = (told.l_carried.fill_null("") != "") | (told.r_carried.fill_null("") != "")
    status = ibis.cases(
        (told.r_key.isnull(), "left"),
        (told.l_key.isnull(), "right"),
        (told.kinds != "", "differs"),
        (carried, "carried"),
        else_="matched",
    )
    alone = told.l_key.isnull() | told.r_key.isnull()
    empty = ibis.literal("")
    made = told.mutate(
        status=status,
        step=alone.ifelse("", step),
        kinds=alone.ifelse("", told.kinds),
        hint=empty,
        bound_by=empty,
        suggestions=empty,
    )
    return made.select(*PAIRS.names)


def _numbered(side: str, other: str) -> ir.Table:
    """``nth`` of each row, counted from 1 within its key: rows with an equal row on the other side come first."""
    ours, theirs = _how_manieth(ibis.table(KEPT, name=side)), _how_manieth(ibis.table(KEPT, name=other))
    equal = ["key", *(f"v_{name}" for name in _VALUES), "like"]
    met = ours.left_join(theirs.select(*equal).distinct().mutate(there=True), equal)
    first = met.there.isnull()
    return met.select(row=met.row, nth=_nth(met, first, *(met[f"v_{name}"] for name in _VALUES)))


def _counted(side: str) -> ir.Table:
    """``nth`` of each row within its key, where no pass will ask for equal rows first."""
    rows = ibis.table(KEPT, name=side)
    return rows.select(row=rows.row, nth=_nth(rows))


_VALUES = ("amount", "state", "seat", "currency")


def _how_manieth(rows: ir.Table) -> ir.Table:
    """Rows with their compared values as text (unknown is a value too) and the how-manieth of its like each is."""
    texts = {f"v_{name}": rows[name].cast("string").fill_null("-") for name in _VALUES}
    told = rows.select("row", "key", "amount", *_LAST, **texts)
    like = ibis.window(group_by=["key", *texts], order_by=_LAST)
    return told.mutate(like=ibis.row_number().over(like))


_LAST = ["at", "place", "sha256", "order_no"]
"""What decides between rows that say the same: where and when they were said."""


def _nth(rows: ir.Table, *first: ir.Value) -> ir.IntegerValue:
    order = [*first, known(rows.amount), *(rows[name] for name in _LAST)]
    return ibis.row_number().over(ibis.window(group_by="key", order_by=order)) + 1


def _order(pairs: ir.Table) -> tuple[ir.Value, ...]:
    return (ibis.coalesce(pairs.l_key, pairs.r_key), ibis.coalesce(pairs.nth_left, pairs.nth_right))
