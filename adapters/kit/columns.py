"""Fixed-width records, declared as columns and read and written by that declaration. Bytes are cut before decoding.

    kind     on the wire
    text     the layout's encoding, filled with blanks on the right; the width is in bytes
    code     printable ASCII, filled with blanks on the right
    digits   digits, filled with zeros on the left
    money    digits of fen, the last one overpunched with the sign: ``{ABCDEFGHI`` plus 0 to 9, ``}JKLMNOPQR`` minus
             (the zoned decimal of IBM systems as it looks in ASCII)
    moment   MMDDhhmm, local time; the year is the one that brings it nearest to the line's reference date
    day      MMDD, the same
    date     YYYYMMDD

A column of blanks is absent. Places are ``line 3, columns 14-24``, counted in bytes from 1 as people do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from struct import Struct
from typing import Literal

from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, refusal
from adapters.kit.times import SHANGHAI
from schemas.money import Money, money

Kind = Literal["text", "code", "digits", "money", "moment", "day", "date"]

_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"
_PUNCHED = {letter: (1, digit) for digit, letter in enumerate(_PLUS)}
_PUNCHED |= {letter: (-1, digit) for digit, letter in enumerate(_MINUS)}
_HALF_A_YEAR = timedelta(days=184)


@dataclass(frozen=True)
class Column:
    """One column. ``width`` in bytes; ``optional`` ones may be blank."""

    name: str
    width: int
    kind: Kind
    meaning: str
    optional: bool = False


@dataclass(frozen=True)
class Layout:
    """One record: its code (empty in files of one kind of record), its name, its columns after the code."""

    code: str
    name_zh: str
    columns: tuple[Column, ...]
    encoding: str = "gb18030"

    @cached_property
    def width(self) -> int:
        """The width of the line in bytes, without its end."""
        return len(self.code) + sum(column.width for column in self.columns)

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """name -> first and last byte, counted from 1 as people do."""
        spans, first = {}, len(self.code) + 1
        for column in self.columns:
            spans[column.name] = (first, first + column.width - 1)
            first += column.width
        return spans

    @cached_property
    def optional(self) -> frozenset[str]:
        """The columns that may be blank."""
        return frozenset(column.name for column in self.columns if column.optional)

    @cached_property
    def cuts(self) -> Callable[[bytes], tuple[bytes, ...]]:
        """All columns of a line at once, without its code."""
        return Struct(f"{len(self.code)}x" + "".join(f"{column.width}s" for column in self.columns)).unpack

    @cached_property
    def texts(self) -> frozenset[str]:
        """The columns that are in the layout's encoding; all others are ASCII."""
        return frozenset(column.name for column in self.columns if column.kind == "text")


class Line(Record):
    """One line as a record: fields are its columns without the blanks that fill them.

    ``near`` is the date that gives times without a year their year: the business date of the file.
    """

    __slots__ = ("layout", "near", "number")

    def __init__(
        self,
        layout: Layout,
        number: int,
        fields: dict[str, object],
        losses: Losses,
        system: str,
        near: date | None = None,
    ) -> None:
        super().__init__(fields, f"line {number}", losses, system)
        self.layout = layout
        self.number = number
        self.near = near

    def at(self, name: str) -> str:
        first, last = self.layout.spans.get(name, (1, max(1, len(self.layout.code))))
        return f"line {self.number}, columns {first}-{last}"

    def amount(self, name: str, *, signed: bool = False) -> Money:
        """An overpunched amount in fen; negative ones are refused unless ``signed``. Optional and blank is 0."""
        if not self.has(name) and name in self.layout.optional:
            self.take(name)
            return money(0)
        fen = unpunch(self.text(name, example="0000005530{"))
        if fen is None:
            detail = f"{name} is no overpunched amount of digits"
            raise self.refuse(
                name, "amount_invalid", detail, expected="fen, sign in the last place", example="0000005530{"
            )
        if fen < 0 and not signed:
            raise self.refuse(
                name, "amount_invalid", f"{name} is negative", expected="0 or more", example="0000005530{"
            )
        return money(fen)

    def moment(self, name: str) -> datetime:
        """MMDDhhmm in the year nearest to ``near``; an impossible one is refused."""
        found = _moment(self.text(name, example="01091651"), self.near)
        if found is None:
            raise self.refuse(name, "time_invalid", f"{name} cannot be", expected="MMDDhhmm", example="01091651")
        return found

    def day(self, name: str) -> date:
        """MMDD in the year nearest to ``near``; an impossible one is refused."""
        found = _day(self.text(name, example="0109"), self.near)
        if found is None:
            raise self.refuse(name, "time_invalid", f"{name} is no day", expected="MMDD", example="0109")
        return found

    def date(self, name: str) -> date:
        """YYYYMMDD; an impossible one is refused."""
        text = self.text(name, example="20260109")
        found = None
        if len(text) == 8 and text.isascii() and text.isdigit():
            found = _date(int(text[:4]), text[4:])
        if found is None:
            raise self.refuse(name, "time_invalid", f"{name} is no date", expected="YYYYMMDD", example="20260109")
        return found


