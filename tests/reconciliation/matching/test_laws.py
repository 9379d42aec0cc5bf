"""Laws that hold for any day, and a day with seeded faults whose truth is known."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciliation.breaks import BREAKS
from reconciliation.datasets import subset_digest, write_dataset
from reconciliation.definitions import Definition
from reconciliation.kinds import MIRROR
from reconciliation.matching import MATCHES, PAIRS, MatchOptions, PieceResult, expressions, match_files, scope_sql
from reconciliation.matching.exact import know_the_same
from reconciliation.matching.plan import plan_of
from reconciliation.matching.queries import compiled
from reconciliation.matching.search import Item, find
from reconciliation.rows import Row
from tests.reconciliation.matching.sides import DAY, WEB, WECHAT, Matched, definition, match, row, rows

PASSES: list[dict[str, Any]] = [
    {"pass": "exact"},
    {"pass": "secondary", "on": "other_key"},
    {"pass": "group", "shape": "n:m", "by": "batch"},
    {"pass": "group", "shape": "1:n", "by": "none", "at_most": 3},
    {"pass": "suggest"},
]
EVERY_PASS = definition(WEB, passes=PASSES)


def day_with_faults(seed: int, size: int = 3000) -> tuple[list[Row], list[Row], list[tuple[str, str]]]:
    """Two sides that agree but for seeded faults, and the list of these."""
    chance = random.Random(seed)
    left, right, truth = [], [], []
    kinds = {
        "hub": "MISSING_IN_HUB", "channel": "MISSING_IN_CHANNEL", "amount": "AMOUNT", "state": "STATUS",
        "seat": "SEAT", "twice": "DUPLICATE", "person": "IDENTITY",
    }  # fmt: skip
    for number in range(size):
        amount = 50 * chance.randint(1, 9999)
        one = row(f"T{number:07d} ticket {amount} issued seat=5-1A order=E{number} person=id|a{number}")
        fault = chance.choice(["none"] * 40 + list(kinds))
        changed = {
            "amount": {"amount": amount + 50},
            "state": {"state": "refunded"},
            "seat": {"seat": "9-9F"},
            "person": {"person": "id|b"},
        }
        if fault != "hub":
            left.append(one)
        if fault != "channel":
            right.append(replace(one, actors="", place=f"line {number}", **changed.get(fault, {})))  # type: ignore[arg-type]  # by name
        if fault == "twice":
            right.append(one)
        if fault != "none":
            truth.append((kinds[fault], one.key))
    return left, right, sorted(truth)


@pytest.mark.parametrize("width", [64, 32])
def test_every_seeded_fault_is_found_and_none_invented_in_one_file_or_many(tmp_path: Path, width: int) -> None:
    left, right, truth = day_with_faults(width)
    found = match(tmp_path, definition(WEB, passes=[{"pass": "exact"}]), left, right, width)
    assert found.found == truth
    assert found.counts.matched == 3000 - len({key for _, key in truth}) + Counter(truth_kinds(truth))["DUPLICATE"]


def truth_kinds(truth: Sequence[tuple[str, str]]) -> list[str]:
    return [kind for kind, _ in truth]


# --- any two sides: few keys and few values, so that everything meets everything

EXAMPLES = 2
"""A match costs a third of a second whatever its size: few examples, of many rows."""

_row = st.builds(
    lambda key, amount, state, at, other, batch, kind: row(
        f"w|{key} {kind} {amount} at={at} order=E{key} other={other} batch={batch}" + (f" {state}" if state else "")
    ),
    key=st.integers(1, 6),
    amount=st.sampled_from([100, 200, 300]),
    state=st.sampled_from(["", "issued"]),
    at=st.integers(0, 3),
    other=st.sampled_from(["w|1", "w|2", "w|9"]),
    batch=st.sampled_from(["x", "y", "z"]),
    kind=st.sampled_from(["payment", "refund"]),
)


def _bare(lines: Sequence[Row], batches: bool) -> list[Row]:
    """Rows told apart by their place, as those of a file are; batches only where they are what is tested."""
    return [replace(r, place=f"line {n}", batch=r.batch if batches else "") for n, r in enumerate(lines)]


def said_of(found: Matched) -> tuple[object, ...]:
    """All that a match says, but where it was read."""
    matches = sorted((m["group_id"], m["side"], m["key"], m["nth"], m["amount"]) for m in found.matches())
    breaks = [(b.kind, b.key, b.amount, b.left, b.right, b.covers, b.suggestions) for b in found.breaks]
    return found.counts, found.later.claimed, matches, breaks


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=st.lists(_row, max_size=25), right=st.lists(_row, max_size=25), batches=st.booleans(), chance=st.randoms())
def test_laws(
    tmp_path_factory: pytest.TempPathFactory, left: list[Row], right: list[Row], batches: bool, chance: random.Random
) -> None:
    """Shuffled rows in other files say the same; turned sides say the mirror image; no row is lost (``match``)."""
    left, right = _bare(left, batches), _bare(right, batches)
    folder = tmp_path_factory.mktemp("laws")
    answer = match(folder / "a", EVERY_PASS, left, right)
    shuffled = match(folder / "b", EVERY_PASS, chance.sample(left, len(left)), chance.sample(right, len(right)), 32)
    assert said_of(shuffled) == said_of(answer)
    turned_passes = [{**one, "shape": "n:1"} if one.get("shape") == "1:n" else one for one in PASSES]
    turned = match(folder / "c", definition(WEB, passes=turned_passes), right, left)
    mirrored = sorted(MIRROR.get(kind, kind) for kind, _ in turned.found)  # type: ignore[call-overload]  # words
    assert mirrored == sorted(kind for kind, _ in answer.found)
    assert {step: (theirs, ours) for step, (ours, theirs) in turned.later.claimed.items()} == dict(answer.later.claimed)


def test_disjoint_days_add_up(tmp_path: Path) -> None:
    """Two halves of the keys matched apart are the whole matched at once; the same files again are the same answer."""
    left, right, _ = day_with_faults(9, 400)
    whole = match(tmp_path / "whole", WEB, left, right)
    halves = [
        match(tmp_path / half, WEB, [r for r in left if r.key[-1] in digits], [r for r in right if r.key[-1] in digits])
        for half, digits in (("low", "01234"), ("high", "56789"))
    ]
    assert sorted(halves[0].found + halves[1].found) == whole.found
    counts = PieceResult()
    for half in halves:
        counts.add(half.counts)
    assert counts == whole.counts
    assert said_of(match(tmp_path / "whole", WEB, left, right)) == said_of(whole)


# --- the two ways of looking: by one hash of all that is said, or by the compared columns


def test_what_one_side_never_knows_is_seen_in_the_files(tmp_path: Path) -> None:
    known = write_dataset(tmp_path, rows(["A ticket 100 issued seat=5-1A", "B ticket 100 issued"]))
    unknown = write_dataset(tmp_path, rows(["A ticket 100 issued", "B ticket 100 issued"]))
    assert know_the_same(known.paths, known.paths)
    assert not know_the_same(known.paths, unknown.paths)
    assert know_the_same(unknown.paths, unknown.paths)


def test_looking_by_hash_or_by_column_finds_the_same(tmp_path: Path) -> None:
    left, right, truth = day_with_faults(11, 600)
    seatless = [(kind, key) for kind, key in truth if kind != "SEAT"]
    bare = [replace(r, seat=None) for r in right]
    assert match(tmp_path / "column", WEB, left, bare).found == seatless
    assert match(tmp_path / "hash", WEB, [replace(r, seat=None) for r in left], bare).found == seatless


def test_everything_lists_the_pairs_that_agree_too(tmp_path: Path) -> None:
    left, right, _ = day_with_faults(12, 200)
    ours, theirs = write_dataset(tmp_path, left, 64), write_dataset(tmp_path, right, 64)
    out = tmp_path / "everything.parquet"
    counts = match_files(WEB, ours.paths, theirs.paths, DAY, out, MatchOptions(), everything=True)
    assert counts == match_files(WEB, ours.paths, theirs.paths, DAY, tmp_path / "o.parquet", MatchOptions())
    listed = Counter(pq.read_table(out).column("status").to_pylist())
    assert (listed["matched"], listed.total()) == (counts.matched, counts.left_rows + counts.right_only)


def test_a_piece_larger_than_its_memory_ends_with_a_clear_error(tmp_path: Path) -> None:
    left, right, _ = day_with_faults(13, 3000)
    ours, theirs = write_dataset(tmp_path, left, 64), write_dataset(tmp_path, right, 64)
    with pytest.raises(duckdb.OutOfMemoryException, match="memory"):
        match_files(WEB, ours.paths, theirs.paths, DAY, tmp_path / "out.parquet", MatchOptions("1MB"))
    assert not (tmp_path / "out.parquet").exists()


# --- text of the queries


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
@pytest.mark.parametrize("definition", [WEB, WECHAT])
def test_a_definition_is_compiled_once_and_the_date_put_in(definition: Definition, dialect: str) -> None:
    for day in (DAY, DAY + timedelta(days=40)):
        plan = plan_of(definition, day)
        queries = compiled(plan, dialect)
        assert queries == expressions.compiled(plan, dialect)
        assert "FULL OUTER JOIN" in queries.narrow


def test_the_scope_is_a_condition_over_rows(tmp_path: Path) -> None:
    listed = rows(["A ticket 100", "B ticket 100 sold=2026-01-01", "C ticket 100 seller=app actors=|web|"])
    whole = write_dataset(tmp_path, listed)
    seen = write_dataset(tmp_path, [listed[0], listed[2]])
    assert subset_digest(whole.paths, scope_sql(WEB, DAY)) == seen.digest


# --- groups that are searched for, against trying everything

_items = st.lists(st.tuples(st.integers(0, 2), st.integers(-4, 9)), max_size=7)


@settings(max_examples=60, deadline=None)
@given(ones=_items, many=_items, tolerance=st.integers(0, 1), at_most=st.integers(2, 4))
def test_the_search_finds_what_trying_everything_finds(
    ones: list[tuple[int, int]], many: list[tuple[int, int]], tolerance: int, at_most: int
) -> None:
    singles = [Item(f"o{n}", 1, day, 3 * amount, "CNY") for n, (day, amount) in enumerate(ones)]
    members = [Item(f"m{n}", 1, day, amount, "CNY") for n, (day, amount) in enumerate(many)]
    ways = {one: _all_ways(one, members, tolerance, at_most) for one in singles}
    wanted = Counter(m for found in ways.values() for m in {m for way in found for m in way})
    sure = {
        one: set(found[0])
        for one, found in ways.items()
        if len(found) == 1 and all(wanted[member] == 1 for member in found[0])
    }
    answer = find(singles, members, (0, 1), tolerance, at_most)
    assert {one: set(way) for one, way in answer.sure} == sure
    assert {one for one, _ in answer.open} == {one for one, found in ways.items() if found} - sure.keys()


def _all_ways(one: Item, members: Sequence[Item], tolerance: int, at_most: int) -> list[tuple[Item, ...]]:
    near = [m for m in members if 0 <= m.day - one.day <= 1 and m.signed]
    sets = (way for size in range(2, at_most + 1) for way in combinations(near, size))
    return [way for way in sets if abs(sum(m.signed for m in way) - one.signed) <= tolerance]


def test_a_search_that_would_take_too_long_gives_no_answer() -> None:
    many = [Item(f"m{n}", 1, 0, 2 ** (n % 20) * 3 + 1, "CNY") for n in range(40)]
    assert find([Item("o", 1, 0, 10**7 + 1, "CNY")], many, (0, 0), 0, 12) == find([], [], (0, 0), 0, 2)


def test_the_files_have_the_columns_that_are_written_down(tmp_path: Path) -> None:
    left, right, _ = day_with_faults(14, 100)
    found = match(tmp_path, EVERY_PASS, left, right)
    for path, schema in (
        (found.explained.breaks, BREAKS),
        (found.explained.waiting, PAIRS),
        (found.later.differences[0], PAIRS),
        (found.later.matches, MATCHES),
    ):
        assert path is not None
        written = pq.read_schema(path)
        assert [(f.name, f.type) for f in written] == [(f.name, f.type) for f in schema]
