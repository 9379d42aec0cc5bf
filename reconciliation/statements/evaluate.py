"""A block's columns -> statement lines, by the rules of a format document. All of it on whole columns.

What is wrong with a row is collected, not raised: (place in the block, sentence). The first sentence counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.statements.amounts import MICRO, decimals, integers
from reconciliation.statements.document import FormatDocument, Rule
from reconciliation.statements.lines import LINES
from reconciliation.statements.moments import instants
from reconciliation.statements.parts import Amount
from reconciliation.statements.texts import Block, references, text


@dataclass(slots=True)
class Evaluated:
    """``table``: the good rows as LINES; ``bad``: place in the block -> sentence; ``days``: local day -> rows."""

    table: Any
    bad: dict[int, str] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)


def evaluate(document: FormatDocument, block: Block, label_of: Callable[[str], str]) -> Evaluated:
    """Apply the rules. ``label_of``: a column's name as the file has it, for sentences."""
    return _Evaluation(document, block, label_of).run()


class _Evaluation:
    def __init__(self, document: FormatDocument, block: Block, label_of: Callable[[str], str]) -> None:
        self.document = document
        self.block = block
        self.label_of = label_of
        self.rules = document.rules
        self.bad: dict[int, str] = {}

    def run(self) -> Evaluated:
        at, days = self._times()
        currency = self._currencies()
        self._equations()
        tables, places = [], []
        for rule, chosen in self._groups():
            whole = len(chosen) == self.block.rows
            part = self.block if whole else self.block.part(chosen)
            own = (at, currency, days) if whole else [column.take(pa.array(chosen)) for column in (at, currency, days)]
            tables.append(self._lines(rule, part, chosen, *own))
            places.append(chosen)
        return Evaluated(self._good(tables, places), self.bad, _counted(days))

    def _good(self, tables: list[Any], places: list[Any]) -> Any:
        table = pa.concat_tables([LINES.empty_table(), *tables])
        if not self.bad and len(tables) < 2:
            return table
        order = np.concatenate([np.zeros(0, np.int64), *places])
        kept = np.flatnonzero(~np.isin(order, list(self.bad)))
        return table.take(pa.array(kept[np.argsort(order[kept], kind="stable")]))

    # --- which rule

    def _groups(self) -> list[tuple[Rule, Any]]:
        rows = self.document.rows
        if rows.by is None:
            return [(self.rules[None], np.arange(self.block.rows))]
        by = self.block.texts[rows.by]
        found = []
        for value in pc.unique(by).to_pylist():
            chosen = np.flatnonzero(np.asarray(pc.equal(by, value)))
            rule = self.rules.get(value, self.rules[None])
            if rule.skip:
                continue
            if rule.kind is None:
                known = _listed(list(rows.table))
                for place in chosen:
                    self._wrong(int(place), f"{self.label_of(rows.by)} is {value!r}, expected {known}")
                continue
            found.append((rule, chosen))
        return found

    # --- what every row has

    def _times(self) -> tuple[Any, Any]:
        moment, texts = self.document.rows.time, self.block.texts
        said_at = texts[moment.columns[0]]
        for name in moment.columns[1:]:
            said_at = pc.if_else(pc.equal(said_at, ""), texts[name], said_at)
        zones = texts[moment.zone_column] if moment.zone_column else None
        at, days = instants(said_at, zones, moment, self.block.business_date)
        for place in np.flatnonzero(np.asarray(at.is_null())):
            said, column = said_at[int(place)].as_py(), self.label_of(moment.columns[0])
            zone = f" in zone {zones[int(place)].as_py()!r}" if zones is not None else ""
            self._wrong(int(place), f"{column} is {said!r}{zone}, expected {moment.example}")
        return pc.fill_null(at, 0), days

    def _currencies(self) -> Any:
        names = self.document.rows.currency
        said = names[0]
        if said.isupper():
            return pa.repeat(pa.scalar(said, pa.string()), self.block.rows)
        column = self.block.texts[said]
        for name in names[1:]:
            column = pc.if_else(pc.equal(column, ""), self.block.texts[name], column)
        column = pc.ascii_upper(column)
        for value in pc.unique(column).to_pylist():
            if not (len(value) == 3 and value.isascii() and value.isalpha()):
                for place in np.flatnonzero(np.asarray(pc.equal(column, value))):
                    self._wrong(int(place), f"{self.label_of(said)} is {value!r}, expected a code such as CNY")
        return column

    def _equations(self) -> None:
        for equation in self.document.rows.equals:
            total = np.zeros(self.block.rows, np.int64)
            for name, sign in equation.items():
                total += sign * self._units(self.block, name, np.arange(self.block.rows))
            text = " ".join(f"{'+' if sign > 0 else '-'} {self.label_of(n)}" for n, sign in equation.items())
            for place in np.flatnonzero(total):
                self._wrong(int(place), f"{text.removeprefix('+ ')} is not zero")

    # --- one rule

    def _lines(self, rule: Rule, part: Block, places: Any, at: Any, currency: Any, days: Any) -> Any:
        amount = self._amount(rule.amount, part, places, currency, 1)
        fee = self._amount(rule.fee, part, places, currency, 1000) if rule.fee else np.zeros(part.rows, np.int64)
        nothing = self.document.rows.nothing
        ref = text(rule.ref, part, days, nothing)
        for place in np.flatnonzero(~references(ref)):
            said = ref[int(place)].as_py()
            self._wrong(int(places[place]), f"the reference {said!r} is empty or has strange characters")
        self._check_amounts(rule, amount, places)
        columns = {
            "kind": pa.repeat(pa.scalar(rule.kind, pa.string()), part.rows),
            "ref": ref,
            "other_ref": text(rule.other_ref, part, days, nothing),
            "order_no": text(rule.order_no, part, days, nothing),
            "at": at,
            "amount": pa.array(amount),
            "currency": currency,
            "fee": pa.array(fee),
            "batch": text(rule.batch, part, days, nothing),
            "place": pc.binary_join_element_wise(
                f"{part.label}line ", pc.cast(pa.array(part.numbers), pa.string()), ""
            ),
            "raw": pa.repeat(pa.scalar("", pa.string()), part.rows),
        }
        return pa.table(columns, schema=LINES)

    def _check_amounts(self, rule: Rule, amount: Any, places: Any) -> None:
        if rule.kind in {"payment", "refund"}:
            for place in np.flatnonzero(amount <= 0):
                self._wrong(int(places[place]), "the amount is zero or negative")
        else:
            for place in np.flatnonzero(amount == 0):
                self._wrong(int(places[place]), "the amount is zero")

    def _amount(self, said: Amount | None, part: Block, places: Any, currency: Any, finer: int) -> Any:
        """An amount of each row in minor units, or ``finer`` parts of one."""
        if said is None:
            return np.zeros(part.rows, np.int64)
        total = self._total(said, part, places)
        if self.document.decimals == "minor":
            return total * finer
        each = divisors(currency) // finer
        for place in np.flatnonzero(total % each):
            name, code = self.label_of(said.amounts[0]), currency[int(place)].as_py()
            self._wrong(int(places[place]), f"{name} has more decimals than {code} allows")
        return total // each

    def _total(self, said: Amount, part: Block, places: Any) -> Any:
        values = [self._units(part, name, places) for name in said.amounts]
        if said.of:
            total = values[-1]
            for value in reversed(values[:-1]):
                total = np.where(value != 0, value, total)
        elif said.sum:
            total = np.sum(values, axis=0)
        else:
            total = values[0] - values[1]
        if said.side is not None:
            total = total * self._signs(said, part, places)
        if said.sign == "absolute":
            return np.abs(total)
        return -total if said.sign == "negate" else total

    def _signs(self, said: Amount, part: Block, places: Any) -> Any:
        side = said.side
        if side is None:
            return np.ones(part.rows, np.int64)
        column = part.texts[side.column]
        plus = np.asarray(pc.is_in(column, pa.array(side.plus, pa.string())))
        minus = np.asarray(pc.is_in(column, pa.array(side.minus, pa.string())))
        for place in np.flatnonzero(~plus & ~minus):
            value, known = column[int(place)].as_py(), _listed([*side.plus, *side.minus])
            self._wrong(int(places[place]), f"{self.label_of(side.column)} is {value!r}, expected {known}")
        return plus.astype(np.int64) - minus.astype(np.int64)

    def _units(self, part: Block, name: str, places: Any) -> Any:
        column = part.units[name]
        if column.null_count:
            for place in np.flatnonzero(np.asarray(column.is_null())):
                said = part.texts[name][int(place)].as_py()
                expected = "000000055300" if self.document.decimals == "minor" else "553.00"
                self._wrong(
                    int(places[place]),
                    f"{self.label_of(name)}: not a decimal amount: {said[:40]!r}, expected for example {expected}",
                )
            column = pc.fill_null(column, 0)
        return np.asarray(column)

    def _wrong(self, place: int, sentence: str) -> None:
        self.bad.setdefault(place, sentence)


def divisors(currency: Any) -> Any:
    """How many millionths of a major unit make a minor unit of each row's currency."""
    codes = pc.unique(currency).to_pylist()
    each = {code: MICRO // 10 ** decimals(code) for code in codes}
    if len(set(each.values())) == 1:
        return np.int64(next(iter(each.values())))
    return np.asarray([each[code] for code in currency.to_pylist()], np.int64)


def units_of(document: FormatDocument, texts: dict[str, Any]) -> dict[str, Any]:
    """The columns of amounts as integers; ``texts`` of lettered ones have their letter turned to a sign before."""
    return {name: integers(texts[name], document.decimals) for name in sorted(document.amounts)}


def _counted(days: Any) -> dict[int, int]:
    values, counts = np.unique(np.asarray(days.drop_null()), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