def _date(year: int, month_day: str) -> date | None:
    try:
        return date(year, int(month_day[:2]), int(month_day[2:]))
    except ValueError:  # 30 February: no date, and the caller names the place
        return None


@lru_cache(maxsize=8192)
def _day(month_day: str, near: date | None) -> date | None:
    """The date with this month and day that is nearest to ``near``: over New Year, that is another year."""
    if near is None or len(month_day) != 4 or not (month_day.isascii() and month_day.isdigit()):
        return None
    years = (year for year in (near.year - 1, near.year, near.year + 1) if year >= 1)
    found = [day for year in years if (day := _date(year, month_day)) is not None]
    nearest = min(found, key=lambda day: abs(day - near), default=None)
    return nearest if nearest is not None and abs(nearest - near) < _HALF_A_YEAR else None


@lru_cache(maxsize=8192)
def _moment(text: str, near: date | None) -> datetime | None:
    day = _day(text[:4], near) if len(text) == 8 and text.isascii() and text.isdigit() else None
    if day is None or text[4:6] > "23" or text[6:] > "59":
        return None
    return datetime(day.year, day.month, day.day, int(text[4:6]), int(text[6:]), tzinfo=SHANGHAI)


def cut(layout: Layout, line: bytes, number: int, losses: Losses, *, system: str, near: date | None = None) -> Line:
    """The columns of a line; refuses another width and bytes of another encoding, naming the columns."""
    if len(line) != layout.width:
        raise refusal(
            "message_malformed",
            f"line {number}, columns 1-{max(1, len(line))}",
            f"a {layout.code.strip()} record ({layout.name_zh}) has another width",
            expected=f"{layout.width} bytes",
            found=f"{len(line)} bytes",
        )
    fields: dict[str, object] = {}
    for name, piece in zip(layout.spans, layout.cuts(line), strict=True):
        if text := piece.rstrip(b" "):
            fields[name] = text.decode() if text.isascii() else _decoded(layout, name, piece, number)
    return Line(layout, number, fields, losses, system, near)


def _decoded(layout: Layout, name: str, piece: bytes, number: int) -> str:
    is_text = name in layout.texts
    encoding = layout.encoding if is_text else "ascii"
    try:
        return piece.decode(encoding).rstrip(" ")
    except UnicodeDecodeError as error:
        first, last = layout.spans[name]
        expected = encoding.upper() if is_text else "letters and digits"
        raise refusal(
            "encoding_damaged",
            f"line {number}, columns {first}-{last}",
            f"the bytes of {name} are not {expected}: was a decoded text cut?",
            expected=expected,
            found=piece.hex(),
        ) from error


