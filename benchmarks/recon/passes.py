"""A second, smaller world for the passes behind the exact one: other references, tolerances, windows, groups, choices.

Hub and bank speak of payments, each order one payment in the hub. Order ``i`` is of case ``i mod 12``; the rows of a
case are written down below, so that the table can be read beside what must come of it.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.recon.direct import ExactPass
from reconciliation.breaks import Around, explain
from reconciliation.datasets import write_dataset
from reconciliation.definitions import Definition
from reconciliation.matching import MatchOptions, later_passes, match_files
from reconciliation.rows import Row

DAY = date(2026, 1, 11)
NOON = 1_768_104_000_000_000
"""12:00 in Beijing on the day, in microseconds since 1970 UTC."""
HOUR = 3_600_000_000

DEFINITION = Definition.model_validate(
    {
        "name": "truth-passes",
        "title_zh": "枢纽与银行（匹配步骤）",
        "title_en": "hub and bank, all passes",
        "left": {"source": "hub"},
        "right": {"source": "processor", "of": "bank"},
        "rows": ["payment", "refund"],
        "key": ["processor|reference"],
        "compare": [
            {"field": "amount", "kind": "AMOUNT", "tolerance": [-1, 1]},
            {"field": "currency", "kind": "CURRENCY"},
        ],
        "calendar": {"window_days": [-1, 1]},
        "passes": [
            {"pass": "exact"},
            {"pass": "secondary", "on": "other_key", "window_days": [-1, 1]},
            {"pass": "group", "shape": "1:n", "by": "order_no", "window_days": [-1, 1], "at_most": 5},
            {"pass": "suggest", "window_days": [-1, 1]},
        ],
    }
)


@dataclass(frozen=True, slots=True)
class BankRow:
    """What the bank has of an order. ``key`` and ``other``: ``{key}`` is the hub's key, ``{order}`` its number."""

    key: str = "{key}"
    amount: int = 0
    share: int = 1
    other: str = ""
    order: str = ""
    hours: int = 0


@dataclass(frozen=True, slots=True)
class PassCase:
    """One kind of order. ``amount`` of a bank row is added to the hub's amount over ``share``."""

    name: str
    bank: tuple[BankRow, ...]
    expects: tuple[tuple[str, str], ...] = ()


CASES: tuple[PassCase, ...] = (
    PassCase("same_key", (BankRow(),)),
    PassCase("same_key_again", (BankRow(),)),
    PassCase("one_fen_more", (BankRow(amount=1),)),
    PassCase("one_fen_less", (BankRow(amount=-1),)),
    PassCase("two_fen_more", (BankRow(amount=2),), (("AMOUNT", "{key}"),)),
    PassCase("another_reference", (BankRow("bank|B{order}", other="bank|{order}"),)),
    PassCase("another_reference_next_day", (BankRow("bank|B{order}", other="bank|{order}", hours=20),)),
    PassCase(
        "another_reference_two_fen_more",
        (BankRow("bank|B{order}", 2, other="bank|{order}"),),
        (("AMOUNT", "{key}"),),
    ),
    PassCase(
        "another_reference_too_late",
        (BankRow("bank|B{order}", other="bank|{order}", hours=72),),
        (("MISSING_IN_CHANNEL", "{key}"), ("MISSING_IN_HUB", "bank|B{order}")),
    ),
    PassCase(
        "paid_in_three_parts",
        (BankRow("bank|P{order}", share=3, order="{order}"),
         BankRow("bank|Q{order}", share=3, order="{order}"),
         BankRow("bank|R{order}", share=3, order="{order}")),
    ),
    PassCase(
        "only_the_amount_fits",
        (BankRow("bank|S{order}"),),
        (("MISSING_IN_CHANNEL", "{key}"), ("MISSING_IN_HUB", "bank|S{order}")),
    ),
    PassCase(
        "two_fit_equally",
        (BankRow("bank|B{order}", other="bank|{order}"), BankRow("bank|C{order}", other="bank|{order}")),
        (("AMBIGUOUS", "{key}"), ("AMBIGUOUS", "bank|B{order}"), ("AMBIGUOUS", "bank|C{order}")),
    ),
)  # fmt: skip
"""``only_the_amount_fits``: a suggestion is listed with the break and never confirmed. ``two_fit_equally``: nobody
chooses, and all three rows say so."""


def hub_row(i: int) -> Row:
    """The hub's payment of order ``i``; every amount is another one, and can be had in three equal parts."""
    order = f"EB{i:08d}"
    amount = 3000 + 3 * i
    return Row(f"bank|H{order}", "payment", order, NOON, amount, seller="web", other_key=f"bank|{order}")


def bank_rows(i: int) -> list[Row]:
    """What the bank has of it."""
    ours = hub_row(i)
    return [
        Row(
            _named(said.key, ours),
            "payment",
            _named(said.order, ours),
            NOON + said.hours * HOUR,
            (ours.amount or 0) // said.share + said.amount,
            other_key=_named(said.other, ours),
        )
        for said in CASES[i % len(CASES)].bank
    ]


def _named(text: str, ours: Row) -> str:
    return text.format(key=ours.key, order=ours.order_no)


def truth(orders: int) -> set[tuple[str, str]]:
    """(kind, key) of every break that must be found."""
    rows = [(hub_row(i), CASES[i % len(CASES)]) for i in range(orders)]
    return {(kind, _named(key, ours)) for ours, case in rows for kind, key in case.expects}


def found(work: Path, orders: int, exact: ExactPass = match_files) -> set[tuple[str, str]]:
    """(kind, key) of every break that the engine finds."""
    hub = write_dataset(work / "datasets", [hub_row(i) for i in range(orders)], 32)
    bank = write_dataset(work / "datasets", [row for i in range(orders) for row in bank_rows(i)], 32)
    options = MatchOptions(temp_dir=work / "spill")
    pieces = []
    for n, (left, right) in enumerate(zip(hub.paths, bank.paths, strict=True)):
        pieces.append(work / f"piece-{n}.parquet")
        exact(DEFINITION, [left], [right], DAY, pieces[-1], options)
    later = later_passes(DEFINITION, pieces, DAY, work / "later", options)
    explained = explain(DEFINITION, DAY, later, Around(hub=hub.paths), work / "explain", options)
    with duckdb.connect(":memory:") as engine:
        rows = engine.execute("SELECT kind, key FROM read_parquet($path)", {"path": str(explained.breaks)}).fetchall()
    return {(str(kind), str(key)) for kind, key in rows}
