"""Stories of one order for the ledger's tests: what happened, who said so, and every way in which it may reach us."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from hub.ledger import Document, Statement, order_content
from hub.ledger import fold as fold_document
from hub.ledger.digest import digest
from hub.store.subject_keys import SubjectKey
from schemas.facts import (
    ChangeFact,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    RefundFact,
    Resolved,
    Retracted,
    Seat,
    SeatNotGranted,
    Stop,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
)
from schemas.facts import Document as IdentityDocument
from schemas.money import Money
from schemas.order import Order
from schemas.personal import convert_people, convert_sealed

ORDER_ID = UUID(int=7)
ORDER_NO = "EW00000001"
DAY = date(2026, 1, 11)
MORNING = datetime(2026, 1, 11, 1, 0, tzinfo=UTC)
WITNESSES = ("web", "app", "phone", "agents", "windows", "reconciliation")

Told = tuple[str, Statement]


def at(minute: int) -> datetime:
    """``minute`` minutes after nine in the morning, Beijing."""
    return MORNING + timedelta(minutes=minute)


def ticket_no(number: int, batch: int = 1) -> str:
    return f"{ORDER_NO}{batch}05{number:04d}"


def content(number: int, *, batch: int = 1, fare: int = 55300, seller: str = "web", seat: str = "") -> TicketContent:
    """Ticket ``number`` of the order: G11 from Beijing South to Shanghai Hongqiao, coach 05."""
    return TicketContent(
        ticket_no=ticket_no(number, batch),
        batch=batch,
        ticket_type="adult",
        passenger=Passenger(
            name="李未",
            document=IdentityDocument(type="passport", number=f"E9900000{number}"),
            type="adult",
            phone="+8619900000001",
        ),
        leg=Leg(
            train_no="240000G11100",
            train_code="G11",
            service_date=DAY,
            origin=Stop(station="VNP"),
            destination=Stop(station="AOH"),
        ),
        seat=Seat(seat_class="second", coach="05", number=seat or f"{number}A"),
        fare_gross=Money(amount=fare),
        origin="sale" if batch == 1 else "change",
        replaces=None if batch == 1 else ticket_no(number),
        point_of_sale=PointOfSale(channel=seller),
    )


def sealed(person: Passenger) -> Passenger:
    """A person as the ledger holds one: sealed under a key of his own, the same in every run."""
    whose = hashlib.sha256(f"{person.document.type}|{person.document.number}".encode()).digest()
    return convert_sealed(person, SubjectKey(whose[:16].hex(), whose).seal)


def told(witness: str, fact: Fact, stated_at: datetime | None = None, sequence: int = 0) -> Told:
    """A statement as it reaches the ledger: everything personal sealed."""
    statement = Statement(
        fact=convert_people(fact, sealed),
        stated_at=stated_at or fact.occurred_at,
        sequence=sequence,
        recorded_at=MORNING,
        message=f"{witness}/m",
    )
    return witness, statement


def joined(story: Sequence[Told]) -> Document:
    """The document after these statements, one by one in this order."""
    document = Document(order_id=ORDER_ID)
    for witness, statement in story:
        document, _ = document.join(witness, [statement])
    return document


def fold(story: Sequence[Told]) -> Order:
    return fold_document(joined(story))


def comparable(order: Order) -> str:
    """Everything of an order but its version (a count of arrivals) and ciphertexts, which differ between sealings."""
    people = tuple(
        person.model_copy(update={"document": _blind(person.document), "phone": (person.phone or "")[:50]})
        for person in order.passengers
    )
    return order.model_copy(update={"version": 0, "passengers": people}).model_dump_json()


def order_digest(order: Order) -> str:
    return digest([order_content(order)], [])


def _blind(document: IdentityDocument) -> IdentityDocument:
    return document.model_copy(update={"number": ":".join(document.number.split(":")[:3])})


# --- journeys that make sense ----------------------------------------------------------------------------------------


def sale(number: int, minute: int, seller: str, *, batch: int = 1, fare: int = 55300) -> list[Fact]:
    issued = TicketIssued(occurred_at=at(minute), ticket=content(number, batch=batch, fare=fare, seller=seller))
    return [issued, capture(f"42{batch}{number}", minute, fare)]


def capture(reference: str, minute: int, amount: int) -> PaymentFact:
    return PaymentFact(
        fact="payment.captured",
        processor="wechat",
        processor_ref=reference,
        method="wechat_pay",
        amount_gross=Money(amount=amount),
        occurred_at=at(minute),
    )


def step(name: str, number: int, when: datetime) -> TicketStep:
    return TicketStep.model_validate({"fact": name, "ticket_no": ticket_no(number), "occurred_at": when})


def refund(number: int, minute: int, *, batch: int = 1, fare: int = 55300, fee: int = 2750) -> list[Fact]:
    reference = f"R{batch}{number}"
    return [
        TicketRefunded(occurred_at=at(minute), ticket_no=ticket_no(number, batch), refund_ref=reference),
        RefundFact(
            fact="refund.requested",
            processor="wechat",
            refund_ref=reference,
            ticket_nos=(ticket_no(number, batch),),
            amount_gross=Money(amount=fare),
            fee=Money(amount=fee),
            amount_net=Money(amount=fare - fee),
            occurred_at=at(minute),
        ),
    ]


def change(number: int, minute: int, channel: str, old_fare: int, new_fare: int, fee: int) -> list[Fact]:
    """The contract's facts of an exchange of one ticket; the passenger pays or is paid what is left."""
    old, new = ticket_no(number), ticket_no(number, 2)
    difference = old_fare - new_fare
    facts: list[Fact] = [
        TicketChanged(occurred_at=at(minute), ticket_no=old, new_ticket_no=new),
        TicketIssued(occurred_at=at(minute), ticket=content(number, batch=2, fare=new_fare, seller=channel)),
        ChangeFact(
            fact="change.confirmed",
            change_ref=new,
            old_ticket_nos=(old,),
            new_ticket_nos=(new,),
            fee=Money(amount=fee),
            difference=Money(amount=difference),
            occurred_at=at(minute),
        ),
    ]
    left = difference - fee
    if left < 0:
        facts.append(capture(f"43{number}", minute, -left))
    elif left > 0:
        net = Money(amount=left)
        facts.append(
            RefundFact(
                fact="refund.requested",
                processor="wechat",
                refund_ref=f"C{number}",
                amount_gross=net,
                fee=Money(amount=0),
                amount_net=net,
                occurred_at=at(minute),
            )
        )
    return facts


