"""Windows: everything the suite asks, and what only files of fixed width with control totals can get wrong."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest

from adapters.kit.columns import punch, unpunch
from adapters.kit.conformance.fuzz import mutated
from adapters.kit.folding import event_of, order_of
from adapters.windows import adapter
from adapters.windows.conformance import Conformance
from adapters.windows.layout import RECORDS, tables
from hub.ledger.fold import fold_observations
from hub.ports import Formatted, Part
from schemas.codes import code_list
from schemas.facts import TicketIssued
from schemas.observation import Observation, Rejection
from schemas.problems import catalogue
from simulators.book import Act, Book
from simulators.channels.windows import Level, codec, windows_file
from tests.adapters.acts import DAY, NOON, Story, change_cheaper, order, pay, refund_part, sale_family, sale_one
from tests.adapters.channel import ChannelConformance

DESK = {"office": "VNP01", "window": "07", "shift": "2", "clerk": "0415", "terminal": "T07"}


class TestWindows(Conformance, ChannelConformance, channel="windows"):
    """Windows tell whole shifts; a transaction is a message."""

    def message(self, act: Act) -> bytes:
        return parts(shift([codec.encode(act, "").body]))[0].raw


def shift(transactions: list[bytes], business_date: date = DAY, broken: Level | None = None) -> bytes:
    desk = {(DESK["window"], DESK["shift"], DESK["clerk"], DESK["terminal"]): transactions}
    return windows_file("S", business_date, {DESK["office"]: desk}, broken)


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
    assert answer.expected == "6638.50"
    assert "is 6639.50, the records below it are 6638.50" in answer.detail
    assert unpunch(answer.found) == 663950


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


def test_a_damaged_file_is_split_or_refused_never_an_exception() -> None:
    chance, whole = random.Random(20260111), shift(day())
    outcomes = set()
    for _ in range(150):
        answer = adapter.split(mutated(whole, chance))
        outcomes.add(type(answer))
        if isinstance(answer, Rejection):
            assert answer.pointer.startswith("line ")
            assert answer.code in catalogue()
        else:
            assert all(isinstance(adapter.parse(part.raw), Observation | Rejection) for part in answer)
    assert outcomes == {list, Rejection}


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


def test_the_window_system_and_the_adapter_agree_on_berths_standing_and_what_was_given_up() -> None:
    """Two readings of one README: the system's book, its extract, the adapter, a notice, the system's book again."""
    made = order("windows", 302, 5)
    voided, released, lower, standing, upper = made.tickets
    voided.state, released.state = "voided", "released"
    voided.state_at = released.state_at = NOON + timedelta(hours=1)
    lower.seat_class = upper.seat_class = "hard_sleeper"
    (lower.seat_no, lower.berth), (upper.seat_no, upper.berth) = ("13", "lower"), ("13", "upper")
    standing.seat_no, standing.origin = "", "waitlist"
    answer = adapter.parse(parts(codec.extract([made], DAY).body)[0].raw)
    assert isinstance(answer, Observation)
    seats = {f.ticket.ticket_no: f.ticket.seat for f in answer.facts if isinstance(f, TicketIssued)}
    assert (seats[lower.ticket_no].berth, seats[upper.ticket_no].berth) == ("lower", "upper")
    assert (seats[standing.ticket_no].standing, seats[standing.ticket_no].number) == (True, None)
    told = order_of(answer)
    formatted = adapter.format(event_of(answer, told, adapter.profile), told)
    assert formatted is not None
    book = Book()
    codec.absorb(formatted.body, book)
    again = book.get(made.order_no)
    assert again is not None
    known = {t.ticket_no: (t.state, t.coach, t.seat_no, t.berth, t.origin) for t in made.tickets}
    assert {t.ticket_no: (t.state, t.coach, t.seat_no, t.berth, t.origin) for t in again.tickets} == known


def test_the_ledger_folds_every_sample_and_a_notice_of_it_contradicts_nobody() -> None:
    """With the ledger's own fold, not the kit's small one: order, notice, and the notice read as another's word."""
    for name, _, seen in TestWindows().observations():
        told = [("windows", seen)]
        made = fold_observations(UUID(int=1), told)
        assert made.disputes == (), name
        formatted = adapter.format(event_of(seen, made, adapter.profile), made)
        assert formatted is not None, name
        echo = adapter.parse(formatted.body)
        assert isinstance(echo, Observation), f"{name}: {echo}"
        again = fold_observations(UUID(int=1), [*told, ("phone", echo)])
        assert again.disputes == (), name
        assert (again.balance, again.paid_gross, again.refunded_net) == (
            made.balance,
            made.paid_gross,
            made.refunded_net,
        ), name
        assert [(t.ticket_no, t.state, t.control_no) for t in again.tickets] == [
            (t.ticket_no, t.state, t.control_no) for t in made.tickets
        ], name


