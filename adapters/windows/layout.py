"""The records of a window's file, declared as columns: name, width in bytes, kind, meaning. Nothing else says it.

    kind     on the wire
    text     GB18030, filled with blanks on the right; the width is in bytes, cut before decoding
    code     letters and digits, filled with blanks on the right
    digits   digits, filled with zeros on the left
    money    11 (13 in trailers) digits of fen, the last one overpunched with the sign: ``{ABCDEFGHI`` plus 0 to 9,
             ``}JKLMNOPQR`` minus 0 to 9
    moment   MMDDhhmm, local time; the year is the one that brings it nearest to the business date of the file
    day      MMDD, the same
    date     YYYYMMDD

A line is its record code (3 bytes) and its columns, ended by CR LF, and has exactly this width. A column of blanks
is absent.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["text", "code", "digits", "money", "moment", "day", "date"]


@dataclass(frozen=True)
class Column:
    """One column. ``width`` in bytes."""

    name: str
    width: int
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class Layout:
    """One record: its code, what it is called at the window, its columns after the code."""

    code: str
    name_zh: str
    columns: tuple[Column, ...]

    @cached_property
    def width(self) -> int:
        """The width of the line in bytes without CR LF."""
        return 3 + sum(column.width for column in self.columns)

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """name -> first and last byte, counted from 1 as people do."""
        spans, first = {}, 4
        for column in self.columns:
            spans[column.name] = (first, first + column.width - 1)
            first += column.width
        return spans


_RESERVE = Column("reserve", 8, "text", "blank; what stands here is reported as a loss")

_HEAD = (
    Column("running", 6, "digits", "running number of the transaction in its shift"),
    Column("at", 8, "moment", "when it happened"),
    Column("acted_in", 1, "code", "channel that did it, list sales_channel (C = window)"),
    Column("order_no", 10, "code", "rail order number"),
)
_TICKET_NO = Column("ticket_no", 17, "code", "ticket number")
_CONTROL_NO = Column("control_no", 8, "code", "number of the printed paper; blank without paper")
_PICKUP = Column("pickup_code", 12, "code", "pickup code of a phone reservation")
_REFUND_REF = Column("refund_ref", 35, "code", "refund number")
_PROCESSOR = Column("processor", 1, "code", "list processor: W, B, C")

_TICKET = (
    *_HEAD,
    _TICKET_NO,
    Column("sold_in", 1, "code", "channel that sold the order, list sales_channel"),
    Column("origin", 1, "code", "S sold, C by change, D by change of destination"),
    Column("replaces", 17, "code", "old ticket number, of a change"),
    Column("ticket_type", 1, "code", "list ticket_type"),
    Column("document_type", 1, "code", "list document_type"),
    Column("document_no", 24, "code", "document number"),
    Column("name", 40, "text", "passenger"),
    Column("mobile", 15, "code", "mobile number"),
    Column("train_no", 12, "code", "internal train number"),
    Column("train_code", 5, "code", "train as the passenger knows it"),
    Column("run_date", 4, "day", "day on which the train leaves its origin"),
    Column("from_station", 3, "code", "telecode"),
    Column("depart", 8, "moment", "departure there"),
    Column("to_station", 3, "code", "telecode"),
    Column("arrive", 8, "moment", "arrival there"),
    Column("seat", 7, "code", "class letter, coach (2), seat (4, zeros on the left; blank = standing)"),
    Column("fare", 11, "money", "fare, positive"),
    Column("surcharge", 11, "money", "agents' service fee"),
    _CONTROL_NO,
    _PICKUP,
    Column("limit", 8, "moment", "end of the hold (HD only)"),
    _RESERVE,
)

_TRAILER = (
    Column("units", 6, "digits", "ST: transactions, OT: shifts, FT: offices"),
    Column("records", 6, "digits", "transaction records below this level"),
    Column("amount", 13, "money", "sum of all money columns of these records"),
)

FILE_HEADER = Layout(
    "FH ",
    "文件头",
    (
        Column("kind", 1, "code", "S one shift, D a whole day, N a notice from the hub"),
        Column("version", 2, "digits", "01"),
        Column("business_date", 8, "date", "business date of the file"),
        _RESERVE,
    ),
)
OFFICE_HEADER = Layout("OH ", "车站头", (Column("office", 6, "code", "station office"), _RESERVE))
SHIFT_HEADER = Layout(
    "SH ",
    "班次头",
    (
        Column("window", 4, "code", "window"),
        Column("shift", 2, "code", "shift"),
        Column("clerk", 6, "code", "clerk"),
        Column("terminal", 6, "code", "terminal"),
        _RESERVE,
    ),
)
SHIFT_TRAILER = Layout("ST ", "班次尾", _TRAILER)
OFFICE_TRAILER = Layout("OT ", "车站尾", _TRAILER)
FILE_TRAILER = Layout("FT ", "文件尾", _TRAILER)
PART_END = Layout("PE ", "报文尾", (Column("records", 6, "digits", "transaction records of this message"),))

RECORDS = {
    layout.code: layout
    for layout in (
        Layout("SL0", "售票", _TICKET),
        Layout("HD0", "预留", _TICKET),
        Layout(
            "HX0",
            "预留终止",
            (*_HEAD, _TICKET_NO, Column("reason", 1, "code", "C cancelled, E expired"), _RESERVE),
        ),
        Layout(
            "CH1",
            "改签原票",
            (
                *_HEAD,
                _TICKET_NO,
                Column("new_ticket_no", 17, "code", "new ticket number"),
                Column("change_ref", 35, "code", "change number; the same on all records of one change"),
                Column("kind", 1, "code", "T other train, D other destination"),
                Column("fee", 11, "money", "fee of the change, on its first record; others zero"),
                Column("difference", 11, "money", "plus = to the passenger; on its first record"),
                _REFUND_REF,
                _RESERVE,
            ),
        ),
        Layout("CH2", "改签新票", _TICKET),
        Layout(
            "RF0",
            "退票",
            (*_HEAD, _TICKET_NO, _REFUND_REF, Column("fare", 11, "money", "fare of the ticket"), _RESERVE),
        ),
        Layout(
            "RB0",
            "退款",
            (
                *_HEAD,
                _PROCESSOR,
                _REFUND_REF,
                Column("gross", 11, "money", "fares given back"),
                Column("fee", 11, "money", "kept by the railway"),
                Column("net", 11, "money", "minus: money that leaves the till"),
                _RESERVE,
            ),
        ),
        Layout(
            "PY0",
            "收款",
            (
                *_HEAD,
                _PROCESSOR,
                Column("method", 1, "code", "list payment_method"),
                Column("payment_ref", 35, "code", "the processor's number"),
                Column("amount", 11, "money", "money that enters the till"),
                _RESERVE,
            ),
        ),
        Layout("VD0", "作废", (*_HEAD, _TICKET_NO, _RESERVE)),
        Layout("RP0", "补打", (*_HEAD, _TICKET_NO, _CONTROL_NO, _RESERVE)),
        Layout("PU0", "取票", (*_HEAD, _TICKET_NO, _CONTROL_NO, _PICKUP, _RESERVE)),
    )
}

HEADERS = (FILE_HEADER, OFFICE_HEADER, SHIFT_HEADER)
TRAILERS = (SHIFT_TRAILER, OFFICE_TRAILER, FILE_TRAILER, PART_END)


def tables() -> str:
    """The whole declaration as Markdown, for the README and whoever checks the format."""
    return "\n".join(_table(layout) for layout in (*HEADERS, *RECORDS.values(), *TRAILERS))


def _table(layout: Layout) -> str:
    rows = [
        f"| {first}-{last} | {column.name} | {column.width} | {column.kind} | {column.meaning} |"
        for column in layout.columns
        for first, last in (layout.spans[column.name],)
    ]
    head = (
        f"#### `{layout.code}` {layout.name_zh} ({layout.width} bytes)\n\n| bytes | column | width | kind | meaning |\n"
    )
    return head + "|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