fares = st.integers(1, 4000).map(lambda half_yuan: half_yuan * 50)


@st.composite
def journeys(draw: st.DrawFn) -> list[Told]:
    """Settled orders of one to three tickets that travel through channels: sold, changed, refunded, collected, used."""
    story: list[Told] = []
    seller = draw(st.sampled_from(WITNESSES[:5]))
    for number in range(1, draw(st.integers(1, 3)) + 1):
        fare = draw(fares)
        if draw(st.booleans()):
            held = TicketHeld(
                occurred_at=at(0), ticket=content(number, fare=fare, seller=seller), expires_at=at(0 + 30)
            )
            story.append(told(seller, held))
        story += [told(seller, fact) for fact in sale(number, 10, seller, fare=fare)]
        elsewhere = draw(st.sampled_from(WITNESSES[:5]))
        match draw(st.sampled_from(["keep", "change", "refund", "change and refund", "travel"])):
            case "change":
                facts = change(number, 40, elsewhere, fare, draw(fares), draw(st.sampled_from([0, 200])))
            case "refund":
                facts = refund(number, 50, fare=fare, fee=min(fare, 200))
            case "change and refund":
                new = draw(fares)
                facts = change(number, 40, elsewhere, fare, new, 0)
                facts += refund(number, 60, batch=2, fare=new, fee=min(new, 200))
            case "travel":
                names = ("ticket.checked_in", "ticket.entered", "ticket.exited")
                facts = [step(name, number, at(100 + place)) for place, name in enumerate(names)]
            case _:
                facts = []
        story += [told(elsewhere, fact) for fact in facts]
    return story


# --- anything at all -------------------------------------------------------------------------------------------------