@lru_cache(maxsize=4096)
def unpunch(text: str) -> int | None:
    """Fen from an overpunched number; None when it is none.

    >>> unpunch("0000005530{"), unpunch("0000000250}"), unpunch("12")
    (55300, -2500, None)
    """
    head = text[:-1]
    punched = _PUNCHED.get(text[-1:])
    if punched is None or not (head.isascii() and head.isdigit()):
        return None
    sign, digit = punched
    return sign * (int(head) * 10 + digit)


def punch(fen: int, width: int) -> str:
    """The inverse of :func:`unpunch`, filled with zeros. Raises ``ValueError`` for what is wider than that.

    >>> punch(-2500, 11)
    '0000000250}'
    """
    tens, last = divmod(abs(fen), 10)
    text = f"{tens:0{width - 1}d}{(_MINUS if fen < 0 else _PLUS)[last]}"
    if len(text) > width:
        raise ValueError(f"{fen} fen do not fit {width} places")
    return text


def misfits(layout: Layout, fields: Mapping[str, object], near: date | None = None) -> list[Column]:
    """The columns whose value the wire cannot say at all: a number or code too long or not of its characters, or a

    time that a reader with the reference date ``near`` would put into another year. Texts are not among them:
    ``write`` cuts those at a whole character and says so. A cut number would be another number.
    """
    return [column for column in layout.columns if not _fits(column, fields.get(column.name), near)]


def _fits(column: Column, value: object, near: date | None) -> bool:
    if isinstance(value, Money):
        return len(str(abs(value.amount))) <= column.width
    if isinstance(value, int):
        return value >= 0 and len(str(value)) <= column.width
    if isinstance(value, date) and column.kind in ("moment", "day") and near is not None:
        day = value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
        return _day(day.strftime("%m%d"), near) == day
    if isinstance(value, str) and column.kind != "text":
        return len(value) <= column.width and value.isascii() and value.isprintable()
    return True


def write(layout: Layout, fields: Mapping[str, object], losses: Losses, place: str) -> bytes:
    """A line with CR LF; a text too long for its column is cut at a whole character, with a loss.

    Raises ``ValueError`` for what :func:`misfits` lists. ``place`` begins the pointers of losses.
    """
    bad = misfits(layout, fields)
    if bad:
        raise ValueError(f"{layout.code.strip()} cannot say {', '.join(column.name for column in bad)}")
    pieces = [layout.code.encode("ascii")]
    pieces += [_piece(column, fields.get(column.name), losses, place, layout.encoding) for column in layout.columns]
    return b"".join(pieces) + b"\r\n"


def _piece(column: Column, value: object, losses: Losses, place: str, encoding: str) -> bytes:
    if value is None or value == "":
        return (b"0" if column.kind == "digits" else b" ") * column.width
    if isinstance(value, Money):
        return punch(value.amount, column.width).encode("ascii")
    if isinstance(value, datetime):
        local = value.astimezone(SHANGHAI)
        if local.second or local.microsecond:
            losses.add(f"{place}/{column.name}", "less_precise", value.isoformat(), "times are to the minute here")
        return local.strftime("%m%d%H%M").encode("ascii")
    if isinstance(value, date):
        return value.strftime("%Y%m%d" if column.kind == "date" else "%m%d").encode("ascii")
    if isinstance(value, int):
        return f"{value:0{column.width}d}".encode("ascii")
    if column.kind != "text":
        return str(value).encode("ascii").ljust(column.width)
    return _text(column, str(value), losses, place, encoding)


def _text(column: Column, text: str, losses: Losses, place: str, encoding: str) -> bytes:
    raw = text.encode(encoding, "replace")
    if len(raw) > column.width:
        losses.add(f"{place}/{column.name}", "less_precise", text, f"cut to {column.width} bytes")
        while len(raw) > column.width:
            text = text[:-1]
            raw = text.encode(encoding, "replace")
    elif raw.decode(encoding) != text:
        losses.add(f"{place}/{column.name}", "less_precise", text, f"{encoding} lacks some of its characters")
    return raw.ljust(column.width)
