"""A statement format as a document: which columns there are and what they mean. YAML or JSON, checked by a schema.

Somebody who knows the processor's manual can write and check one without programming; see
``docs/how-to/add-a-statement-format.md``. ``columns`` names the cells, ``rows`` says what kind of movement a row is and
where its values stand, ``totals`` says what the file claims about itself.
"""

import hashlib
import re
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from reconciliation.rows import RowKind
from reconciliation.statements.parts import AmountOf, Cells, ColumnOf, Moment, Name, Names, Part, Pattern, Text


class Rule(Part):
    """What one row is. ``skip`` leaves it out; what is not said here is taken from ``rows.common``."""

    kind: RowKind | None = None
    skip: bool = False
    ref: Text | None = None
    other_ref: Text | None = None
    order_no: Text | None = None
    batch: Text | None = None
    amount: AmountOf | None = None
    fee: AmountOf | None = None

    @property
    def columns(self) -> set[str]:
        texts = (self.ref, self.other_ref, self.order_no, self.batch)
        picked = {name for text in texts if text for pick in text for name in pick.columns}
        return picked | {name for amount in (self.amount, self.fee) if amount for name in amount.columns}


class Rows(Part):
    """``by``: the column that decides, ``table``: its values -> rules; ``otherwise`` for a value not in the table.

    ``by`` may be absent: then ``otherwise`` is the rule of every row. ``equals``: sums that must agree in each row,
    such as ``{gross: 1, fee: -1, net: -1}`` = 0. ``nothing``: texts that stand for an empty reference.
    ``currency``: the first of these columns that is not empty, or a code such as CNY for every row.
    """

    by: Name | None = None
    table: dict[str, Rule] = Field(default_factory=dict)
    otherwise: Literal["quarantine", "skip"] | Rule = "quarantine"
    common: Rule = Rule()
    time: Moment
    currency: Names
    nothing: tuple[str, ...] = ()
    equals: tuple[dict[Name, Literal[1, -1]], ...] = ()

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if (self.by is None) != (not self.table) or (self.by is None and not isinstance(self.otherwise, Rule)):
            raise ValueError("give 'by' with a 'table', or neither and a rule in 'otherwise'")
        return self

    def rules(self) -> dict[str | None, Rule]:
        """Each rule with what is common filled in; None is the one for other values."""
        other = self.otherwise if isinstance(self.otherwise, Rule) else Rule(skip=self.otherwise == "skip")
        return {value: _filled(rule, self.common) for value, rule in [*self.table.items(), (None, other)]}


def _filled(rule: Rule, common: Rule) -> Rule:
    return common.model_copy(update={name: getattr(rule, name) for name in rule.model_fields_set})


class Summary(Part):
    """Where a file speaks of itself. ``begins``: how the line of names begins, the values follow (as the rows are
    cut). ``patterns``: regular expressions with named groups over comment lines."""

    begins: str | None = None
    patterns: tuple[Pattern, ...] = ()


class Total(Part):
    """A control total: exactly one of

    ``count`` (true), ``sum`` (an amount), ``zero_by`` (the ``sum`` is zero in each group of this column), ``running``
    (this column is the balance after each row, moved by ``sum``). ``said``: names in the summary, the first present;
    ``where``: only rows whose column has one of these values; ``optional``: a file may leave it out.
    """

    said: Names = ()
    count: bool = False
    sum: AmountOf | None = None
    zero_by: Name | None = None
    running: Name | None = None
    where: dict[Name, Names] = Field(default_factory=dict)
    optional: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.count == (self.sum is not None):
            raise ValueError("a total counts or sums")
        if bool(self.said) == bool(self.zero_by or self.running):
            raise ValueError("a total is 'said' in the summary, or proven by 'zero_by' or 'running'")
        return self

    @property
    def columns(self) -> set[str]:
        named = {name for name in (self.zero_by, self.running) if name}
        return named | set(self.where) | (self.sum.columns if self.sum else set())


class BusinessDate(Part):
    """Where the date comes from: the rows (the local date of most), the file's ``name``, or the ``summary``."""

    source: Literal["rows", "name", "summary"] = "rows"
    pattern: Pattern = ""
    format: str = "%Y-%m-%d"

    @model_validator(mode="after")
    def _one_group(self) -> Self:
        if self.source != "rows" and re.compile(self.pattern).groups != 1:
            raise ValueError("the pattern of a date has one group: the date")
        return self


class FormatDocument(Part):
    """One statement format. ``source``: the folder its files are dropped in; ``processor``: the first part of the key
    (both may be shared by several formats). ``files``: a pattern that the file's or ZIP entry's name must match.
    ``decimals``: ``currency`` (major units, as many decimals as the currency has, fees three more), or ``minor``.
    """

    format: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
    version: Annotated[int, Field(ge=1)] = 1
    title_zh: str
    title_en: str
    documentation: str
    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    processor: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    files: Pattern = ""
    decimals: Literal["currency", "minor"] = "currency"
    cells: Cells
    columns: dict[Name, ColumnOf]
    masked: tuple[Name, ...] = ()
    rows: Rows
    summary: Summary = Summary()
    totals: tuple[Total, ...] = ()
    business_date: BusinessDate = BusinessDate()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        unknown = sorted((self.used | set(self.masked)) - self.columns.keys())
        if unknown:
            raise ValueError(f"no column is called {', '.join(unknown)}")
        by_name = [name for name, column in self.columns.items() if column.names]
        if by_name and not self.cells.header:
            raise ValueError(f"without a header, {by_name[0]} needs a position")
        for value, rule in self.rules.items():
            absent = [n for n in ("kind", "ref", "amount") if getattr(rule, n) is None]
            if absent and not rule.skip and (value is not None or isinstance(self.rows.otherwise, Rule)):
                raise ValueError(f"the rule for {value or 'every other row'} lacks {', '.join(absent)}")
        return self

    @cached_property
    def rules(self) -> dict[str | None, Rule]:
        """The rule of each value of the deciding column; None: of any other."""
        return self.rows.rules()

    @cached_property
    def used(self) -> set[str]:
        """The columns that are read; the others are never even cut."""
        rows, moment = self.rows, self.rows.time
        named = {name for rule in self.rules.values() for name in rule.columns} | set(moment.columns)
        named |= {name for total in self.totals for name in total.columns}
        named |= {name for equation in rows.equals for name in equation}
        named |= {name for name in (rows.by, moment.zone_column) if name}
        return named | {name for name in rows.currency if not name.isupper()}

    @cached_property
    def amounts(self) -> set[str]:
        """The columns that hold amounts."""
        found = [a for rule in self.rules.values() for a in (rule.amount, rule.fee) if a]
        found += [total.sum for total in self.totals if total.sum]
        named = {name for amount in found for name in amount.amounts}
        named |= {total.running for total in self.totals if total.running}
        return named | {name for equation in self.rows.equals for name in equation}

    @cached_property
    def lettered(self) -> dict[str, dict[Literal["plus", "minus"], str]]:
        """Amount columns whose first letter is their side."""
        found = [a for rule in self.rules.values() for a in (rule.amount, rule.fee) if a]
        return {name: amount.letters for amount in found if amount.letters for name in amount.amounts}

    @property
    def digest(self) -> str:
        """SHA-256 of the document: another document is another reading."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
