"""One transaction of a window (or one notice) -> the facts it implies. The lines are declared in ``layout``."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from adapters.kit import built
from adapters.kit.columns import Layout, Line, cut
from adapters.kit.decoding import check_size
from adapters.kit.refusing import Losses, never_raises, refusal
from adapters.kit.snapshot import Snapshot, references
from adapters.kit.times import local_date
from adapters.windows.layout import (
    FILE_HEADER,
    FILE_TRAILER,
    OFFICE_HEADER,
    PART_END,
    RECORDS,
    RESERVE,
    SHIFT_HEADER,
)
from adapters.windows.notice import HUB
from adapters.windows.profile import PROFILE
from adapters.windows.records import collect
from adapters.windows.story import Story
from adapters.windows.tickets import CHANNELS
from schemas.facts import Fact, InvoiceFact, PaymentFact, PointOfSale, RefundFact
from schemas.identifiers import order_no
from schemas.observation import Loss, Observation, ReferenceClaim

_HEADERS = {layout.code.encode(): layout for layout in (OFFICE_HEADER, SHIFT_HEADER)}
_DESK_WORD = re.compile(r"[0-9A-Za-z]+")
_RUNNING = re.compile(r"[0-9]{6}")
_KINDS = {"S": "S", "D": "D", "N": "N"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the headers above a transaction say; ``name`` is office-window-shift-date in a window's own file."""

    business_date: date
    kind: str
    edition: int
    name: str | None
    window_itself: PointOfSale
    losses: tuple[Loss, ...]


@never_raises
def parse(raw: bytes) -> Observation:
    """Headers, the records of one transaction, and the closing ``PE`` line, as ``split`` and the hub write them."""
    check_size(raw, PROFILE.max_message_bytes)
    losses = Losses()
    desk, records = _cut_all(_lines(raw), losses)
    story = Story(_order_no(records), desk.window_itself)
    for record in records:
        collect(record, story)
    facts = story.facts()
    at = [record.moment("at") for record in records]
    latest = max(at)
    acted_in = _acted_in(records, at, desk.kind)
    running = _running(records)
    for record in records:
        record.finish()
    return built.observation(
        mode="tell",
        references=_references(story, facts, desk, running),
        occurred_at=latest,
        sequence=desk.edition,
        business_date=local_date(latest),
        point_of_sale=desk.window_itself if acted_in == "windows" else built.sold_in(acted_in),
        facts=facts,
        losses=losses.all(),
    )


def _lines(raw: bytes) -> list[bytes]:
    if not raw.startswith(FILE_HEADER.code.encode()):
        expected = "a file header: FH"
        raise refusal("message_malformed", "line 1, columns 1-3", "no file header", expected=expected, found=raw[:3])
    lines = raw.rstrip(b" \r\n").split(b"\r\n")
    last, place = lines[-1][:3], f"line {len(lines)}, columns 1-3"
    if last == FILE_TRAILER.code.encode():
        detail = "this is a whole file: drop it as a file, its transactions become messages there"
        raise refusal("message_malformed", place, detail, expected="PE", found=last.decode())
    if last != PART_END.code.encode():
        raise refusal("message_truncated", place, "the message does not end with its PE line", expected="PE")
    return lines


def _cut_all(lines: list[bytes], losses: Losses) -> tuple[Desk, list[Line]]:
    """The headers as a desk, the transaction records as cut lines; the closing count must fit."""
    above = 1
    while above < len(lines) and lines[above][:3] in _HEADERS:
        above += 1
    desk = desk_of(tuple(lines[:above]))
    for loss in desk.losses:
        losses.add(loss.pointer, loss.reason, loss.native, loss.note)
    records = []
    for number, line in enumerate(lines[above:-1], above + 1):
        layout = _layout(line[:3].decode("ascii", "replace"), number)
        records.append(cut(layout, line, number, losses, system="windows", near=desk.business_date))
    end = cut(PART_END, lines[-1], len(lines), losses, system="windows")
    if end.integer("records", low=1, high=999_999) != len(records):
        raise end.refuse("records", "message_truncated", "records are missing", expected=str(len(records)))
    return desk, records


