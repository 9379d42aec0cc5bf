"""Matching as left / right / expected tables, run in both orders; and laws that hold for any day."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciliation.datasets import write_dataset
from reconciliation.definitions import definitions
from reconciliation.kinds import MIRROR
from reconciliation.matching import BucketResult, Difference, match_bucket
from reconciliation.rows import Row
from tests.reconciliation.house import DAY

WEB = definitions()["hub-web"]


def ticket(number: str, **values: object) -> Row:
    base = Row(
        key=number, kind="ticket", order_no=number[:10], at=1, amount=10000, state="issued", seat="5-12A",
        seller="web", sold_on=DAY.isoformat(),
    )  # fmt: skip
    return replace(base, **values)  # type: ignore[arg-type]  # a test's words


def row(line: str) -> Row:
    """``ticket state amount seat`` as a row; ``-`` for what is not known."""
    number, state, amount, seat = line.split()
    return ticket(
        number,
        state=None if state == "-" else state,
        amount=None if amount == "-" else int(amount),
        seat=None if seat == "-" else seat,
    )


Table = tuple[str, list[str], list[str], list[tuple[str, str]]]

TABLES: list[Table] = [
    ("equal", ["A issued 100 5-1A"], ["A issued 100 5-1A"], []),
    ("only left", ["A issued 100 5-1A"], [], [("MISSING_IN_CHANNEL", "A")]),
    ("only right", [], ["A issued 100 5-1A"], [("MISSING_IN_HUB", "A")]),
    ("amount", ["A issued 100 5-1A"], ["A issued 150 5-1A"], [("AMOUNT", "A")]),
    ("state", ["A issued 100 5-1A"], ["A refunded 100 5-1A"], [("STATUS", "A")]),
    ("seat", ["A issued 100 5-1A"], ["A issued 100 5-2A"], [("SEAT", "A")]),
    ("a seat nobody knows", ["A issued 100 -"], ["A issued 100 5-2A"], []),
    ("two fields", ["A issued 100 5-1A"], ["A refunded 150 5-1A"], [("AMOUNT", "A"), ("STATUS", "A")]),
    ("sale never told", ["A refunded - -"], ["A refunded 100 5-1A"], [("MISSING_IN_HUB", "A")]),
    ("twice on the right", ["A issued 100 5-1A"], ["A issued 100 5-1A"] * 2, [("DUPLICATE", "A")]),
    ("twice on both", ["A issued 100 5-1A"] * 2, ["A issued 100 5-1A"] * 2, []),
    ("twice, never on the left", [], ["A issued 100 5-1A"] * 2, [("DUPLICATE", "A"), ("MISSING_IN_HUB", "A")]),
    (
        "the equal one is claimed",
        ["A issued 100 5-1A"],
        ["A issued 100 5-1A", "A issued 900 5-1A"],
        [("DUPLICATE", "A")],
    ),
    (
        "neighbours stand alone",
        ["A issued 100 5-1A", "B issued 100 5-2A"],
        ["B issued 100 5-2A", "C issued 100 5-3A"],
        [("MISSING_IN_CHANNEL", "A"), ("MISSING_IN_HUB", "C")],
    ),
]


def match(folder: Path, left: Sequence[Row], right: Sequence[Row]) -> BucketResult:
    ours, theirs = write_dataset(folder, left, 32), write_dataset(folder, right, 32)
    return match_bucket(WEB, ours.paths, theirs.paths, DAY)


def found(differences: Sequence[Difference]) -> list[tuple[str, str]]:
    return sorted((d.kind, d.key) for d in differences)


@pytest.mark.parametrize(("name", "left", "right", "expected"), TABLES, ids=[t[0] for t in TABLES])
def test_table(tmp_path: Path, name: str, left: list[str], right: list[str], expected: list[tuple[str, str]]) -> None:
    result = match(tmp_path, [row(line) for line in left], [row(line) for line in right])
    assert found(result.differences) == sorted(expected)


@pytest.mark.parametrize(("name", "left", "right", "expected"), TABLES, ids=[t[0] for t in TABLES])
def test_sides_changed_places(
    tmp_path: Path, name: str, left: list[str], right: list[str], expected: list[tuple[str, str]]
) -> None:
    result = match(tmp_path, [row(line) for line in right], [row(line) for line in left])
    assert found(result.differences) == sorted((MIRROR.get(kind, kind), key) for kind, key in expected)  # type: ignore[call-overload]  # table words


def test_who_only_acted_must_not_be_further_on(tmp_path: Path) -> None:
    """A window that changed a web ticket does not hear of a later refund: no break. If it is further on: a break."""
    theirs = {"seller": "app", "actors": "|web|"}
    hub = [ticket("A", state="refunded", **theirs), ticket("B", state="issued", **theirs)]
    web = [ticket("A", state="issued"), ticket("B", state="refunded")]
    assert found(match(tmp_path, hub, web).differences) == [("STATUS", "B")]


def test_out_of_scope_rows_are_nobodys_fault(tmp_path: Path) -> None:
    """The hub's rows of other channels and other dates need not stand in this channel's extract."""
    hub = [ticket("A", seller="app"), ticket("B", sold_on="2026-01-10"), ticket("C", seller="app", actors="|web|")]
    result = match(tmp_path, hub, [])
    assert found(result.differences) == [("MISSING_IN_CHANNEL", "C")]
    assert result.left_rows == 1


def test_a_pair_carried_over_the_edge_is_reported(tmp_path: Path) -> None:
    hub = [ticket("A", sold_on="2026-01-10", carried="2026-01-10")]
    result = match(tmp_path, hub, [ticket("A")])
    assert [d.key for d in result.carried] == ["A"]
    assert result.differences == []


# --- laws over a generated day whose truth is known --------------------------------------------------------------


def day_with_faults(seed: int, size: int = 3000) -> tuple[list[Row], list[Row], list[tuple[str, str]]]:
    """Two sides that agree but for seeded faults, and the list of these."""
    chance = random.Random(seed)
    left, right, truth = [], [], []
    for number in range(size):
        one = ticket(f"E{number:09d}105{number % 9000:04d}", amount=50 * chance.randint(1, 9999))
        fault = chance.choice(["none"] * 40 + ["hub", "channel", "amount", "state", "seat", "twice"])
        if fault != "hub":
            left.append(one)
        if fault != "channel":
            right.append(
                replace(
                    one,
                    amount=(one.amount or 0) + 50 if fault == "amount" else one.amount,
                    state="refunded" if fault == "state" else one.state,
                    seat="9-9F" if fault == "seat" else one.seat,
                )
            )
        if fault == "twice":
            right.append(one)
        if fault != "none":
            kinds = {
                "hub": "MISSING_IN_HUB", "channel": "MISSING_IN_CHANNEL", "amount": "AMOUNT", "state": "STATUS",
                "seat": "SEAT", "twice": "DUPLICATE",
            }  # fmt: skip
            truth.append((kinds[fault], one.key))
    return left, right, sorted(truth)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_seeded_fault_is_found_and_none_invented(tmp_path: Path, seed: int) -> None:
    left, right, truth = day_with_faults(seed)
    assert found(match(tmp_path, left, right).differences) == truth


def test_shuffled_rows_are_the_same_dataset(tmp_path: Path) -> None:
    left, _, _ = day_with_faults(4)
    shuffled = random.Random(5).sample(left, len(left))
    one, other = write_dataset(tmp_path, left), write_dataset(tmp_path, shuffled)
    assert (one.digest, one.folder) == (other.digest, other.folder)


def test_where_rows_were_read_is_not_what_they_say(tmp_path: Path) -> None:
    left, _, _ = day_with_faults(4, 50)
    moved = [replace(r, sha256="f" * 64, place="line 7") for r in left]
    assert write_dataset(tmp_path, left).digest == write_dataset(tmp_path, moved).digest


def test_one_pass_equals_64_buckets(tmp_path: Path) -> None:
    left, right, _ = day_with_faults(6)
    whole = match(tmp_path, left, right)
    ours, theirs = write_dataset(tmp_path, left), write_dataset(tmp_path, right)
    pieces = BucketResult()
    for bucket in range(64):
        pieces.add(match_bucket(WEB, ours.paths[bucket], theirs.paths[bucket], DAY))
    assert found(pieces.differences) == found(whole.differences)
    assert (pieces.left_rows, pieces.right_rows, pieces.matched) == (whole.left_rows, whole.right_rows, whole.matched)


def test_rows_are_conserved(tmp_path: Path) -> None:
    """Every row is matched, differs or stands alone: nothing is lost between the sides."""
    left, right, _ = day_with_faults(7)
    result = match(tmp_path, left, right)
    alone_left = sum(d.right is None for d in result.differences)
    alone_right = sum(d.left is None for d in result.differences)
    differing = len({d.key for d in result.differences if not d.one_sided})
    assert result.left_rows == len(left) == result.matched + differing + alone_left
    assert result.right_rows == len(right) == result.matched + differing + alone_right


def test_results_survive_json(tmp_path: Path) -> None:
    left, right, _ = day_with_faults(8, 300)
    result = match(tmp_path, left, right)
    assert BucketResult.from_json(result.to_json()) == result
