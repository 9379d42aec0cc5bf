"""What the kit says for every channel: the leading refund, berths, and that whatever has no word is a loss."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

import adapters.web
from adapters.app import adapter as app
from adapters.kit.berths import apart, four, words
from adapters.kit.folding import event_of, order_of
from adapters.kit.refusing import Losses
from adapters.kit.telling import Words, requested, unsaid, whole_tickets
from adapters.web import adapter as web
from hub.ports import Adapter
from schemas.facts import Override, Seat, TicketRefunded
from schemas.observation import Observation
from schemas.order import Order, Pickup

SAMPLES = Path(str(adapters.web.__file__)).parent / "samples"


def observed(name: str) -> Observation:
    """A sample of the web as it is read."""
    answer = web.parse((SAMPLES / f"{name}.native.json").read_bytes())
    assert isinstance(answer, Observation)
    return answer


def pointers(losses: Losses) -> set[str]:
    return {loss.pointer for loss in losses.all()}


@pytest.mark.parametrize(
    ("characters", "number", "berth", "text"),
    [
        ("0051", "5", "lower", "05号下铺"),
        ("0122", "12", "middle", "12号中铺"),
        ("0203", "20", "upper", "20号上铺"),
    ],
)
def test_a_berth_is_a_number_and_a_digit(characters: str, number: str, berth: str, text: str) -> None:
    seat = Seat.model_validate({"seat_class": "hard_sleeper", "coach": "12", "number": number, "berth": berth})
    assert apart(characters) == (number, berth)
    assert four(seat) == characters
    assert words(seat) == text


def test_two_berths_of_one_number_are_two_places() -> None:
    """05号下铺 and 05号中铺 in one coach: both channels tell them apart, both ways"""
    order = order_of(observed("sale-berths-of-a-slow-sleeper"))
    for adapter in (web, app):
        formatted = adapter.format(event_of(observed("sale-berths-of-a-slow-sleeper"), order, adapter.profile), order)
        assert formatted is not None
        answer = adapter.parse(formatted.body)
        assert isinstance(answer, Observation)
        places = [(t.seat.coach, t.seat.number, t.seat.berth) for t in order_of(answer).tickets if t.seat]
        assert ("12", "5", "lower") in places
        assert ("12", "5", "middle") in places


def test_a_ticket_is_refunded_by_the_leading_part() -> None:
    """a repayment over two payments: the ticket names the refund that is no part of another"""
    fact = next(f for f in observed("refund-over-two-payments").facts if isinstance(f, TicketRefunded))
    assert fact.refund_ref == "RF2026010900000220"


def test_a_ticket_is_refunded_when_it_was_asked_not_when_it_was_settled() -> None:
    seen = observed("snapshot-refund-settled")
    refunded = next(f for f in seen.facts if f.fact == "ticket.refunded")
    settled = next(f for f in seen.facts if f.fact == "refund.settled")
    assert settled.occurred_at - refunded.occurred_at == timedelta(hours=10)


def everything() -> Order:
    """An order with a waitlist, an invoice, a pick-up, overrides and other channels' own words."""
    order = order_of(observed("waitlist-realised"))
    invoiced = order_of(observed("invoice-reversed"))
    changed = order_of(observed("change-to-an-equal-train"))
    override = Override(reason="sales_staff_error", staff="0415")
    number = order.tickets[0].ticket_no
    return order.model_copy(
        update={
            "invoices": invoiced.invoices,
            "changes": tuple(c.model_copy(update={"override": override, "settled": True}) for c in changed.changes),
            "refunds": tuple(r.model_copy(update={"override": override}) for r in order.refunds),
            "pickups": (Pickup(pickup_ref="48213377", ticket_nos=(number,), collected_at=order.updated_at),),
            "dispute": "open",
            "extensions": {"windows.tray": "7"},
        }
    )


def test_what_a_channel_has_no_words_for_is_a_loss() -> None:
    """nothing about the order as a whole is left out in silence"""
    order, losses = everything(), Losses()
    whole_tickets(order, losses)
    unsaid(order, losses)
    assert pointers(losses) >= {
        "/dispute",
        "/waitlists/0",
        "/invoices/0",
        "/invoices/1",
        "/pickups/0",
        "/refunds/0/override",
        "/changes/0/override",
        "/extensions/windows.tray",
        "/tickets/0/origin",
    }


def test_what_a_channel_has_words_for_is_none() -> None:
    order, losses = everything(), Losses()
    said: Words = frozenset({"waitlists", "invoices", "pickups", "override"})
    whole_tickets(order, losses, words=said)
    unsaid(order, losses, said, frozenset({"windows.tray"}))
    assert pointers(losses) == {"/dispute"}


def test_an_external_refund_is_not_told_as_asked_for() -> None:
    """a channel without the word is not told that somebody requested it"""
    order, losses = order_of(observed("refund-nobody-asked-for")), Losses()
    assert requested(order, losses) == []
    assert pointers(losses) == {"/refunds/0"}
    assert len(requested(order, Losses(), frozenset({"external"}))) == 1


@pytest.mark.parametrize("adapter", [web, app], ids=["web", "app"])
def test_a_waitlist_is_told_before_there_is_an_order_number(adapter: Adapter) -> None:
    """no ticket, no number: the waitlist's own number is the anchor, for its money too"""
    seen = observed("waitlist-asked-and-prepaid")
    order = order_of(seen)
    formatted = adapter.format(event_of(seen, order, adapter.profile), order)
    assert formatted is not None
    assert "HB2026010900000232" in formatted.body.decode()
    answer = adapter.parse(formatted.body)
    assert isinstance(answer, Observation)
    assert (answer.references[0].system, answer.references[0].kind) == ("rail", "waitlist")
    assert {f.fact for f in answer.facts} == {"waitlist.requested", "payment.captured"}


@pytest.mark.parametrize("wrong", ["seat_name", "sequence_no", "batch_no"])
def test_what_repeats_a_part_of_a_ticket_must_repeat_it_rightly(wrong: str) -> None:
    message = json.loads((SAMPLES / "sale-one-ticket.native.json").read_bytes())
    message["OrderDTODataList"][0]["tickets"][0][wrong] = {"seat_name": "13A号", "batch_no": "3"}.get(
        wrong, "EW00000999"
    )
    answer = web.parse(json.dumps(message).encode())
    assert not isinstance(answer, Observation)
    assert answer.pointer.startswith("/OrderDTODataList/0/tickets/0/")
