"""Double entry: every money fact posts balanced lines. Corrected by adding, never by editing.

Accounts (debit positive):

    channel_clearing:<channel>       what passengers of that channel owe; zero for a settled order
    processor_clearing:<processor>   captured there, not yet on our bank account
    sales, fees                      income, credit balances
    refunds_payable                  promised to passengers, not yet paid out
    suspense                         what an incomplete order cannot name yet; accepted differences

    ticket.issued      channel_clearing  + fare + surcharges    sales - fare, fees - surcharges
    payment.captured   processor_clearing + amount              channel_clearing - amount
    change.confirmed   sales + old fares, channel_clearing + fee   channel_clearing - old fares, fees - fee
    ticket.refunded    sales + fare                             channel_clearing - fare
    ticket.voided      sales + fare, fees + surcharges          channel_clearing - fare - surcharges
    refund.requested   channel_clearing + gross                 fees - fee, refunds_payable - net
    refund.settled     refunds_payable + net                    processor_clearing - net
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hub.ledger.reading import Reading
from schemas.facts import Adjusted, ChangeFact, PaymentFact, RefundFact, TicketIssued, TicketRefunded, TicketStep
from schemas.money import Money, money


class Posting(NamedTuple):
    """One line: account, signed amount (debit positive) and the fact that posted it."""

    account: str
    amount: Money
    identity: str


Lines = list[tuple[str, int]]


class _Books:
    """What a posting rule may look up: fares of issued tickets and the account of the selling channel."""

    def __init__(self, readings: Sequence[Reading], channel: str | None) -> None:
        self.clearing = f"channel_clearing:{channel}" if channel else "suspense"
        self.fares = {
            r.fact.ticket.ticket_no: r.fact.ticket.fare_gross.amount
            for r in readings
            if isinstance(r.fact, TicketIssued)
        }
        self.surcharges = {
            r.fact.ticket.ticket_no: sum(s.amount_gross.amount for s in r.fact.ticket.surcharges)
            for r in readings
            if isinstance(r.fact, TicketIssued) and r.fact.ticket.surcharges
        }


def _issued(fact: TicketIssued, books: _Books) -> Lines:
    fare = fact.ticket.fare_gross.amount
    extra = sum(s.amount_gross.amount for s in fact.ticket.surcharges)
    return [(books.clearing, fare + extra), ("sales", -fare), ("fees", -extra)]


def _captured(fact: PaymentFact, books: _Books) -> Lines:
    if fact.fact not in {"payment.captured", "payment.charged_back"}:
        return []
    sign = 1 if fact.fact == "payment.captured" else -1
    amount = sign * fact.amount_gross.amount
    return [(f"processor_clearing:{fact.processor}", amount), (books.clearing, -amount)]


def _changed(fact: ChangeFact, books: _Books) -> Lines:
    if fact.fact != "change.confirmed":
        return []
    old_fares = sum(books.fares.get(no, 0) for no in fact.new_ticket_nos) + fact.difference.amount
    fee = fact.fee.amount
    return [("sales", old_fares), (books.clearing, fee - old_fares), ("fees", -fee)]


def _ticket_refunded(fact: TicketRefunded, books: _Books) -> Lines:
    fare = books.fares.get(fact.ticket_no, 0)
    return [("sales", fare), (books.clearing, -fare)]


def _step(fact: TicketStep, books: _Books) -> Lines:
    """A void ticket was never sold: its whole sale is taken back. Other steps move no money."""
    if fact.fact != "ticket.voided":
        return []
    fare, extra = books.fares.get(fact.ticket_no, 0), books.surcharges.get(fact.ticket_no, 0)
    return [("sales", fare), ("fees", extra), (books.clearing, -fare - extra)]


def _refund(fact: RefundFact, books: _Books) -> Lines:
    if fact.fact == "refund.requested":
        return [
            (books.clearing, fact.amount_gross.amount),
            ("fees", -fact.fee.amount),
            ("refunds_payable", -fact.amount_net.amount),
        ]
    if fact.fact == "refund.settled":
        net = fact.amount_net.amount
        return [("refunds_payable", net), (f"processor_clearing:{fact.processor}", -net)]
    return []


def _adjusted(fact: Adjusted, books: _Books) -> Lines:
    return [("suspense", fact.amount.amount), (books.clearing, -fact.amount.amount)] if fact.amount.amount else []


_RULES: dict[type, Callable[..., Lines]] = {
    TicketIssued: _issued,
    PaymentFact: _captured,
    ChangeFact: _changed,
    TicketRefunded: _ticket_refunded,
    TicketStep: _step,
    RefundFact: _refund,
    Adjusted: _adjusted,
}


def postings(readings: Sequence[Reading], channel: str | None) -> list[Posting]:
    """All lines of an order's facts. Their sum is zero, fact by fact; ``ValueError`` names a fact that is not."""
    books = _Books(readings, channel)
    result: list[Posting] = []
    given_back: set[str] = set()
    for reading in readings:
        rule = _RULES.get(type(reading.fact))
        if rule is None:
            continue
        if isinstance(reading.fact, TicketRefunded) or reading.fact.fact == "ticket.voided":
            # A ticket refunded twice is a dispute; its fare is taken back once.
            if reading.fact.ticket_no in given_back:
                continue
            given_back.add(reading.fact.ticket_no)
        lines = [(account, amount) for account, amount in rule(reading.fact, books) if amount]
        if sum(amount for _, amount in lines):
            raise ValueError(f"{reading.identity} does not balance: {lines}")
        result.extend(Posting(account, money(amount), reading.identity) for account, amount in lines)
    return result


def difference(before: Sequence[Posting], after: Sequence[Posting]) -> list[Posting]:
    """What must be posted now, given what is posted already: new lines, and mirror images of lines that fell away."""
    balance: dict[tuple[str, str, str], int] = {}
    for sign, lines in ((-1, before), (1, after)):
        for line in lines:
            key = (line.identity, line.account, line.amount.currency)
            balance[key] = balance.get(key, 0) + sign * line.amount.amount
    return [
        Posting(account, money(amount, currency), identity)
        for (identity, account, currency), amount in sorted(balance.items())
        if amount
    ]
