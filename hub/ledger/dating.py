"""Postings by time: at any moment, the lines up to it are what the facts up to it post.

    sum of the lines with at <= T  ==  postings of fold(document.as_of(T)),  for every T

A fact's lines count from when it happened. What a later fact changes about them counts from that later fact: a
retraction posts the mirror image when it is made, not when what it withdraws had happened; a refund whose sale is dated
after it stands in suspense until then. So the books of a past day, drawn up again, are what they were, and the trial
balance as of any time is one sum over lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from hub.ledger.document import Document, Statement
from hub.ledger.postings import Books, Posting, gives_back, lines_of, postings
from hub.ledger.reading import Reading, about, begins, readings, sold_at
from schemas.facts import ChangeFact, PaymentFact, WaitlistRequested
from schemas.money import money


def dated_postings(document: Document, facts: Sequence[Reading], channel: str | None) -> list[Posting]:
    """All lines of an order; ``facts`` are its readings, ``channel`` sold it (None: nobody has told of that)."""
    books = Books(facts, channel)
    lines = postings(facts, books)
    moments = {s.fact.occurred_at for said in document.facts.values() for s in said.values()}
    if len(moments) < 2 or _is_plain(document, facts, books, lines):
        return lines
    return _moment_by_moment(document, moments)


def _moment_by_moment(document: Document, moments: Iterable[datetime]) -> list[Posting]:
    """By the definition: at each moment at which anything is said to have happened, what it changes in the books."""
    posted: dict[tuple[str, str, str], int] = {}
    result: list[Posting] = []
    for at in sorted(moments):
        facts = readings(document.as_of(at))
        pos = sold_at(about(facts))
        now: dict[tuple[str, str, str], int] = {}
        for line in postings(facts, Books(facts, pos.channel if pos else None)):
            now[line.identity, line.account, line.amount.currency] = line.amount.amount
        for key in sorted(posted.keys() | now.keys()):
            if amount := now.get(key, 0) - posted.get(key, 0):
                identity, account, currency = key
                result.append(Posting(account, money(amount, currency), identity, at))
        posted = now
    return result


def _is_plain(document: Document, facts: Sequence[Reading], books: Books, lines: Sequence[Posting]) -> bool:
    """Whether no later moment changes what an earlier one posted: true of nearly every order, and found quickly."""
    if _is_sale(facts):
        return True
    if any([identity.startswith("retracted|") for identity in document.facts]):
        return False
    if lines and not _seller_stands(facts, min([line.at for line in lines])):
        return False
    given_back: set[str] = set()
    for reading in facts:
        if len(reading.said) > 1 and not _one_word(reading, books):
            return False
        needed: Sequence[str] = ()
        if (ticket_no := gives_back(reading)) is not None:
            if ticket_no in given_back:
                return False
            given_back.add(ticket_no)
            needed = (ticket_no,)
        elif type(reading.fact) is ChangeFact:
            needed = reading.fact.new_ticket_nos
        if needed and any(no in books.issued and books.issued[no].since > reading.since for no in needed):
            return False
    return True


def _is_sale(facts: Sequence[Reading]) -> bool:
    """Whether these are sales and payments only, each told by one witness, all sold by one channel, the sale first."""
    first = facts[0].fact
    if not begins(first):
        return False
    seller = first.ticket.point_of_sale.channel
    for reading in facts:
        fact = reading.fact
        if len(reading.said) > 1:
            return False
        if begins(fact):
            if fact.ticket.origin != "sale" or fact.ticket.point_of_sale.channel != seller:
                return False
        elif type(fact) is not PaymentFact:
            return False
    return True


def _seller_stands(facts: Sequence[Reading], first: datetime) -> bool:
    """Whether the selling channel was known when money first moved, and is the same ever after."""
    begun = [s for reading in facts for s in reading.said.values() if begins(s.fact)]
    wishes = [s for reading in facts for s in reading.said.values() if type(s.fact) is WaitlistRequested]
    sold = [s for s in begun if _origin(s) == "sale"] or (begun if not wishes else [])
    if begun and wishes and not sold:
        return False
    speaking = [*sold, *wishes]
    if not speaking:
        return not begun
    channels = {_seller(s) for s in speaking}
    return len(channels) == 1 and min([s.fact.occurred_at for s in speaking]) <= first


def _one_word(reading: Reading, books: Books) -> bool:
    """Whether it does not matter from which of its witnesses' times this fact counts, as they say the same of it."""
    said = iter(reading.said.values())
    first = next(said).fact
    rest: Iterator[Statement] = said
    lines = lines_of(first, books, reading.identity)
    for statement in rest:
        other = statement.fact
        if other.occurred_at == first.occurred_at:
            continue
        if lines_of(other, books, reading.identity) != lines:
            return False
        if begins(other) and begins(first):
            mine, theirs = first.ticket, other.ticket
            if (mine.origin, mine.fare_gross, mine.surcharges) != (theirs.origin, theirs.fare_gross, theirs.surcharges):
                return False
    return True


def _origin(statement: Statement) -> str:
    fact = statement.fact
    assert begins(fact)
    return fact.ticket.origin


def _seller(statement: Statement) -> str:
    fact = statement.fact
    if begins(fact):
        return fact.ticket.point_of_sale.channel
    assert isinstance(fact, WaitlistRequested)
    return fact.point_of_sale.channel
