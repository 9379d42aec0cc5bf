"""The parts of a format document: how a line is cut, and how a text, an amount or a time is found in it."""

import re
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return value


def _column_pattern(value: str) -> str:
    """Columns are searched by another engine (RE2), which knows no look-around and no references back."""
    try:
        pc.extract_regex(pa.array([""]), f"(?P<found>{_pattern(value)})")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{value!r} cannot be used on a column: {error}") from error
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]
ColumnPattern = Annotated[str, AfterValidator(_column_pattern)]


class Part(BaseModel):
    """A part of a document: unknown words are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, (str, int, dict)) else value


def _as_column(value: Any) -> Any:
    if isinstance(value, int):
        return {"position": value}
    return {"names": _as_tuple(value)} if isinstance(value, (str, list)) else value


def _as_amount(value: Any) -> Any:
    return {"of": _as_tuple(value)} if isinstance(value, (str, list)) else value


def _as_pick(value: Any) -> Any:
    return {"template": value} if isinstance(value, str) and "{" in value else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])]


class Cells(Part):
    """How a line is cut into cells.

    ``plain``: at every ``delimiter`` (1 to 4 characters), never quoted. ``quoted``: RFC 4180. ``fixed``: ``widths`` in
    bytes with ``gap`` bytes between, cut before decoding. ``prefix`` stands before the first cell of each line.
    ``comment``: how lines begin that are no rows, such as a trailer. ``skip_lines`` stand before the header.
    ``header: false``: columns are found by position.
    """

    kind: Literal["plain", "quoted", "fixed"]
    encoding: Literal["utf-8", "gb18030", "ascii", "latin-1"] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=4)] = ","
    prefix: Annotated[str, Field(max_length=4)] = ""
    header: bool = True
    header_delimiter: str | None = None
    skip_lines: Annotated[int, Field(ge=0, le=100)] = 0
    comment: Names = ()
    widths: tuple[Annotated[int, Field(ge=1)], ...] = ()
    gap: Annotated[int, Field(ge=0, le=4)] = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "fixed") != bool(self.widths):
            raise ValueError("'widths' belong to cells of kind fixed, and only to them")
        if self.kind == "quoted" and len(self.delimiter.encode()) != 1:
            raise ValueError("quoted cells have a delimiter of one character")
        if self.kind == "fixed" and self.header:
            raise ValueError("cells of fixed width have no header: set 'header: false'")
        return self


class Column(Part):
    """A cell: by the first of ``names`` that the header has, or by ``position`` from 1. ``optional`` may be absent."""

    names: tuple[str, ...] = ()
    position: Annotated[int, Field(ge=1)] | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.names) == (self.position is not None):
            raise ValueError("a column is found by its names or by its position")
        return self


ColumnOf = Annotated[Column, BeforeValidator(_as_column, json_schema_input_type=int | str | tuple[str, ...] | Column)]


class Pick(Part):
    """A text out of a row: a ``column``, the part of it that ``pattern`` finds, or a ``template`` such as
    ``revoked-{transaction}``. In a template ``{date}`` is the date that the file's name tells, else the row's local
    date, and ``{line}`` is its line."""

    column: Name | None = None
    pattern: ColumnPattern | None = None
    template: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.column is None) == (self.template is None):
            raise ValueError("give a 'column' or a 'template'")
        return self

    @property
    def columns(self) -> set[str]:
        if self.column is not None:
            return {self.column}
        return set(re.findall(r"{(\w+)}", self.template or "")) - {"date", "line"}


def _as_picks(value: Any) -> Any:
    found = []
    for item in _as_tuple(value):
        item = _as_pick(item)
        found.append({"column": item} if isinstance(item, str) else item)
    return tuple(found)


Text = Annotated[
    tuple[Pick, ...], BeforeValidator(_as_picks, json_schema_input_type=str | Pick | tuple[str | Pick, ...])
]
"""The first of several picks that says something."""


class Side(Part):
    """The cell that says on which side an amount stands."""

    column: Name
    plus: Names
    minus: Names


class Amount(Part):
    """An amount out of a row, in exactly one of these ways:

    ``of``: the first of these columns that is not zero. ``sum``: all of them together. ``plus``/``minus``: a pair of
    columns. ``letters``: the cell's first letter is its side, ``{plus: C, minus: D}``. With ``side`` another cell says
    it. ``sign``: as_is, negate or absolute.
    """

    of: Names = ()
    sum: Names = ()
    plus: Name | None = None
    minus: Name | None = None
    letters: dict[Literal["plus", "minus"], str] | None = None
    side: Side | None = None
    sign: Literal["as_is", "negate", "absolute"] = "as_is"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [bool(self.of), bool(self.sum), self.plus is not None and self.minus is not None]
        if sum(ways) != 1:
            raise ValueError("an amount is 'of', 'sum', or 'plus' with 'minus'")
        return self

    @property
    def amounts(self) -> tuple[str, ...]:
        return (*self.of, *self.sum, *((self.plus, self.minus) if self.plus and self.minus else ()))

    @property
    def columns(self) -> set[str]:
        return {*self.amounts, *({self.side.column} if self.side else ())}


AmountOf = Annotated[Amount, BeforeValidator(_as_amount, json_schema_input_type=str | tuple[str, ...] | Amount)]


def _zone(name: str) -> str:
    if not re.fullmatch(r"[+-]\d\d:\d\d", name):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone, expected for example Asia/Shanghai or +08:00") from error
    return name


class Moment(Part):
    """When: the first of ``columns`` that is not empty, read with ``format`` (strptime) in ``zone``, or in the zone
    that ``zone_column`` names; ``zones`` says what its abbreviations mean (``{CEST: "+02:00"}``).

    A format without a year takes it from the business date; the last days of December stay in the old year.
    """

    columns: Names
    format: str = "%Y-%m-%d %H:%M:%S"
    example: str = "2026-01-11 09:30:00"
    zone: str = "Asia/Shanghai"
    zone_column: Name | None = None
    zones: dict[str, str] = Field(default_factory=dict)

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        return _zone(zone)

    @field_validator("zones")
    @classmethod
    def _all_known(cls, zones: dict[str, str]) -> dict[str, str]:
        return {name: _zone(zone) for name, zone in zones.items()}
