"""Windows: everything the suite asks, and what only files of fixed width with control totals can get wrong."""

from datetime import date, timedelta

import pytest

from adapters.windows import adapter
from adapters.windows.columns import punch, unpunch
from adapters.windows.conformance import Conformance
from adapters.windows.layout import RECORDS, tables
from hub.ports import Part
from schemas.facts import TicketIssued
from schemas.observation import Observation, Rejection
from simulators.book import Act
from simulators.channels.windows import Level, codec, shift_file
from tests.adapters.acts import DAY, NOON, Story, change_cheaper, order, pay, refund_part, sale_family, sale_one
from tests.adapters.channel import ChannelConformance

DESK = {"office": "VNP01", "window": "07", "shift": "2", "clerk": "0415", "terminal": "T07"}


class TestWindows(Conformance, ChannelConformance, channel="windows"):
    """Windows tell whole shifts; a transaction is a message."""

    def message(self, act: Act) -> bytes:
        return parts(shift([codec.encode(act, "").body]))[0].raw


def shift(transactions: list[bytes], business_date: date = DAY, broken: Level | None = None) -> bytes:
    return shift_file(transactions, business_date=business_date, break_total=broken, **DESK)


def parts(raw: bytes) -> list[Part]:
    found = adapter.split(raw)
    assert not isinstance(found, Rejection), found
    return list(found)


def records(story: Story) -> list[bytes]:
    return [codec.encode(act, "").body for act in story.acts]


def day() -> list[bytes]:
    """Five transactions: a sale, a family, a change with its sale, and a refund's."""
    return [*records(sale_one("windows")), *records(sale_family("windows")), *records(change_cheaper("windows"))]


@pytest.mark.parametrize("level", ["shift", "office", "file"])
def test_a_wrong_control_total_refuses_the_whole_file_and_says_which(level: Level) -> None:
    answer = adapter.split(shift(day(), broken=level))
    assert isinstance(answer, Rejection)
    assert answer.code == "control_total_wrong"
    assert f"{level} trailer" in answer.detail
    assert answer.expected.endswith("fen")
    assert unpunch(answer.found) == int(answer.expected.removesuffix(" fen")) + 100


def test_a_lost_transaction_does_not_fit_the_counts() -> None:
    lines = shift(day()).split(b"\r\n")
    answer = adapter.split(b"\r\n".join(lines[:3] + lines[5:]))
    assert isinstance(answer, Rejection)
    assert (answer.code, "'records' of the shift trailer" in answer.detail) == ("control_total_wrong", True)


def test_a_file_without_its_trailer_is_truncated() -> None:
    lines = shift(day()).rstrip().split(b"\r\n")
    for end in range(1, len(lines)):
        answer = adapter.split(b"\r\n".join(lines[:end]))
        assert isinstance(answer, Rejection)
        assert answer.pointer


def test_a_whole_file_is_no_message() -> None:
    answer = adapter.parse(shift(day()))
    assert isinstance(answer, Rejection)
    assert (answer.code, answer.found) == ("message_malformed", "FT ")


def test_the_same_file_again_has_the_same_messages() -> None:
    raw = shift(day())
    assert parts(raw) == parts(raw)
    assert len({part.message_id for part in parts(raw)}) == 4
    assert all(part.message_id.startswith("VNP01-07-2-20260109-") for part in parts(raw))


