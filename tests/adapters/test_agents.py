"""Agents: everything the suite asks, and what only two code tables, doubles and polling can get wrong."""

import json
from decimal import Decimal

import httpx
import pytest
import respx

from adapters.agents import adapter
from adapters.agents.wire import ORDER_STATUS, TICKET_STATUS
from adapters.kit.transport import ChannelFault
from schemas.facts import TicketIssued
from schemas.observation import Observation, Rejection
from simulators.channels.agents import codec
from tests.adapters.acts import sale_family, sale_one
from tests.adapters.channel import ChannelConformance

ENDPOINT = "http://127.0.0.1:9"


class TestAgents(ChannelConformance, channel="agents"):
    """Agents push successes; everything else is polled."""


def message() -> dict[str, object]:
    content = json.loads(codec.encode(sale_family("agents").acts[-1], "m-1").body)
    assert isinstance(content, dict)
    return content


def changed(**ticket: object) -> bytes:
    """The sale with other values in its first ticket."""
    content = message()
    tickets = content["tickets"]
    assert isinstance(tickets, list)
    tickets[0] |= ticket
    return json.dumps(content, ensure_ascii=False).encode()


@pytest.mark.parametrize(("price", "fen"), [("553.0", 55300), ("553", 55300), ("5.53e2", 55300), ("0.5", 50)])
def test_doubles_are_read_exactly(price: str, fen: int) -> None:
    answer = adapter.parse(changed(price="@").replace(b'"@"', price.encode()))
    assert isinstance(answer, Observation)
    assert next(f.ticket.fare_gross.amount for f in answer.facts if isinstance(f, TicketIssued)) == fen


@pytest.mark.parametrize(
    "price", ["-553.0", "553.005", "0.30000000000000004", "552.9999999999999", "1e400", "NaN", '"many"', "null", "true"]
)
def test_amounts_that_cannot_be_are_refused(price: str) -> None:
    answer = adapter.parse(changed(price="@").replace(b'"@"', price.encode()))
    assert isinstance(answer, Rejection)
    assert answer.code in {"amount_invalid", "message_malformed"}


@pytest.mark.parametrize(
    ("ticket", "code", "pointer"),
    [
        ({"ticketStatus": 9999}, "unknown_code", "/tickets/0/ticketStatus"),
        ({"departDate": "2026-02-30"}, "time_invalid", "/tickets/0/departDate"),
        ({"departTime": "25:00"}, "time_invalid", "/tickets/0/departTime"),
        ({"arriveTime": "07:00"}, "time_invalid", "/tickets/0/arriveTime"),
        ({"seat": "05-12A"}, "message_malformed", "/tickets/0/seat"),
        ({"ticketNo": "ED99999999105012A"}, "identifier_invalid", "/tickets/0/ticketNo"),
        ({"idNo": "990101199003070018"}, "identifier_invalid", "/tickets/0/idNo"),
        ({"toStation": "无此站"}, "unknown_code", "/tickets/0/toStation"),
    ],
)
def test_refusals_name_the_place(ticket: dict[str, object], code: str, pointer: str) -> None:
    answer = adapter.parse(changed(**ticket))
    assert isinstance(answer, Rejection)
    assert (answer.code, answer.pointer) == (code, pointer)


@pytest.mark.parametrize("status", sorted(TICKET_STATUS))
def test_every_ticket_code_says_something_and_nothing_under_way_is_done(status: str) -> None:
    answer = adapter.parse(
        changed(ticketStatus=int(status)).replace(
            b'"updateDate"', b'"payLimitDate":"2026-01-09","payLimitTime":"12:25:00","updateDate"'
        )
    )
    assert isinstance(answer, Observation), answer
    reasons = {loss.reason for loss in answer.losses if loss.pointer.startswith("/tickets/0")}
    meant = TICKET_STATUS[status]
    inferred = {"inferred"} if meant.state in {"changed", "refunded"} else set()
    assert reasons - {"not_expressible"} == ({"less_precise"} if meant.says_more else set()) | inferred


@pytest.mark.parametrize("status", sorted(ORDER_STATUS))
def test_every_order_code_is_known(status: str) -> None:
    content = message() | {"orderStatus": int(status)}
    assert isinstance(adapter.parse(json.dumps(content).encode()), Observation)


@respx.mock
def test_polling_pages_through_what_is_never_pushed() -> None:
    page = codec.page("w-2", [sale_one("agents").order, sale_family("agents").order])
    route = respx.get(f"{ENDPOINT}/changes").mock(return_value=httpx.Response(200, content=page.body))
    first, again = adapter.poll(ENDPOINT, "w-1"), adapter.poll(ENDPOINT, "w-1")
    assert route.calls[0].request.url.params["since"] == "w-1"
    assert first.watermark == "w-2"
    assert first == again
    assert [part.place for part in first.parts] == ["orders/0", "orders/1"]
    assert all(isinstance(adapter.parse(part.raw), Observation) for part in first.parts)


