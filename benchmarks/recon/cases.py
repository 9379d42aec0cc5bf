"""What is seeded into a day: one row of the table per difference, and per thing that only looks like one.

An order is made of *things* (its ticket, payment, refund ...). Everybody knows all things of an order, with the same
values, unless its case has an edit: a side lacks a thing, has it twice, or says something else. What a case must lead
to stands beside it. The table is the benchmark's specification; SQL is made from it, and so is the README's list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciliation.kinds import BreakKind

Side = Literal["hub", "agents", "wechat"]
Thing = Literal["ticket", "payment", "refund", "second_ticket", "second_payment", "stray_refund"]

SIDES: tuple[Side, ...] = ("hub", "agents", "wechat")
CHANNEL, PROCESSOR, SEATS = "hub-agents", "hub-wechat", "seats"
DEFINITIONS = (CHANNEL, PROCESSOR, SEATS)
SALE: tuple[Thing, ...] = ("ticket", "payment")


@dataclass(frozen=True, slots=True)
class Edit:
    """What one side has differently: ``lacks`` the thing, has it ``twice``, or ``says`` other values (column -> SQL
    over the row's true columns)."""

    side: Side
    thing: Thing
    lacks: bool = False
    twice: bool = False
    says: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expect:
    """One break, or one row that must be ``pending``, by the thing's key. ``money``: SQL for what is at stake;
    ``on_eve``: expected of the day before."""

    definition: str
    kind: BreakKind
    thing: Thing
    state: Literal["break", "pending"] = "break"
    on_eve: bool = False
    money: str = "coalesce(amount, 0)"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of order. ``shape``: words that ``world`` gives a meaning (see there). ``native``: whether the native
    files can say it, else the order is an undisturbed one there. Without ``expects`` it is noise: no break may come."""

    name: str
    title: str
    expects: tuple[Expect, ...] = ()
    edits: tuple[Edit, ...] = ()
    things: tuple[Thing, ...] = SALE
    shape: frozenset[str] = frozenset()
    native: bool = True


def _lacks(side: Side, *things: Thing) -> tuple[Edit, ...]:
    return tuple(Edit(side, thing, lacks=True) for thing in things)


def _says(side: Side, thing: Thing, **columns: str) -> Edit:
    return Edit(side, thing, says=columns)


def _shape(*words: str) -> frozenset[str]:
    return frozenset(words)


REFUNDED: tuple[Thing, ...] = ("ticket", "payment", "refund")
_STILL_ISSUED = {"state": "'issued'"}
_500 = "amount + 500"

_CHANNEL_CASES = (
    Case(
        "sale_lost",
        "the channel sold and the processor was paid; the hub was never told",
        (Expect(CHANNEL, "MISSING_IN_HUB", "ticket"), Expect(PROCESSOR, "MISSING_IN_HUB", "payment")),
        _lacks("hub", "ticket", "payment"),
    ),
    Case(
        "sale_unknown_to_channel",
        "the hub has a paid sale that the channel's day does not hold",
        (Expect(CHANNEL, "MISSING_IN_CHANNEL", "ticket"),),
        _lacks("agents", "ticket", "payment"),
    ),
    Case(
        "payment_unknown_to_channel",
        "both have the ticket; only the payment is not in the channel's day",
        (Expect(CHANNEL, "MISSING_IN_CHANNEL", "payment"),),
        _lacks("agents", "payment"),
    ),
    Case(
        "payment_lost",
        "both have the ticket; the hub was not told of the payment, which channel and processor have",
        (Expect(CHANNEL, "MISSING_IN_HUB", "payment"), Expect(PROCESSOR, "MISSING_IN_HUB", "payment")),
        _lacks("hub", "payment"),
    ),
    Case(
        "sale_never_told",
        "the hub knows the ticket from an act on it only: no fare, no seat",
        (Expect(CHANNEL, "MISSING_IN_HUB", "ticket"),),
        (_says("hub", "ticket", amount="NULL", seat="NULL", train_run="NULL"),),
    ),
    Case(
        "fare_differs",
        "the channel's fare is 5.00 yuan higher",
        (Expect(CHANNEL, "AMOUNT", "ticket", money="500"),),
        (_says("agents", "ticket", amount=_500),),
    ),
    Case(
        "payment_differs_in_channel",
        "the channel says 5.00 yuan more were paid; hub and processor agree",
        (Expect(CHANNEL, "AMOUNT", "payment", money="500"),),
        (_says("agents", "payment", amount=_500),),
    ),
    Case(
        "fare_and_payment_differ",
        "one cause, one break: the payment's difference stands under the fare's",
        (Expect(CHANNEL, "AMOUNT", "ticket", money="500"),),
        (_says("agents", "ticket", amount=_500), _says("agents", "payment", amount=_500)),
    ),
    Case(
        "refund_lost",
        "the channel refunded, the processor paid it out; the hub still has a valid ticket",
        (Expect(CHANNEL, "STATUS", "ticket"), Expect(PROCESSOR, "MISSING_IN_HUB", "refund")),
        (_says("hub", "ticket", **_STILL_ISSUED), *_lacks("hub", "refund")),
        things=REFUNDED,
    ),
    Case(
        "refund_ignored",
        "the hub refunded and the processor paid out; the channel still has a valid ticket",
        (Expect(CHANNEL, "STATUS", "ticket"),),
        (_says("agents", "ticket", **_STILL_ISSUED), *_lacks("agents", "refund")),
        things=REFUNDED,
    ),
    Case(
        "exchange_lost",
        "the channel exchanged the ticket for another of the same fare; the hub was not told",
        (Expect(CHANNEL, "STATUS", "ticket"),),
        (_says("agents", "ticket", state="'changed'"), *_lacks("hub", "second_ticket")),
        things=("ticket", "second_ticket", "payment"),
    ),
    Case(
        "seat_differs",
        "the channel says another seat for the same ticket number",
        (Expect(CHANNEL, "SEAT", "ticket"),),
        (_says("agents", "ticket", seat="'14' || substr(seat, instr(seat, '-'))"),),
    ),
    Case(
        "person_differs",
        "the ticket is made out to another document",
        (Expect(CHANNEL, "IDENTITY", "ticket"),),
        (_says("agents", "ticket", person="{other_person}"),),
    ),
    Case(
        "currency_differs_in_channel",
        "the same number in another currency",
        (Expect(CHANNEL, "CURRENCY", "ticket"),),
        (_says("agents", "ticket", currency="'HKD'"),),
        native=False,
    ),
    Case(
        "refund_fee_differs",
        "the channel kept 2.00 yuan more of the fare for itself",
        (Expect(CHANNEL, "FEE", "refund", money="200"),),
        (_says("agents", "refund", fee="fee + 200000"),),
        things=REFUNDED,
    ),
    Case(
        "row_twice_in_channel",
        "the channel's day holds the ticket's row twice",
        (Expect(CHANNEL, "DUPLICATE", "ticket"),),
        (Edit("agents", "ticket", twice=True),),
        native=False,
    ),
    Case(
        "channel_a_day_late",
        "sold two minutes before midnight, in the channel's next day",
        (
            Expect(CHANNEL, "TIMING", "ticket"),
            Expect(CHANNEL, "TIMING", "payment"),
            Expect(CHANNEL, "MISSING_IN_CHANNEL", "ticket", "pending", on_eve=True),
            Expect(CHANNEL, "MISSING_IN_CHANNEL", "payment", "pending", on_eve=True),
        ),
        shape=_shape("eve", "late_in_agents"),
    ),
)

_PROCESSOR_CASES = (
    Case(
        "ticket_not_paid",
        "hub and channel say it was paid; the processor's bill has no such payment",
        (Expect(PROCESSOR, "TICKET_NO_PAYMENT", "payment"),),
        _lacks("wechat", "payment"),
    ),
    Case(
        "refund_not_paid_out",
        "hub and channel say it was refunded; the bill has no such refund",
        (Expect(PROCESSOR, "MISSING_IN_CHANNEL", "refund"),),
        _lacks("wechat", "refund"),
        things=REFUNDED,
    ),
    Case(
        "lapsed_payment_not_in_bill",
        "a payment for a hold that ran out, which the bill does not have",
        (Expect(PROCESSOR, "MISSING_IN_CHANNEL", "payment"),),
        _lacks("wechat", "payment"),
        shape=_shape("lapsed"),
    ),
    Case(
        "paid_after_hold",
        "the hold ran out; the processor has a payment that nobody else knows",
        (Expect(PROCESSOR, "PAID_NO_TICKET", "payment"),),
        (*_lacks("hub", "payment"), *_lacks("agents", "payment")),
        shape=_shape("lapsed"),
    ),
    Case(
        "paid_twice",
        "the processor has a second payment of the same order",
        (Expect(PROCESSOR, "DOUBLE_PAYMENT", "second_payment"),),
        (*_lacks("hub", "second_payment"), *_lacks("agents", "second_payment")),
        things=("ticket", "payment", "second_payment"),
    ),
    Case(
        "refund_nobody_asked",
        "the processor refunded; nobody of ours ordered it",
        (Expect(PROCESSOR, "ORPHAN_REFUND", "stray_refund"),),
        (*_lacks("hub", "stray_refund"), *_lacks("agents", "stray_refund")),
        things=("ticket", "payment", "stray_refund"),
    ),
    Case(
        "payment_of_unknown_order",
        "the processor has a payment for an order that neither hub nor channel knows",
        (Expect(PROCESSOR, "MISSING_IN_HUB", "payment"),),
        (*_lacks("hub", "ticket", "payment"), *_lacks("agents", "ticket", "payment")),
    ),
    Case(
        "payment_only_at_processor",
        "a valid ticket whose payment only the processor knows",
        (Expect(PROCESSOR, "MISSING_IN_HUB", "payment"),),
        (*_lacks("hub", "payment"), *_lacks("agents", "payment")),
    ),
    Case(
        "bill_amount_differs",
        "the bill says 5.00 yuan more; its fee fits its own amount",
        (Expect(PROCESSOR, "AMOUNT", "payment", money="500"),),
        (_says("wechat", "payment", amount=_500, fee="fee + 3000"),),
    ),
    Case(
        "bill_currency_differs",
        "the same number in another currency",
        (Expect(PROCESSOR, "CURRENCY", "payment"),),
        (_says("wechat", "payment", currency="'HKD'"),),
    ),
    Case(
        "bill_row_twice",
        "the bill holds the payment's row twice",
        (Expect(PROCESSOR, "DUPLICATE", "payment"),),
        (Edit("wechat", "payment", twice=True),),
    ),
    Case(
        "bill_fee_differs",
        "the processor kept 5.00 yuan more than its rate",
        (Expect(PROCESSOR, "FEE", "payment", money="500"),),
        (_says("wechat", "payment", fee="fee + 500000"),),
    ),
    Case(
        "bill_a_day_late",
        "paid two minutes before midnight, in the processor's next day",
        (
            Expect(PROCESSOR, "TIMING", "payment"),
            Expect(PROCESSOR, "MISSING_IN_CHANNEL", "payment", "pending", on_eve=True),
        ),
        shape=_shape("eve", "late_in_wechat"),
    ),
    Case(
        "bill_a_day_early",
        "paid half a minute after midnight by the hub's clock, just before it by the processor's",
        (
            Expect(PROCESSOR, "TIMING", "payment"),
            Expect(PROCESSOR, "MISSING_IN_HUB", "payment", "pending", on_eve=True),
        ),
        shape=_shape("early_in_wechat"),
    ),
)

_SEAT_CASES = (
    Case(
        "seat_sold_twice",
        "two valid tickets for one seat on the same stretch; the other one is the order that follows",
        (Expect(SEATS, "DOUBLE_SOLD_SEAT", "ticket", money="greatest(amount, {next_fare})"),),
        shape=_shape("takes_next_seat"),
    ),
    Case("seat_sold_twice_other", "the other of the two", shape=_shape("single")),
)

_NOISE = (
    Case(
        "seat_sold_again",
        "a refunded ticket's seat was sold again (the refunded one is the order that follows)",
        shape=_shape("takes_next_seat"),
    ),
    Case("seat_given_back", "the refunded one of the two", things=REFUNDED),
    Case(
        "edge_of_the_day",
        "sold at 23:57, not yet in the channel's day: pending",
        (
            Expect(CHANNEL, "MISSING_IN_CHANNEL", "ticket", "pending"),
            Expect(CHANNEL, "MISSING_IN_CHANNEL", "payment", "pending"),
        ),
        _lacks("agents", "ticket", "payment"),
        shape=_shape("edge"),
    ),
    Case(
        "edge_of_the_bill",
        "paid at 23:57, not yet in the bill: pending",
        (Expect(PROCESSOR, "MISSING_IN_CHANNEL", "payment", "pending"),),
        _lacks("wechat", "payment"),
        shape=_shape("edge"),
    ),
    Case(
        "accepted_fare",
        "the channel's fare is 0.50 yuan higher, and exactly this was accepted before",
        edits=(_says("agents", "ticket", amount="amount + 50"),),
        shape=_shape("accepted"),
    ),
    Case(
        "minutes_apart",
        "the bill dates the payment four minutes later",
        edits=(_says("wechat", "payment", at='"at" + 240000000'),),
    ),
    Case(
        "same_amount_twice",
        "an order of two tickets with two payments of the same amount, known to all",
        things=("ticket", "second_ticket", "payment", "second_payment"),
        shape=_shape("two_payments"),
    ),
    Case(
        "sold_elsewhere",
        "sold on the web: none of the channel's business",
        edits=_lacks("agents", "ticket", "payment"),
        shape=_shape("web"),
    ),
    Case(
        "sold_elsewhere_touched_here",
        "sold on the web, refunded later; the channel acted on it and still has it as issued: not its keeper",
        edits=(_says("agents", "ticket", **_STILL_ISSUED), *_lacks("agents", "refund")),
        things=REFUNDED,
        shape=_shape("web", "touched"),
    ),
    Case("unpaid_hold", "a hold that ran out, never paid", things=("ticket",), shape=_shape("lapsed")),
    Case(
        "hub_says_more",
        "the hub knows the fee of a refund, the channel says none",
        edits=(_says("agents", "refund", fee="NULL"),),
        things=REFUNDED,
        native=False,
    ),
)

CASES: tuple[Case, ...] = (*_CHANNEL_CASES, *_PROCESSOR_CASES, *_SEAT_CASES, *_NOISE)
"""In an order of N cases, every ``1 / rate`` orders, the n-th is of case n; the others are undisturbed."""
