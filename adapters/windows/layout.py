"""The records of a window's file, declared as columns (``adapters.kit.columns`` reads and writes by it). Nothing else
says it.

The format grows without breaking old files: a column is only ever taken out of a reserve, where old files have
blanks, and a new thing gets a record of its own.
"""

from adapters.kit.columns import Column, Layout

RESERVE = "reserve"


def _reserve(width: int = 8) -> Column:
    return Column(RESERVE, width, "text", "blank; what stands here is reported as a loss", optional=True)


_HEAD = (
    Column("running", 6, "digits", "running number of the transaction in its shift"),
    Column("at", 8, "moment", "when it happened"),
    Column("acted_in", 1, "code", "channel that did it, list sales_channel (C = window)"),
    Column("order_no", 10, "code", "rail order number"),
)
_TICKET_NO = Column("ticket_no", 17, "code", "ticket number: order number, batch (1), coach (2), seat (4)")
_PICKUP = Column("pickup_code", 12, "code", "pickup code of a phone reservation", optional=True)
_PROCESSOR = Column("processor", 1, "code", "list processor")
_REFUND_REF = Column("refund_ref", 35, "code", "refund number")
_MONEY_BACK = (
    Column("gross", 11, "money", "fares given back"),
    Column("fee", 11, "money", "kept by the railway"),
    Column("net", 11, "money", "minus: money that leaves the till"),
)


def _control_no(optional: bool = True) -> Column:
    return Column("control_no", 8, "code", "number of the printed paper; blank without paper", optional=optional)


_TICKET = (
    *_HEAD,
    _TICKET_NO,
    Column("sold_in", 1, "code", "channel that sold the order, list sales_channel"),
    Column("origin", 1, "code", "S sold, C by change, D by change of destination, W from the waitlist"),
    Column("replaces", 17, "code", "old ticket number, of a change", optional=True),
    Column("ticket_type", 1, "code", "list ticket_type"),
    Column("document_type", 1, "code", "list document_type"),
    Column("document_no", 24, "code", "document number"),
    Column("name", 40, "text", "passenger"),
    Column("mobile", 15, "code", "mobile number: 11 digits, or + and country code", optional=True),
    Column("train_no", 12, "code", "internal train number", optional=True),
    Column("train_code", 5, "code", "train as the passenger knows it"),
    Column("run_date", 4, "day", "day on which the train leaves its origin"),
    Column("from_station", 3, "code", "telecode"),
    Column("depart", 8, "moment", "departure there"),
    Column("to_station", 3, "code", "telecode"),
    Column("arrive", 8, "moment", "arrival there"),
    Column("seat", 7, "code", "class letter, coach (2, 00 = none), seat (4, zeros on the left; blank = standing)"),
    Column("fare", 11, "money", "fare, positive"),
    Column("surcharge", 11, "money", "agents' service fee", optional=True),
    _control_no(),
    _PICKUP,
    Column("limit", 8, "moment", "end of the hold (HD only)", optional=True),
    Column("berth", 1, "code", "L lower, M middle, U upper; blank: no berth", optional=True),
    _reserve(7),
)