@respx.mock
def test_a_page_that_is_none_is_the_channels_fault() -> None:
    respx.get(f"{ENDPOINT}/changes").mock(return_value=httpx.Response(200, content=b"<html>"))
    with pytest.raises(ChannelFault) as caught:
        adapter.poll(ENDPOINT, None)
    assert (caught.value.fault.whose, caught.value.fault.retry) == ("channel", False)


def test_the_agents_fee_is_a_surcharge_and_no_fare() -> None:
    answer = adapter.parse(codec.encode(sale_one("agents").acts[-1], "m-1").body)
    assert isinstance(answer, Observation)
    ticket = next(f.ticket for f in answer.facts if isinstance(f, TicketIssued))
    assert ticket.fare_gross.amount == 55300
    assert [(s.kind, s.amount_gross.amount) for s in ticket.surcharges] == [("agent_service", 500)]
    assert Decimal(ticket.fare_gross.amount) == 55300


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    """0.1 + 0.2: every amount goes from its digits to fen, so a sum is the sum"""
    content = message()
    tickets = content["tickets"]
    assert isinstance(tickets, list)
    tickets[0] |= {"price": 0.1, "serviceFee": 0.2}
    answer = adapter.parse(json.dumps(content).encode())
    assert isinstance(answer, Observation)
    ticket = next(f.ticket for f in answer.facts if isinstance(f, TicketIssued))
    assert ticket.fare_gross.amount + ticket.surcharges[0].amount_gross.amount == 30


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"issueDate": None}, "/tickets/0/issueDate"),
        ({"issueTime": None}, "/tickets/0/issueTime"),
        ({"issueTime": "24:00:00"}, "/tickets/0/issueTime"),
        ({"issueDate": "2026-13-01"}, "/tickets/0/issueDate"),
        ({"issueDate": "2026-01-09 12:00:00"}, "/tickets/0/issueDate"),
    ],
)
def test_half_a_moment_is_none(fields: dict[str, object], pointer: str) -> None:
    answer = adapter.parse(changed(**fields))
    assert isinstance(answer, Rejection)
    assert answer.pointer == pointer


@pytest.mark.parametrize(
    ("depart", "days", "arrive"), [("23:58", 1, "00:26"), ("00:00", 0, "00:01"), ("23:59", 2, "23:58")]
)
def test_midnight_is_in_the_days_and_not_in_the_times(depart: str, days: int, arrive: str) -> None:
    raw = changed(departDate="2026-12-31", departTime=depart, arriveDays=days, arriveTime=arrive)
    answer = adapter.parse(raw)
    assert isinstance(answer, Observation)
    leg = next(f.ticket.leg for f in answer.facts if isinstance(f, TicketIssued))
    assert leg.origin.at is not None
    assert leg.destination.at is not None
    assert (leg.destination.at.date() - leg.origin.at.date()).days == days
    assert leg.origin.at.strftime("%Y-%m-%d %H:%M") == f"2026-12-31 {depart}"


@pytest.mark.parametrize(
    ("order", "ticket", "believed"),
    [
        (3101, 3202, False),
        (3202, 3202, True),
        (3202, 3706, True),
        (3400, 3802, True),
        (3600, 3800, True),
        (3801, 3202, False),
    ],
)
def test_the_order_code_repeats_the_tickets_or_is_a_loss(order: int, ticket: int, believed: bool) -> None:
    content = message() | {"orderStatus": order}
    tickets = content["tickets"]
    assert isinstance(tickets, list)
    for row in tickets:
        row["ticketStatus"] = ticket
    answer = adapter.parse(json.dumps(content).encode())
    assert isinstance(answer, Observation)
    assert ("/orderStatus" in {loss.pointer for loss in answer.losses}) != believed


def test_every_code_has_its_words_in_both_languages() -> None:
    for table in (ORDER_STATUS, TICKET_STATUS):
        assert all(row.zh and row.en for row in table.values())
    assert set(TICKET_STATUS) == {
        str(n) for n in (*range(3100, 3103), *range(3201, 3204), *range(3700, 3707), *range(3800, 3803))
    }


@pytest.mark.parametrize("depth", [100, *range(960, 1010)])
def test_whatever_its_depth_a_message_is_answered(depth: int) -> None:
    """the decoder bears a depth that showing it a few frames further down would not"""
    raw = json.dumps(message()).encode()[:-1] + b', "unheard": ' + b"[" * depth + b"]" * depth + b"}"
    assert isinstance(adapter.parse(raw), Observation | Rejection)