numbers = st.integers(1, 2)
minutes = st.integers(0, 5)
references = st.sampled_from(["A1", "A2"])
amounts = st.integers(0, 4).map(lambda yuan: Money(amount=yuan * 100))
_STEPS = (
    "ticket.hold_expired",
    "ticket.hold_cancelled",
    "ticket.checked_in",
    "ticket.entered",
    "ticket.exited",
    "ticket.voided",
    "ticket.released",
    "ticket.resigned_on_board",
)


@st.composite
def any_fact(draw: st.DrawFn) -> Fact:
    """A fact about one of two tickets, two payments, two refunds: few names, so that they meet and clash."""
    when, number = at(draw(minutes)), draw(numbers)
    ticket = content(
        number,
        fare=draw(st.sampled_from([100, 200])),
        seller=draw(st.sampled_from(WITNESSES[:2])),
        seat=draw(st.sampled_from(["1A", "2B"])),
    )
    number_of = ticket_no(number)
    gross, fee = draw(st.sampled_from([200, 300])), draw(st.sampled_from([0, 100]))
    match draw(st.integers(0, 9)):
        case 0:
            return TicketHeld(occurred_at=when, ticket=ticket, expires_at=when + timedelta(minutes=2))
        case 1 | 2:
            return TicketIssued(occurred_at=when, ticket=ticket)
        case 3:
            return step(draw(st.sampled_from(_STEPS)), number, when)
        case 4:
            return TicketChanged(occurred_at=when, ticket_no=number_of, new_ticket_no=ticket_no(number, 2))
        case 5:
            return TicketRefunded(occurred_at=when, ticket_no=number_of, refund_ref=draw(references))
        case 6:
            captured = draw(st.sampled_from(["payment.captured", "payment.failed", "payment.charged_back"]))
            return capture(draw(references), 0, 100).model_copy(
                update={"fact": captured, "amount_gross": draw(amounts), "occurred_at": when}
            )
        case 7:
            return RefundFact(
                fact=draw(st.sampled_from(["refund.requested", "refund.settled", "refund.failed"])),
                processor="bank",
                refund_ref=draw(references),
                amount_gross=Money(amount=gross),
                fee=Money(amount=fee),
                amount_net=Money(amount=gross - fee),
                occurred_at=when,
            )
        case 8:
            return draw(_notes(when, number_of))
        case _:
            return ChangeFact(
                fact=draw(st.sampled_from(["change.quoted", "change.confirmed", "change.settled"])),
                change_ref=draw(references),
                old_ticket_nos=(number_of,),
                new_ticket_nos=(ticket_no(number, 2),),
                fee=draw(amounts),
                difference=draw(amounts),
                occurred_at=when,
            )


def _notes(when: datetime, number_of: str) -> st.SearchStrategy[Fact]:
    """Paper, a seat not granted, retractions, retractions of retractions, resolutions."""
    issued = f"ticket.issued|{number_of}"
    return st.sampled_from(
        [
            TicketPrinted(occurred_at=when, ticket_no=number_of, control_no="C1"),
            SeatNotGranted(occurred_at=when, ticket_no=number_of),
            Retracted(occurred_at=when, retracts=issued, reason="sold by mistake"),
            Retracted(occurred_at=when, retracts=f"retracted|{issued}", reason="it was sold after all"),
            Resolved(occurred_at=when, dispute=f"amount_differs|{issued}", resolution="as sold", by="a clerk"),
        ]
    )


@st.composite
def any_story(draw: st.DrawFn) -> list[Told]:
    """Statements of several witnesses about the same few things, contradicting each other and themselves.

    Some are said again later: 553, then 500, then 553 is where an order of arrival could slip in.
    """
    facts = draw(st.lists(any_fact(), min_size=1, max_size=6))
    again = draw(st.lists(st.sampled_from(facts), max_size=5))
    witnesses = WITNESSES[: draw(st.integers(1, 3))]
    return [
        told(draw(st.sampled_from(witnesses)), fact, at(draw(minutes)), draw(st.integers(0, 1)))
        for fact in (*facts, *again)
    ]
