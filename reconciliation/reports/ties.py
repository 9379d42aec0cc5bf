"""Whether a report's totals are the ledger's: what the books posted on the day against what the runs compared.

A run compares a snapshot of the hub. If rows were lost on the way, or something was told since, the snapshot is no
longer what the books say, and the day's figures are worth nothing: so that is the first thing that a report tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from hub.store.books import AccountBalance, midnight
from hub.store.settled import Moved
from reconciliation.definitions import Definition
from reconciliation.rows import microseconds

State = Literal["ties", "differs", "not compared"]


@dataclass(frozen=True, slots=True)
class Tie:
    """One line: what the books say and what was reconciled, in minor units. ``reconciled``: None without a run."""

    what_zh: str
    what_en: str
    account: str
    currency: str
    books: int
    reconciled: int | None
    remark: str = ""

    @property
    def difference(self) -> int | None:
        return None if self.reconciled is None else self.books - self.reconciled

    @property
    def state(self) -> State:
        if self.reconciled is None:
            # Nothing posted and nothing run is no reason to worry.
            return "not compared" if self.books else "ties"
        return "ties" if self.difference == 0 else "differs"


def balance_ties(balances: Iterable[AccountBalance]) -> list[Tie]:
    """Debit against credit of the day's trial balance, by currency."""
    sums: dict[str, tuple[int, int]] = {}
    for row in balances:
        debit, credit = sums.get(row.currency, (0, 0))
        sums[row.currency] = (debit + row.debit, credit + row.credit)
    return [
        Tie("试算平衡：借方与贷方", "trial balance: debit and credit", "*", currency, debit, credit)
        for currency, (debit, credit) in sorted(sums.items())
    ]


def suspense_ties(rows: Iterable[Mapping[str, Any]]) -> list[Tie]:
    """Open breaks against what is posted for them in suspense."""
    return [
        Tie(
            "挂账与未结差异",
            "suspense and open breaks",
            f"suspense:{r['definition']}",
            r["currency"],
            r["posted"],
            r["open"],
        )
        for r in rows
    ]


def ledger_ties(
    definitions: Iterable[Definition], folders: Mapping[str, Path | None], posted: Sequence[Moved], day: date
) -> list[Tie]:
    """For every pair with the hub on its left: sales by channel, captures and refunds by processor.

    ``folders``: the pair's name -> where the hub's rows of its latest run lie; None when they are no longer kept.
    """
    found: list[Tie] = []
    for definition in definitions:
        of = definition.right.of
        if definition.left.source != "hub" or of is None:
            continue
        folder = folders.get(definition.name)
        rows = _rows(folder, day) if folder is not None else None
        if definition.right.source == "channel":
            found += _tie(_SALES, of, posted, rows, definition.name)
        elif definition.right.source == "processor":
            found += _tie(_CAPTURES, of, posted, rows, definition.name) + _tie(
                _REFUNDS, of, posted, rows, definition.name
            )
    return found


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is tied: which lines of the books, with which sign, and which rows of the snapshot."""

    zh: str
    en: str
    account: str
    fact: str
    sign: int
    row: str
    by: Literal["channel", "processor"]


_SALES = _Subject("售票", "tickets sold", "sales", "ticket.issued", -1, "ticket", "channel")
_CAPTURES = _Subject("收款", "payments captured", "processor_clearing", "payment.captured", 1, "payment", "processor")
_REFUNDS = _Subject("应退款", "refunds promised", "refunds_payable", "refund.requested", -1, "refund", "processor")

_Rows = Mapping[tuple[str, str, str], int]
"""(kind of row, channel or processor, currency) -> minor units."""


def _tie(subject: _Subject, of: str, posted: Sequence[Moved], rows: _Rows | None, name: str) -> list[Tie]:
    books: dict[str, int] = {}
    for line in posted:
        if (line.account, line.fact) == (subject.account, subject.fact) and getattr(line, subject.by) == of:
            # What people have withdrawn since is no longer a row of the hub.
            books[line.currency] = books.get(line.currency, 0) + subject.sign * (line.amount - line.withdrawn)
    compared = {c: amount for (row, group, c), amount in (rows or {}).items() if (row, group) == (subject.row, of)}
    account = f"{subject.account}:{of}" if subject.account == "processor_clearing" else subject.account
    return [
        Tie(
            f"{subject.zh} {of}", f"{subject.en}, {of}", account, currency, books.get(currency, 0),
            None if rows is None else compared.get(currency, 0), name,
        )
        for currency in sorted({*books, *compared} or {"CNY"})
    ]  # fmt: skip


def _rows(folder: Path, day: date) -> _Rows | None:
    """The hub's rows of a run that happened on the day, summed; None when the folder is not there any more."""
    if not any(folder.glob("*.parquet")):
        return None
    span = [microseconds(midnight(moment)) for moment in (day, day + timedelta(days=1))]
    with duckdb.connect() as connection:
        rows = connection.execute(_SUM, [str(folder / "*.parquet"), *span]).fetchall()
    return {(kind, group, currency): int(amount) for kind, group, currency, amount in rows}


# What was only held or has lapsed was never sold; what was carried into the date belongs to another one.
_SUM = """
SELECT kind, CASE WHEN kind = 'ticket' THEN seller ELSE split_part(key, '|', 1) END, currency, sum(amount)
FROM read_parquet(?) WHERE "at" >= ? AND "at" < ? AND carried = ''
  AND (kind <> 'ticket' OR state NOT IN ('unknown', 'held', 'lapsed')) AND amount IS NOT NULL
GROUP BY 1, 2, 3
"""