@lru_cache(maxsize=1024)
def desk_of(lines: tuple[bytes, ...]) -> Desk:
    """The headers of a message. Remembered: all transactions of a shift stand below the same ones."""
    losses = Losses()
    header = cut(FILE_HEADER, lines[0], 1, losses, system="windows")
    kind = header.choice("kind", _KINDS)
    header.choice("version", {"01": 1})
    business_date, edition = header.date("business_date"), header.integer("edition", high=99, default=0)
    header.finish()
    words: dict[str, str | None] = {}
    for number, line in enumerate(lines[1:], 2):
        words |= desk_words(cut(_HEADERS[line[:3]], line, number, losses, system="windows"))
    whole = {"office", "window"} <= words.keys()
    if kind != "N" and not whole:
        place, detail = "line 2, columns 1-3", "a transaction stands below its office and shift"
        raise refusal("message_malformed", place, detail, expected="OH, SH")
    name = None
    if kind == "S":
        name = f"{words['office']}-{words['window']}-{words['shift']}-{business_date:%Y%m%d}"
    return Desk(business_date, kind, edition, name, PointOfSale(channel="windows", **words), losses.all())


def desk_words(row: Line) -> dict[str, str | None]:
    """The columns of an office or shift header: letters and digits only, because message ids are made of them."""
    words: dict[str, str | None] = {}
    for column in row.layout.columns:
        if column.name == RESERVE:
            continue
        if column.optional and not row.has(column.name):
            words[column.name] = row.optional(column.name)
        else:
            words[column.name] = row.matching(column.name, _DESK_WORD, "letters and digits", example="07")
    row.finish()
    return words


def _layout(code: str, number: int) -> Layout:
    if code not in RECORDS:
        place, expected = f"line {number}, columns 1-3", ", ".join(RECORDS)
        raise refusal("unknown_code", place, "no such record", expected=expected, found=code, example="SL0")
    return RECORDS[code]


def _order_no(records: list[Line]) -> str:
    number = records[0].identifier("order_no", order_no.validate, example="EC12345678")
    _same(records, "order_no", "one transaction is about one order")
    return number


def _running(records: list[Line]) -> str:
    """The number holds the records of a transaction together; of what it is, the file's intake makes the id."""
    number = records[0].matching("running", _RUNNING, "six digits", example="000024")
    _same(records, "running", "the records of one transaction have one running number")
    return number


def _same(records: list[Line], name: str, detail: str) -> None:
    first = records[0].fields.get(name)
    for record in records[1:]:
        if record.take(name) != first:
            raise record.refuse(name, "message_malformed", detail, expected=str(first))


def _acted_in(records: list[Line], at: list[datetime], kind: str) -> str:
    """The channel of the latest act: a message names one. In a window's own file all records are of one."""
    said = [_actor(record, kind) for record in records]
    acted_in = max(zip(at, range(len(at)), said, strict=True))[2]
    for record, channel in zip(records, said, strict=True):
        if channel != acted_in:
            if kind == "S":
                raise record.refuse("acted_in", "message_malformed", "a transaction is done by one channel")
            record.lost("acted_in", "less_precise", "the message names the channel of its latest act only")
    return acted_in


def _actor(record: Line, kind: str) -> str:
    if kind != "N":
        return record.code("acted_in", CHANNELS)
    if record.text("acted_in") == HUB:
        return "hub"
    return record.code_or_unknown("acted_in", CHANNELS)


def _references(story: Story, facts: tuple[Fact, ...], desk: Desk, running: str) -> tuple[ReferenceClaim, ...]:
    own = []
    if desk.name is not None:
        own.append(built.reference_claim(system="windows", kind="order", value=f"{desk.name}-{running}"))
    own += [
        ReferenceClaim(system="phone", kind="pickup", value=code)
        for code in dict.fromkeys(story.pickup_codes)
        if code != story.order
    ]
    own += [
        ReferenceClaim(system="windows", kind="invoice", value=number)
        for number in dict.fromkeys(fact.invoice_no for fact in facts if isinstance(fact, InvoiceFact))
    ]
    money = Snapshot(
        tickets=(),
        payments=tuple(fact for fact in facts if isinstance(fact, PaymentFact)),
        refunds=tuple(fact for fact in facts if isinstance(fact, RefundFact)),
    )
    return references(story.order, money, *own)
