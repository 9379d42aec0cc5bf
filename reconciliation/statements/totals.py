"""What a file claims about itself, proven over all its rows, also those that were kept aside. Adds up over blocks."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.statements.amounts import MICRO, integers
from reconciliation.statements.document import FormatDocument, Total
from reconciliation.statements.lines import FileError, ProvenTotal
from reconciliation.statements.parts import Amount
from reconciliation.statements.texts import Block

REMEDY = (
    "The file is incomplete or was changed on its way: fetch it from the processor again and drop it beside this one."
)


class Totals:
    """The control totals of one document while it is read."""

    def __init__(self, document: FormatDocument, present: set[str]) -> None:
        self.document = document
        self.running = [_Sum(document, total, present) for total in document.totals]

    def add(self, block: Block) -> None:
        """Count a block's rows in; raises FileError when a running balance breaks."""
        for total in self.running:
            total.add(block)

    def prove(self, summary: dict[str, str], place: str) -> tuple[ProvenTotal, ...]:
        """Hold the sums against the summary; raises FileError at the first that does not hold."""
        found = (total.prove(summary, place) for total in self.running)
        return tuple(proven for proven in found if proven is not None)


class _Sum:
    def __init__(self, document: FormatDocument, total: Total, present: set[str]) -> None:
        self.document = document
        self.total = total
        # A column that this file does not have cannot be summed: older files lack some.
        self.absent = not total.columns <= present
        self.sum = 0
        self.unreadable: str | None = None
        self.groups: dict[str, int] = defaultdict(int)
        self.balance: int | None = None

    def add(self, block: Block) -> None:
        if self.absent:
            return
        chosen = np.ones(block.rows, bool)
        for name, values in self.total.where.items():
            chosen &= np.asarray(pc.is_in(block.texts[name], pa.array(values, pa.string())))
        if self.total.sum is None:
            self.sum += int(chosen.sum())
            return
        amounts = np.where(chosen, self._amounts(self.total.sum, block), 0)
        if self.total.running is not None:
            self._run(amounts, block)
        elif self.total.zero_by is not None:
            for group, value in zip(*_grouped(block.texts[self.total.zero_by], amounts), strict=True):
                self.groups[group] += int(value)
        else:
            self.sum += int(amounts.sum())

    def _amounts(self, said: Amount, block: Block) -> Any:
        values = []
        for name in said.amounts:
            column = block.units[name]
            if column.null_count:
                wrong = np.flatnonzero(np.asarray(column.is_null()))[0]
                self.unreadable = self.unreadable or block.texts[name][int(wrong)].as_py()
            values.append(np.asarray(pc.fill_null(column, 0)))
        total = values[0] - values[1] if said.plus else np.sum(values, axis=0)
        if said.side is not None:
            minus = np.asarray(pc.is_in(block.texts[said.side.column], pa.array(said.side.minus, pa.string())))
            total = np.where(minus, -total, total)
        return {"negate": -total, "absolute": np.abs(total)}.get(said.sign, total)

    def _run(self, amounts: Any, block: Block) -> None:
        """Each row's balance is the one before, moved by the row."""
        balances = np.asarray(pc.fill_null(block.units[str(self.total.running)], 0))
        if not len(balances):
            return
        first = balances[0] - amounts[0] if self.balance is None else self.balance
        before = np.concatenate([[first], balances[:-1]])
        wrong = np.flatnonzero(before + amounts != balances)
        if len(wrong):
            row = int(wrong[0])
            said, found = self._text(int(balances[row])), self._text(int(before[row] + amounts[row]))
            place = f"{block.label}line {int(block.numbers[row])}"
            raise FileError(f"the balance says {said}, the row before and this movement make {found}", place, REMEDY)
        self.balance = int(balances[-1])

    def prove(self, summary: dict[str, str], place: str) -> ProvenTotal | None:
        name = next((n for n in self.total.said if n in summary), None)
        if self.unreadable is not None:
            what = name or self.total.zero_by or self.total.running
            raise FileError(f"{what} cannot be proven: not a decimal amount: {self.unreadable[:40]!r}", place, REMEDY)
        if self.total.running is not None:
            return ProvenTotal(self.total.running, "every row")
        if self.total.zero_by is not None:
            return self._prove_groups(place)
        if name is None or self.absent:
            if self.total.optional or name is not None:
                return None
            raise FileError(f"the summary has no {self.total.said[0]}", place, REMEDY)
        said = summary[name]
        expected = _whole(said) if self.total.count else self._said(said)
        if expected is None:
            raise FileError(f"{name} cannot be proven: not a decimal amount: {said[:40]!r}", place, REMEDY)
        if expected != self.sum:
            raise FileError(self._difference(name, said), place, REMEDY)
        return ProvenTotal(name, said)

    def _difference(self, name: str, said: str) -> str:
        if self.total.count:
            return f"{name} says {said}, the file has {self.sum} lines"
        return f"{name} says {said}, the lines sum to {self._text(self.sum)}"

    def _prove_groups(self, place: str) -> ProvenTotal:
        for group, value in sorted(self.groups.items()):
            if value and group:
                said = self._text(value)
                raise FileError(f"{self.total.zero_by} {group}: its rows come to {said}, not to zero", place, REMEDY)
        return ProvenTotal(str(self.total.zero_by), f"{len(self.groups)} come to zero")

    def _said(self, text: str) -> int | None:
        found: int | None = integers(pa.array([text], pa.string()), self.document.decimals)[0].as_py()
        return found

    def _text(self, value: int) -> str:
        """A sum as the file writes amounts: two decimals, more where they matter."""
        if self.document.decimals == "minor":
            return str(value)
        whole, rest = divmod(abs(value), MICRO)
        fraction = f"{rest:06d}".rstrip("0").ljust(2, "0")
        return f"{'-' if value < 0 else ''}{whole}.{fraction}"


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _grouped(column: Any, amounts: Any) -> tuple[list[str], list[int]]:
    found = pa.table({"group": column, "amount": pa.array(amounts)}).group_by("group").aggregate([("amount", "sum")])
    return found["group"].to_pylist(), found["amount_sum"].to_pylist()
