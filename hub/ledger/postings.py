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

Every line has the currency of its fact and balances in it; nothing is converted.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from hub.ledger.reading import Reading
from schemas.facts import (
    Adjusted,
    ChangeFact,
    PaymentFact,
    RefundFact,
    TicketContent,
    TicketIssued,
    TicketRefunded,
    TicketStep,
)
from schemas.money import Money, money

SUSPENSE = "suspense"


class Posting(NamedTuple):
    """One line: account, signed amount (debit positive), the fact that posted it, and when it counts from.

    ``at`` is on the channels' axis of time: the lines up to any moment are what the facts up to it post.
    """

    account: str
    amount: Money
    identity: str
    at: datetime


Line = tuple[str, int, str]
"""Account, signed amount in minor units, currency."""
Lines = list[Line]


def clearing(channel: str | None) -> str:
    """The account on which passengers of this channel owe; suspense while nobody has told of the sale."""
    return f"channel_clearing:{channel}" if channel else SUSPENSE


class Books:
    """What a posting rule may look up: what tickets were issued at, and the account of the selling channel."""

    def __init__(self, readings: Sequence[Reading], channel: str | None) -> None:
        self.clearing = clearing(channel)
        self.issued: dict[str, Reading] = {r.fact.ticket.ticket_no: r for r in readings if type(r.fact) is TicketIssued}

    def sold(self, ticket_no: str) -> TicketContent | None:
        """What was sold under this number; None while nobody has told of it."""
        reading = self.issued.get(ticket_no)
        return reading.fact.ticket if reading is not None and isinstance(reading.fact, TicketIssued) else None


def _fare(ticket: TicketContent, books: Books, sign: int = 1) -> Lines:
    amount, currency = sign * ticket.fare_gross.amount, ticket.fare_gross.currency
    return [(books.clearing, amount, currency), ("sales", -amount, currency)]


def _surcharges(ticket: TicketContent, books: Books, sign: int = 1) -> Lines:
    if not ticket.surcharges:
        return []
    amounts = [(sign * s.amount_gross.amount, s.amount_gross.currency) for s in ticket.surcharges]
    return [line for a, currency in amounts for line in ((books.clearing, a, currency), ("fees", -a, currency))]


def _issued(fact: TicketIssued, books: Books) -> Lines:
    return _fare(fact.ticket, books) + _surcharges(fact.ticket, books)


def _captured(fact: PaymentFact, books: Books) -> Lines:
    if fact.fact not in {"payment.captured", "payment.charged_back"}:
        return []
    sign = 1 if fact.fact == "payment.captured" else -1
    amount, currency = sign * fact.amount_gross.amount, fact.amount_gross.currency
    return [(f"processor_clearing:{fact.processor}", amount, currency), (books.clearing, -amount, currency)]


def _changed(fact: ChangeFact, books: Books) -> Lines:
    """What the old tickets had cost is what the new ones cost and the difference, in the currency of that."""
    if fact.fact != "change.confirmed":
        return []
    currency = fact.difference.currency
    new = [t.fare_gross for no in fact.new_ticket_nos if (t := books.sold(no)) and t.fare_gross.currency == currency]
    old_fares = fact.difference.amount + sum(fare.amount for fare in new)
    fee = fact.fee
    return [
        ("sales", old_fares, currency),
        (books.clearing, -old_fares, currency),
        (books.clearing, fee.amount, fee.currency),
        ("fees", -fee.amount, fee.currency),
    ]


def _ticket_refunded(fact: TicketRefunded, books: Books) -> Lines:
    """The fare is given back; a surcharge was for a service that was rendered."""
    ticket = books.sold(fact.ticket_no)
    return _fare(ticket, books, -1) if ticket else []


def _step(fact: TicketStep, books: Books) -> Lines:
    """A void ticket was never sold: its whole sale is taken back. Other steps move no money."""
    ticket = books.sold(fact.ticket_no) if fact.fact == "ticket.voided" else None
    return _fare(ticket, books, -1) + _surcharges(ticket, books, -1) if ticket else []


def _refund(fact: RefundFact, books: Books) -> Lines:
    net, currency = fact.amount_net.amount, fact.amount_net.currency
    if fact.fact == "refund.requested":
        return [
            (books.clearing, fact.amount_gross.amount, currency),
            ("fees", -fact.fee.amount, currency),
            ("refunds_payable", -net, currency),
        ]
    if fact.fact == "refund.settled":
        return [("refunds_payable", net, currency), (f"processor_clearing:{fact.processor}", -net, currency)]
    return []


def _adjusted(fact: Adjusted, books: Books) -> Lines:
    amount, currency = fact.amount.amount, fact.amount.currency
    return [(SUSPENSE, amount, currency), (books.clearing, -amount, currency)]


_RULES: dict[type, Callable[..., Lines]] = {
    TicketIssued: _issued,
    PaymentFact: _captured,
    ChangeFact: _changed,
    TicketRefunded: _ticket_refunded,
    TicketStep: _step,
    RefundFact: _refund,
    Adjusted: _adjusted,
}


def gives_back(reading: Reading) -> str | None:
    """The ticket whose fare this fact gives back. Given back twice it is a dispute; its fare is taken back once."""
    fact = reading.fact
    if type(fact) is TicketRefunded or (type(fact) is TicketStep and fact.fact == "ticket.voided"):
        return fact.ticket_no
    return None


def lines_of(fact: object, books: Books, identity: str) -> dict[tuple[str, str], int]:
    """(account, currency) -> signed amount that this fact posts by itself.

    Raises ``ValueError`` that names the fact when a rule does not balance: a mistake of ours.
    """
    rule = _RULES.get(type(fact))
    if rule is None:
        return {}
    sums: dict[tuple[str, str], int] = {}
    for account, amount, currency in rule(fact, books):
        if amount:
            place = (account, currency)
            sums[place] = sums.get(place, 0) + amount
    if any([sum([a for (_, c), a in sums.items() if c == currency]) for currency in {c for _, c in sums}]):
        raise ValueError(f"{identity} does not balance: {sums}")
    return sums


def postings(readings: Sequence[Reading], books: Books) -> list[Posting]:
    """All lines of these facts, from when each fact was first said to have happened. Their sum is zero, fact by fact.

    What follows from time (a fact withdrawn later, a fare told later) is not seen here: see :mod:`hub.ledger.dating`.
    """
    result: list[Posting] = []
    given_back: set[str] = set()
    for reading in readings:
        ticket_no = gives_back(reading)
        if ticket_no is not None:
            if ticket_no in given_back:
                continue
            given_back.add(ticket_no)
        sums = lines_of(reading.fact, books, reading.identity)
        if sums:
            at = reading.since
            result += [
                Posting(account, money(amount, currency), reading.identity, at)
                for (account, currency), amount in sums.items()
                if amount
            ]
    return result


def _place(line: Posting) -> tuple[str, str, str, datetime]:
    return (line.identity, line.account, line.amount.currency, line.at)


def difference(before: Sequence[Posting], after: Sequence[Posting]) -> list[Posting]:
    """What must be posted now, given what is posted already: new lines, and mirror images of lines that fell away."""
    if not before:
        return sorted(after, key=_place)
    balance: dict[tuple[str, str, str, datetime], int] = {}
    for sign, lines in ((-1, before), (1, after)):
        for line in lines:
            key = _place(line)
            balance[key] = balance.get(key, 0) + sign * line.amount.amount
    return [
        Posting(account, money(amount, currency), identity, at)
        for (identity, account, currency, at), amount in sorted(balance.items())
        if amount
    ]