_STEP = (*_HEAD, _TICKET_NO, _reserve())

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
        Column("edition", 2, "digits", "00 or blank: first writing; a corrected shift counts up", optional=True),
        _reserve(6),
    ),
)
OFFICE_HEADER = Layout("OH ", "车站头", (Column("office", 6, "code", "station office"), _reserve()))
SHIFT_HEADER = Layout(
    "SH ",
    "班次头",
    (
        Column("window", 4, "code", "window"),
        Column("shift", 2, "code", "shift"),
        Column("clerk", 6, "code", "clerk", optional=True),
        Column("terminal", 6, "code", "terminal", optional=True),
        _reserve(),
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
            (*_HEAD, _TICKET_NO, Column("reason", 1, "code", "C cancelled, E expired"), _reserve()),
        ),
        Layout(
            "CH1",
            "改签原票",
            (
                *_HEAD,
                _TICKET_NO,
                Column("new_ticket_no", 17, "code", "new ticket number", optional=True),
                Column("change_ref", 35, "code", "change number; the same on all records of one change", optional=True),
                Column("kind", 1, "code", "T other train, D other destination"),
                Column("fee", 11, "money", "fee of the change, on its first record; others zero", optional=True),
                Column("difference", 11, "money", "plus = to the passenger; on its first record", optional=True),
                Column("refund_ref", 35, "code", "number of the repayment, when money goes back", optional=True),
                _reserve(),
            ),
        ),
        Layout("CH2", "改签新票", _TICKET),
        Layout(
            "RF0",
            "退票",
            (
                *_HEAD,
                _TICKET_NO,
                Column("refund_ref", 35, "code", "refund number; the leading one of a split repayment", optional=True),
                Column("fare", 11, "money", "fare of the ticket; all of a refund number are its gross", optional=True),
                _reserve(),
            ),
        ),
        Layout("RB0", "退款", (*_HEAD, _PROCESSOR, _REFUND_REF, *_MONEY_BACK, _reserve())),
        Layout(
            "RB1",
            "原路分退",
            (
                *_HEAD,
                _PROCESSOR,
                _REFUND_REF,
                Column("payment_ref", 35, "code", "the payment that it goes back over", optional=True),
                Column("part_of", 35, "code", "leading refund number, on the others of a split", optional=True),
                *_MONEY_BACK,
                _reserve(),
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
                _reserve(),
            ),
        ),
        Layout("VD0", "作废", _STEP),
        Layout("RL0", "放座", _STEP),
        Layout("RP0", "补打", (*_HEAD, _TICKET_NO, _control_no(optional=False), _reserve())),
        Layout(
            "PU0",
            "取票",
            (*_HEAD, _TICKET_NO, _control_no(), Column("pickup_code", 12, "code", "pickup code"), _reserve()),
        ),
        Layout(
            "OV0",
            "特批",
            (
                *_HEAD,
                Column("about", 1, "code", "what was decided: R a refund, C a change, V a void"),
                Column("ref", 35, "code", "its refund number, change number or ticket number"),
                Column("reason", 2, "code", "list override_reason"),
                Column("staff", 12, "code", "who decided"),
                Column("note", 60, "text", "remark", optional=True),
                _reserve(),
            ),
        ),
        Layout(
            "IV0",
            "发票",
            (
                *_HEAD,
                Column("kind", 1, "code", "I issued, R reversed"),
                Column("invoice_no", 35, "code", "invoice number; one record per ticket"),
                Column("ticket_no", 17, "code", "ticket number", optional=True),
                Column("amount", 11, "money", "of the invoice, on its first record; others zero", optional=True),
                _reserve(),
            ),
        ),
    )
}

HEADERS = (FILE_HEADER, OFFICE_HEADER, SHIFT_HEADER)
TRAILERS = (SHIFT_TRAILER, OFFICE_TRAILER, FILE_TRAILER, PART_END)


def tables() -> str:
    """The whole declaration as Markdown, for the README and whoever checks the format; one table per shape."""
    shapes: dict[tuple[Column, ...], list[Layout]] = {}
    for layout in (*HEADERS, *RECORDS.values(), *TRAILERS):
        shapes.setdefault(layout.columns, []).append(layout)
    return "\n".join(_table(layouts) for layouts in shapes.values())


def _table(layouts: list[Layout]) -> str:
    names = ", ".join(f"`{layout.code}` {layout.name_zh}" for layout in layouts)
    rows = []
    for column in layouts[0].columns:
        first, last = layouts[0].spans[column.name]
        must = "" if column.optional else "must"
        rows.append(f"| {first}-{last} | {column.name} | {column.width} | {column.kind} | {must} | {column.meaning} |")
    head = f"#### {names} ({layouts[0].width} bytes)\n\n| bytes | column | width | form | blank? | meaning |\n"
    return head + "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
