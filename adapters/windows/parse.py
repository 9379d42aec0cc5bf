"""One transaction of a window (or one notice) -> the facts it implies. The lines are declared in ``layout``."""

from dataclasses import dataclass
from datetime import date, datetime

from adapters.kit.reading import Losses, check_size, never_raises, refusal
from adapters.kit.snapshot import Snapshot, references
from adapters.kit.times import local_date
from adapters.windows.columns import Line, cut
from adapters.windows.layout import FILE_HEADER, FILE_TRAILER, OFFICE_HEADER, PART_END, RECORDS, SHIFT_HEADER, Layout
from adapters.windows.profile import PROFILE
from adapters.windows.records import CHANNELS, Story, collect
from schemas.facts import Fact, PaymentFact, PointOfSale, RefundFact
from schemas.identifiers import order_no
from schemas.observation import Observation, ReferenceClaim

_HEADERS = {layout.code: layout for layout in (OFFICE_HEADER, SHIFT_HEADER)}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the headers above a transaction say."""

    business_date: date
    kind: str
    office: str | None = None
    window: str | None = None
    shift: str | None = None
    clerk: str | None = None
    terminal: str | None = None

    def point_of_sale(self, channel: str) -> PointOfSale:
        """The acting channel; with the desk when it is a window."""
        if channel != "windows":
            return PointOfSale(channel=channel)
        return PointOfSale(
            channel=channel,
            office=self.office,
            window=self.window,
            shift=self.shift,
            clerk=self.clerk,
            terminal=self.terminal,
        )


@never_raises
def parse(raw: bytes) -> Observation:
    """Headers, the records of one transaction, and the closing ``PE`` line, as ``split`` and the hub write them."""
    check_size(raw, PROFILE.max_message_bytes)
    losses = Losses()
    lines = _lines(raw)
    desk, records = _cut_all(lines, losses)
    story = Story(order=_order_no(records))
    for record in records:
        collect(record, story, desk.business_date, desk.point_of_sale("windows"))
    facts = story.facts()
    latest = max(record.moment("at", desk.business_date) for record in records)
    acted_in = _acted_in(records, latest, desk.business_date)
    for record in records:
        record.repeated("running", "at", "acted_in", "order_no")
        record.finish()
    return Observation(
        mode="tell",
        references=_references(story, facts, desk, records),
        occurred_at=latest,
        business_date=local_date(latest),
        point_of_sale=desk.point_of_sale(acted_in),
        facts=facts,
        losses=losses.all(),
    )


def _lines(raw: bytes) -> list[bytes]:
    if not raw.startswith(FILE_HEADER.code.encode()):
        expected = "a file header: FH"
        raise refusal("message_malformed", "line 1, columns 1-3", "no file header", expected=expected, found=raw[:3])
    lines = raw.rstrip(b" \r\n").split(b"\r\n")
    last = lines[-1][:3]
    if last == FILE_TRAILER.code.encode():
        detail = "this is a whole file: drop it as a file, its transactions become messages there"
        raise refusal(
            "message_malformed", f"line {len(lines)}, columns 1-3", detail, expected="PE", found=last.decode()
        )
    if last != PART_END.code.encode():
        detail = "the message does not end with its PE line"
        raise refusal("message_truncated", f"line {len(lines)}, columns 1-3", detail, expected="PE")
    return lines


def _cut_all(lines: list[bytes], losses: Losses) -> tuple[Desk, list[Line]]:
    """The headers as a desk, the transaction records as cut lines; the closing count must fit."""
    header = cut(FILE_HEADER, lines[0], 1, losses)
    desk_fields: dict[str, str | None] = {}
    records: list[Line] = []
    for number, line in enumerate(lines[1:-1], 2):
        code = line[:3].decode("ascii", "replace")
        if code in _HEADERS and not records:
            row = cut(_HEADERS[code], line, number, losses)
            desk_fields |= {name: row.optional(name) for name in row.layout.spans if name != "reserve"}
            row.finish()
            continue
        records.append(cut(_layout(code, number), line, number, losses))
    end = cut(PART_END, lines[-1], len(lines), losses)
    if end.integer("records", low=1, high=999_999) != len(records):
        raise end.refuse("records", "message_truncated", "records are missing", expected=str(len(records)))
    kind = header.choice("kind", {"S": "S", "D": "D", "N": "N"})
    header.choice("version", {"01": 1})
    business_date = _date(header)
    header.finish()
    return Desk(business_date, kind, **desk_fields), records


def _layout(code: str, number: int) -> Layout:
    if code not in RECORDS:
        raise refusal(
            "unknown_code",
            f"line {number}, columns 1-3",
            "no such record",
            expected=", ".join(RECORDS),
            found=code,
            example="SL0",
        )
    return RECORDS[code]


def _date(header: Line) -> date:
    text = header.text("business_date", example="20260109")
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError as error:
        raise header.refuse(
            "business_date", "time_invalid", "no such date", expected="YYYYMMDD", example="20260109"
        ) from error


def _order_no(records: list[Line]) -> str:
    number = records[0].identifier("order_no", order_no.validate, example="EC12345678")
    for record in records[1:]:
        if record.identifier("order_no", order_no.validate) != number:
            detail = "one transaction is about one order"
            raise record.refuse("order_no", "message_malformed", detail, expected=number)
    return number


def _acted_in(records: list[Line], latest: datetime, near: date) -> str:
    """The channel of the latest act; every record's code must be known."""
    codes = {record.moment("at", near): record.code("acted_in", CHANNELS) for record in records}
    return codes[latest]


def _references(story: Story, facts: tuple[Fact, ...], desk: Desk, records: list[Line]) -> tuple[ReferenceClaim, ...]:
    own = []
    if desk.kind == "S" and desk.office:
        number = f"{desk.office}-{desk.window}-{desk.shift}-{desk.business_date:%Y%m%d}-{records[0].text('running')}"
        own.append(ReferenceClaim(system="windows", kind="order", value=number))
    own += [
        ReferenceClaim(system="phone", kind="pickup", value=code)
        for code in dict.fromkeys(story.pickup_codes)
        if code != story.order
    ]
    money = Snapshot(
        tickets=(),
        payments=tuple(fact for fact in facts if isinstance(fact, PaymentFact)),
        refunds=tuple(fact for fact in facts if isinstance(fact, RefundFact)),
    )
    return references(story.order, money, *own)
