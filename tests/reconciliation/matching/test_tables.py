"""Matching as left / right / expected tables, run in both directions."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciliation.kinds import MIRROR
from reconciliation.rows import Row
from tests.reconciliation.matching.sides import WEB, definition, match, rows

Table = tuple[str, list[str], list[str], list[tuple[str, str]]]

EXACT: list[Table] = [
    ("equal", ["A ticket 100 issued seat=5-1A"], ["A ticket 100 issued seat=5-1A"], []),
    ("only left", ["A ticket 100 issued"], [], [("MISSING_IN_CHANNEL", "A")]),
    ("only right", [], ["A ticket 100 issued"], [("MISSING_IN_HUB", "A")]),
    ("amount", ["A ticket 100 issued"], ["A ticket 150 issued"], [("AMOUNT", "A")]),
    ("state", ["A ticket 100 issued"], ["A ticket 100 refunded"], [("STATUS", "A")]),
    ("seat", ["A ticket 100 issued seat=5-1A"], ["A ticket 100 issued seat=5-2A"], [("SEAT", "A")]),
    ("a seat nobody knows", ["A ticket 100 issued"], ["A ticket 100 issued seat=5-2A"], []),
    ("two fields", ["A ticket 100 issued"], ["A ticket 150 refunded"], [("AMOUNT", "A"), ("STATUS", "A")]),
    ("currency", ["A ticket 100 issued"], ["A ticket 90 issued currency=HKD"], [("CURRENCY", "A")]),
    ("person", ["A ticket 100 issued person=id|aa"], ["A ticket 100 issued person=id|bb"], [("IDENTITY", "A")]),
    ("a person nobody knows", ["A ticket 100 issued person=id|aa"], ["A ticket 100 issued"], []),
    ("fee", ["w|1 refund 95 fee=5000"], ["w|1 refund 95 fee=6000"], [("FEE", "w|1")]),
    ("fee, same gross", ["w|1 refund 95 fee=5000"], ["w|1 refund 94 fee=6000"], [("FEE", "w|1")]),
    (
        "fee and another gross",
        ["w|1 refund 95 fee=5000"],
        ["w|1 refund 90 fee=6000"],
        [("AMOUNT", "w|1"), ("FEE", "w|1")],
    ),
    ("a fee nobody knows", ["w|1 refund 95 fee=5000"], ["w|1 refund 95"], []),
    ("sale never told", ["A ticket - refunded"], ["A ticket 100 refunded"], [("MISSING_IN_HUB", "A")]),
    ("twice on the right", ["A ticket 100 issued"], ["A ticket 100 issued"] * 2, [("DUPLICATE", "A")]),
    ("twice on both", ["A ticket 100 issued"] * 2, ["A ticket 100 issued"] * 2, []),
    (
        "twice, never on the left",
        [],
        ["A ticket 100 issued"] * 2,
        [("DUPLICATE", "A"), ("MISSING_IN_HUB", "A")],
    ),
    (
        "the equal one is claimed, the smaller left over",
        ["A ticket 900 issued"],
        ["A ticket 100 issued", "A ticket 900 issued"],
        [("DUPLICATE", "A")],
    ),
    (
        "the equal one is claimed, the larger left over",
        ["A ticket 100 issued"],
        ["A ticket 100 issued", "A ticket 900 issued"],
        [("DUPLICATE", "A")],
    ),
    (
        "two of three are equal",
        ["A ticket 100 issued", "A ticket 300 issued"],
        ["A ticket 100 issued", "A ticket 200 issued", "A ticket 300 issued"],
        [("DUPLICATE", "A")],
    ),
    (
        "neighbours stand alone",
        ["A ticket 100 issued", "B ticket 100 issued order=E2"],
        ["B ticket 100 issued order=E2", "C ticket 100 issued order=E3"],
        [("MISSING_IN_CHANNEL", "A"), ("MISSING_IN_HUB", "C")],
    ),
    (
        "one cause, one break: money under its ticket",
        ["A ticket 100 issued", "w|1 payment 100"],
        [],
        [("MISSING_IN_CHANNEL", "A")],
    ),
    (
        "money of another order stands alone",
        ["A ticket 100 issued", "w|1 payment 100 order=E2"],
        [],
        [("MISSING_IN_CHANNEL", "A"), ("MISSING_IN_CHANNEL", "w|1")],
    ),
]

SECONDARY: list[Table] = [
    ("by the other side's key", ["w|1 payment 100 other=w|X"], ["w|X payment 100"], []),
    ("by a shared second reference", ["w|1 payment 100 other=w|E1"], ["w|2 payment 100 other=w|E1"], []),
    ("a pair that differs", ["w|1 payment 100 other=w|X"], ["w|X payment 150"], [("AMOUNT", "w|1")]),
    (
        "of two, the one of equal amount",
        ["w|1 payment 100 other=w|E1"],
        ["w|2 payment 100 other=w|E1", "w|3 payment 150 other=w|E1 order=E2"],
        [("MISSING_IN_HUB", "w|3")],
    ),
    (
        "two that fit equally are nobody's",
        ["w|1 payment 100 other=w|E1"],
        ["w|2 payment 100 other=w|E1", "w|3 payment 100 other=w|E1"],
        [("AMBIGUOUS", "w|1"), ("AMBIGUOUS", "w|2"), ("AMBIGUOUS", "w|3")],
    ),
    (
        "a payment is no refund",
        ["w|1 payment 100 other=w|E1"],
        ["w|2 refund 100 other=w|E1"],
        [("MISSING_IN_CHANNEL", "w|1"), ("MISSING_IN_HUB", "w|2")],
    ),
    (
        "two days away is too far",
        ["w|1 payment 100 other=w|X at=0"],
        ["w|X payment 100 at=2880"],
        [("MISSING_IN_CHANNEL", "w|1"), ("MISSING_IN_HUB", "w|X")],
    ),
    ("a day away is near", ["w|1 payment 100 other=w|X at=0"], ["w|X payment 100 at=1440"], []),
    (
        "the exact pass goes first",
        ["w|1 payment 100 other=w|2"],
        ["w|1 payment 100", "w|2 payment 100"],
        [("MISSING_IN_HUB", "w|2")],
    ),
]

SEARCHED: list[Table] = [
    ("one is two", ["w|1 payment 300"], ["w|2 payment 100", "w|3 payment 200"], []),
    ("payment and refund", ["w|1 payment 300"], ["w|2 payment 500", "w|3 refund 200"], []),
    (
        "two ways",
        ["w|1 payment 300"],
        ["w|2 payment 100", "w|3 payment 200", "w|4 payment 200"],
        [("AMBIGUOUS", "w|1"), ("MISSING_IN_HUB", "w|2"), ("MISSING_IN_HUB", "w|3"), ("MISSING_IN_HUB", "w|4")],
    ),
    (
        "two need the same one",
        ["w|1 payment 300", "w|5 payment 300"],
        ["w|2 payment 100", "w|3 payment 200"],
        [("AMBIGUOUS", "w|1"), ("AMBIGUOUS", "w|5"), ("MISSING_IN_HUB", "w|2"), ("MISSING_IN_HUB", "w|3")],
    ),
    (
        "no more than three",
        ["w|1 payment 400"],
        [f"w|{n} payment 100" for n in (2, 3, 4, 5)],
        [("MISSING_IN_CHANNEL", "w|1"), *(("MISSING_IN_HUB", f"w|{n}") for n in (2, 3, 4, 5))],
    ),
]

PASSES = {
    "exact": [{"pass": "exact"}],
    "secondary": [{"pass": "exact"}, {"pass": "secondary", "on": "other_key", "window_days": [-1, 1]}],
    "searched": [{"pass": "exact"}, {"pass": "group", "shape": "1:n", "by": "none", "at_most": 3}],
    "searched, turned": [{"pass": "exact"}, {"pass": "group", "shape": "n:1", "by": "none", "at_most": 3}],
}

TABLES = {"exact": EXACT, "secondary": SECONDARY, "searched": SEARCHED}
CASES = [(passes, number) for passes, tables in TABLES.items() for number in range(len(tables))]


def _apart(number: int, lines: list[str], passes: str) -> list[Row]:
    """The rows of one case under keys of their own, so that all cases are matched at once."""
    listed = [
        replace(
            found,
            key=_own(number, found.key),
            order_no=_own(number, found.order_no),
            other_key=_own(number, found.other_key) if found.other_key else "",
        )
        for found in rows(lines)
    ]
    # What is searched for by amount alone is kept apart by its currency.
    return [replace(r, currency=f"X{number:02d}") for r in listed] if passes == "searched" else listed


def _own(number: int, key: str) -> str:
    head, bar, tail = key.rpartition("|")
    return f"{head}{bar}{number:02d}.{tail}"


def _by_case(found: list[tuple[str, str]]) -> dict[int, list[tuple[str, str]]]:
    cases: dict[int, list[tuple[str, str]]] = {}
    for kind, key in found:
        head, bar, tail = key.rpartition("|")
        number, _, rest = tail.partition(".")
        cases.setdefault(int(number), []).append((kind, f"{head}{bar}{rest}"))
    return cases


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[int, list[tuple[str, str]]]]:
    """(passes, direction) -> case -> what was found; every table matched as it stands, and with its sides turned."""
    folder, found = tmp_path_factory.mktemp("tables"), {}
    for passes, tables in TABLES.items():
        left = [r for number, table in enumerate(tables) for r in _apart(number, table[1], passes)]
        right = [r for number, table in enumerate(tables) for r in _apart(number, table[2], passes)]
        pair, turned = definition(WEB, passes=PASSES[passes]), PASSES.get(f"{passes}, turned", PASSES[passes])
        found[passes, "as it is"] = _by_case(match(folder / passes, pair, left, right).found)
        pair = definition(WEB, passes=turned)
        found[passes, "turned"] = _by_case(match(folder / f"{passes}-turned", pair, right, left).found)
    return found


@pytest.mark.parametrize(("passes", "number"), CASES, ids=[TABLES[p][n][0] for p, n in CASES])
def test_table(answers: dict[tuple[str, str], dict[int, list[tuple[str, str]]]], passes: str, number: int) -> None:
    _, _, _, expected = TABLES[passes][number]
    assert answers[passes, "as it is"].get(number, []) == sorted(expected)
    turned = answers[passes, "turned"].get(number, [])
    if passes == "secondary":
        # A pair is named after the hub's row, and that is the other one now.
        turned = [(kind, "w|1" if (kind, key) == ("AMOUNT", "w|X") else key) for kind, key in turned]
    assert sorted(turned) == sorted((MIRROR.get(kind, kind), key) for kind, key in expected)  # type: ignore[call-overload]  # table words


def test_who_only_acted_must_not_be_further_on(tmp_path: Path) -> None:
    """A window that changed a web ticket does not hear of a later refund: no break. If it is further on: a break."""
    hub = ["A ticket 100 refunded seller=app actors=|web|", "B ticket 100 issued seller=app actors=|web|"]
    web = ["A ticket 100 issued", "B ticket 100 refunded"]
    assert match(tmp_path, WEB, rows(hub), rows(web)).found == [("STATUS", "B")]


def test_out_of_scope_rows_are_nobodys_fault(tmp_path: Path) -> None:
    """The hub's rows of other channels and other dates need not stand in this channel's extract."""
    hub = ["A ticket 100 seller=app", "B ticket 100 sold=2026-01-10", "C ticket 100 seller=app actors=|web|"]
    found = match(tmp_path, WEB, rows(hub), [])
    assert found.found == [("MISSING_IN_CHANNEL", "C")]
    assert found.counts.left_rows == 1


def test_an_amount_may_be_off_to_one_side_only(tmp_path: Path) -> None:
    compare = [{"field": "amount", "kind": "AMOUNT", "tolerance": [-2, 1]}]
    left = [f"{key} ticket 100 order={key}" for key in "ABCD"]
    right = [f"{key} ticket {amount} order={key}" for key, amount in zip("ABCD", (97, 98, 101, 102), strict=True)]
    found = match(tmp_path, definition(WEB, compare=compare), rows(left), rows(right)).found
    assert found == [("AMOUNT", "A"), ("AMOUNT", "D")]