@pytest.mark.parametrize("damage", [lambda line: line[:-20], lambda line: line[:3] + b"0000" + line[3:]])
def test_a_bad_row_is_refused_alone(damage: object) -> None:
    lines = shift(day()).split(b"\r\n")
    assert callable(damage)
    bad = next(i for i, line in enumerate(lines) if line.startswith(b"SL0"))
    lines[bad] = damage(lines[bad])
    answers = [adapter.parse(part.raw) for part in parts(b"\r\n".join(lines))]
    refused = [answer for answer in answers if isinstance(answer, Rejection)]
    assert refused
    assert refused[0].pointer.startswith("line ")
    assert sum(isinstance(answer, Observation) for answer in answers) >= 3


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("fare", b"0000005530}", "amount_invalid"),
        ("fare", b"00000055300", "amount_invalid"),
        ("depart", b"02300800", "time_invalid"),
        ("depart", b"01112400", "time_invalid"),
        ("run_date", b"1301", "time_invalid"),
        ("from_station", b"???", "unknown_code"),
        ("order_no", b"EC0000000X", "identifier_invalid"),
        ("ticket_no", b"EC99999999105012A", "identifier_invalid"),
        ("document_no", b"990101199003070018".ljust(24), "identifier_invalid"),
        ("name", b"\xff" * 40, "encoding_damaged"),
        ("seat", b"O05 12A", "message_malformed"),
    ],
)
def test_refusals_name_line_and_columns(name: str, value: bytes, code: str) -> None:
    raw = parts(shift(records(sale_one("windows"))))[0].raw
    first, last = RECORDS["SL0"].spans[name]
    lines = raw.split(b"\r\n")
    lines[3] = lines[3][: first - 1] + value + lines[3][last:]
    assert len(value) == last - first + 1
    answer = adapter.parse(b"\r\n".join(lines))
    assert isinstance(answer, Rejection)
    assert (answer.code, answer.pointer) == (code, f"line 4, columns {first}-{last}")


def test_a_name_is_cut_in_bytes_before_it_is_decoded() -> None:
    story = sale_one("windows")
    story.acts[0].order.tickets[0].name = "欧阳" * 20
    answer = adapter.parse(parts(shift(records(story)))[0].raw)
    assert isinstance(answer, Observation)
    names = [f.ticket.passenger.name for f in answer.facts if isinstance(f, TicketIssued)]
    assert names == ["欧阳" * 10]


def test_a_shift_over_new_year_finds_its_years() -> None:
    """Sold at 23:58 on 31 December for a train on 2 January, refunded at 00:20: the file says 2025-12-31."""
    at = NOON.replace(year=2025, month=12, day=31, hour=23, minute=58)
    made = order("windows", 301)
    made.booked_at = at
    made.tickets[0].issued_at = made.tickets[0].state_at = at
    made.tickets[0].service_date = date(2026, 1, 2)
    made.tickets[0].depart_at = at + timedelta(days=1, hours=10)
    made.tickets[0].arrive_at = at + timedelta(days=1, hours=15)
    pay(made, at + timedelta(minutes=22))
    story = Story("over New Year", made).act("sale", "windows", at)
    answer = adapter.parse(parts(shift(records(story), date(2025, 12, 31)))[0].raw)
    assert isinstance(answer, Observation)
    sold = next(f for f in answer.facts if isinstance(f, TicketIssued))
    assert (sold.occurred_at.year, sold.ticket.leg.service_date.year) == (2025, 2026)
    assert (answer.occurred_at.year, answer.business_date) == (2026, date(2026, 1, 1))


def test_an_act_of_another_channel_is_told_as_its_own_in_the_day_extract() -> None:
    made = refund_part("windows").order
    made.own_refs[f"acted_in:{made.refunds[0].refund_ref}"] = "phone"
    answer = adapter.parse(parts(codec.extract([made], DAY).body)[0].raw)
    assert isinstance(answer, Observation)
    assert answer.point_of_sale.channel == "phone"


@pytest.mark.parametrize("fen", [0, 5, 10, 55300, -1, -2500, 10**10])
def test_overpunch_and_back(fen: int) -> None:
    assert unpunch(punch(fen, 13)) == fen


def test_readme_shows_every_column_as_declared() -> None:
    """The table that a person from the railway checks is the declaration that the adapter reads by."""
    readme = (TestWindows.samples.parent / "README.md").read_text(encoding="utf-8")
    assert tables() in readme