def test_a_story_of_split_money_and_an_override_is_one_order() -> None:
    """Paid half in cash and half by card, given back over both, without a fee for a reason."""
    sold, back = (TestNotices().sample(name) for name in ("sale-paid-half-in-cash", "refund-over-two-payments"))
    made = fold_observations(UUID(int=1), [("windows", sold), ("windows", back)])
    assert [(p.method, p.amount_gross.amount) for p in made.payments] == [("bank_card", 35300), ("cash", 20000)]
    assert {(r.payment_ref, r.part_of, r.amount_net.amount) for r in made.refunds} == {
        ("TILL070109000213", None, 17230),
        ("BC20260109EC00000213", "RF0000021301", 35300),
    }
    assert (made.refunded_net.amount, made.refund, made.tickets[0].state) == (
        52530,
        "owed",
        "refunded",
    )  # not yet settled
    override = fold_observations(UUID(int=1), [("windows", TestNotices().sample("refund-with-override"))]).refunds[0]
    assert override.override is not None
    assert (override.override.reason, override.override.staff, override.fee.amount) == ("medical", "0001", 0)


class TestNotices:
    """What the hub writes to windows, beyond the round trips of the suite."""

    def told(self, name: str, origin: str = "web", **changes: object) -> tuple[Formatted, list[bytes]]:
        """The notice about the order of a sample, with other values in it; its records."""
        answer = self.sample(name)
        made = order_of(answer).model_copy(update=changes)
        event = event_of(answer, made, adapter.profile).model_copy(update={"origin": origin})
        formatted = adapter.format(event, made)
        assert formatted is not None
        return formatted, formatted.body.split(b"\r\n")

    def test_the_hubs_own_act_is_no_windows_act(self) -> None:
        _, lines = self.told("sale", origin="hub")
        assert {line[17:18] for line in lines if line[:3].decode() in RECORDS} == {b"H"}

    def test_a_channel_that_windows_do_not_know_is_a_loss(self) -> None:
        formatted, lines = self.told("sale", origin="gates")
        assert lines[3][17:18] == b"?"
        assert [(loss.pointer, loss.native) for loss in formatted.losses] == [("/channel", "gates")]
        again = adapter.parse(formatted.body)
        assert isinstance(again, Observation)
        assert (again.point_of_sale.channel, again.losses[0].reason) == ("unknown", "unknown_code")

    def test_a_number_that_does_not_fit_is_not_cut(self) -> None:
        """A payment number of 36 characters, cut to 35, would be another payment."""
        payment = order_of(self.sample("sale")).payments[0]
        long = payment.model_copy(update={"processor_ref": "4" * 36})
        formatted, lines = self.told("sale", payments=(long,))
        assert [line[:3] for line in lines[3:]] == [b"SL0", b"PE ", b""]
        assert [(loss.pointer, loss.native) for loss in formatted.losses] == [("/payments/0/payment_ref", "4" * 36)]

    def test_a_time_of_another_year_is_not_written(self) -> None:
        """Paid again in November for a sale of January: a reader would put the sale's 0109 into the next year."""
        later = NOON.replace(year=2026, month=11, day=9)
        payment = order_of(self.sample("sale")).payments[0].model_copy(update={"captured_at": later})
        formatted, lines = self.told("sale", updated_at=later, payments=(payment,))
        assert [line[:3] for line in lines[3:]] == [b"PY0", b"PE ", b""]
        lost = {(loss.pointer, loss.reason) for loss in formatted.losses}
        assert ("/tickets/0/at", "not_expressible") in lost

    def test_a_desk_that_does_not_fit_its_headers_is_a_loss(self) -> None:
        desk = order_of(self.sample("sale")).point_of_sale
        assert desk is not None
        formatted, lines = self.told("sale", point_of_sale=desk.model_copy(update={"office": "VNP0001"}))
        assert [line[:3] for line in lines[:2]] == [b"FH ", b"SL0"]
        assert "/point_of_sale" in {loss.pointer for loss in formatted.losses}

    def sample(self, name: str) -> Observation:
        answer = adapter.parse((TestWindows.samples / f"{name}.native.txt").read_bytes())
        assert isinstance(answer, Observation)
        return answer


def test_forty_golden_pairs_and_every_record_code_among_them() -> None:
    natives = [raw for _, raw in TestWindows().natives()]
    assert len(natives) >= 40
    codes = {line[:3].decode("ascii", "replace") for raw in natives for line in raw.split(b"\r\n")}
    assert set(RECORDS) <= codes


@pytest.mark.parametrize(
    "name",
    [
        "seat_class",
        "berth",
        "document_type",
        "ticket_type",
        "payment_method",
        "processor",
        "sales_channel",
    ],
)
def test_every_code_of_a_list_is_in_a_sample(name: str) -> None:
    """17 seat classes, 3 berths, 5 documents, 4 ticket types, 4 methods, all sellers: none only believed."""
    said = {str(value) for _, _, seen in TestWindows().observations() for value in _values(seen.model_dump())}
    codes = {row["code"] for row in code_list(name).rows if row["windows"]}
    assert codes - said == set()


def _values(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _values(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _values(item)
    else:
        yield value
