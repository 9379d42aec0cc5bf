"""Cutting lines into columns and writing columns into lines, by the declaration in ``layout``. Bytes before text."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from adapters.kit.reading import Losses, Record, Refused, refusal
from adapters.kit.times import SHANGHAI
from adapters.windows.layout import Column, Layout
from schemas.money import Money

_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"
MONEY_MOST = 10**11 - 1


class Line(Record):
    """One line as a record: fields are its columns without blanks, places are ``line 3, columns 14-24``."""

    __slots__ = ("business_date", "layout", "number")

    def __init__(self, layout: Layout, number: int, fields: Mapping[str, object], losses: Losses) -> None:
        super().__init__(fields, f"line {number}", losses, "windows")
        self.layout = layout
        self.number = number

    def at(self, name: str) -> str:
        first, last = self.layout.spans.get(name, (1, 3))
        return f"line {self.number}, columns {first}-{last}"

    def amount(self, name: str, *, signed: bool = False) -> Money:
        """An overpunched amount in fen; negative ones are refused unless ``signed``. Blank is zero."""
        if not self.has(name):
            self.take(name)
            return Money(amount=0)
        fen = unpunch(self.text(name, example="0000005530{"))
        if fen is None:
            detail = f"{name} is no overpunched amount of digits"
            raise self.refuse(
                name, "amount_invalid", detail, expected="fen, sign in the last place", example="0005530{"
            )
        if fen < 0 and not signed:
            raise self.refuse(name, "amount_invalid", f"{name} is negative", expected="0 or more", example="0005530{")
        return Money(amount=fen)

    def moment(self, name: str, near: date) -> datetime:
        """MMDDhhmm in the year nearest to the business date; an impossible one is refused."""
        text = self.text(name, example="01091651")
        day = _nearest(text[:4], near) if len(text) == 8 and text.isascii() and text.isdigit() else None
        if day is None or int(text[4:6]) > 23 or int(text[6:]) > 59:
            raise self.refuse(name, "time_invalid", f"{name} cannot be", expected="MMDDhhmm", example="01091651")
        return datetime(day.year, day.month, day.day, int(text[4:6]), int(text[6:]), tzinfo=SHANGHAI)

    def day(self, name: str, near: date) -> date:
        """MMDD in the year nearest to the business date."""
        text = self.text(name, example="0109")
        found = _nearest(text, near) if len(text) == 4 and text.isascii() and text.isdigit() else None
        if found is None:
            raise self.refuse(name, "time_invalid", f"{name} is no day", expected="MMDD", example="0109")
        return found


def _nearest(month_day: str, near: date) -> date | None:
    """The date with this month and day that is nearest to ``near``: over New Year, that is another year."""
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(date(year, int(month_day[:2]), int(month_day[2:])))
        except ValueError:
            continue
    nearest = min(found, key=lambda day: abs(day - near), default=None)
    return nearest if nearest is not None and abs(nearest - near) < timedelta(days=184) else None


def cut(layout: Layout, line: bytes, number: int, losses: Losses) -> Line:
    """The columns of a line; refuses a wrong width and bytes that are no GB18030, naming the columns."""
    if len(line) != layout.width:
        raise refusal(
            "message_malformed",
            f"line {number}, columns 1-{len(line)}",
            f"a {layout.code.strip()} record ({layout.name_zh}) has another width",
            expected=f"{layout.width} bytes",
            found=f"{len(line)} bytes",
        )
    fields: dict[str, object] = {}
    for column in layout.columns:
        first, last = layout.spans[column.name]
        piece = line[first - 1 : last]
        try:
            text = piece.decode("gb18030" if column.kind == "text" else "ascii").rstrip(" ")
        except UnicodeDecodeError as error:
            raise _damaged(column, piece, f"line {number}, columns {first}-{last}") from error
        if text:
            fields[column.name] = text
    return Line(layout, number, fields, losses)


def _damaged(column: Column, piece: bytes, place: str) -> Refused:
    expected = "GB18030" if column.kind == "text" else "letters and digits"
    detail = f"the bytes of {column.name} are not {expected}: was a decoded text cut?"
    return refusal("encoding_damaged", place, detail, expected=expected, found=piece.hex())


def unpunch(text: str) -> int | None:
    """Fen from an overpunched number; None when it is none.

    >>> unpunch("0000005530{"), unpunch("0000000250}"), unpunch("12")
    (55300, -2500, None)
    """
    if len(text) < 2 or not (text[:-1].isascii() and text[:-1].isdigit()):
        return None
    for sign, digits in ((1, _PLUS), (-1, _MINUS)):
        if text[-1] in digits:
            return sign * (int(text[:-1]) * 10 + digits.index(text[-1]))
    return None


def punch(fen: int, width: int) -> str:
    """The inverse of :func:`unpunch`, filled with zeros.

    >>> punch(-2500, 11)
    '0000000250}'
    """
    tens, last = divmod(abs(fen), 10)
    return f"{tens:0{width - 1}d}{(_MINUS if fen < 0 else _PLUS)[last]}"


def write(layout: Layout, fields: Mapping[str, object], losses: Losses, place: str) -> bytes:
    """A line with CR LF; a text too long for its column is cut at a whole character, with a loss."""
    pieces = [layout.code.encode("ascii")]
    for column in layout.columns:
        pieces.append(_piece(column, fields.get(column.name), losses, place))
    return b"".join(pieces) + b"\r\n"


def _piece(column: Column, value: object, losses: Losses, place: str) -> bytes:
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
    return _text(column, str(value), losses, place)


def _text(column: Column, text: str, losses: Losses, place: str) -> bytes:
    raw = text.encode("gb18030" if column.kind == "text" else "ascii", "replace")
    if len(raw) > column.width:
        losses.add(f"{place}/{column.name}", "less_precise", text, f"cut to {column.width} bytes")
        while len(raw) > column.width:
            text = text[:-1]
            raw = text.encode("gb18030" if column.kind == "text" else "ascii", "replace")
    return raw.ljust(column.width)
