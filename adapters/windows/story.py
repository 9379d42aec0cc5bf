"""What the records of one transaction say together: changes, repayments, overrides, invoices and pick-ups span several.

``collect`` (in ``records``) adds one line after the other; ``facts`` puts them together at the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from adapters.kit.columns import Line
from schemas.facts import (
    ChangeFact,
    Fact,
    InvoiceFact,
    Override,
    PickupCollected,
    PointOfSale,
    RefundFact,
    TicketChanged,
    TicketStep,
)
from schemas.identifiers import ticket_no
from schemas.model import altered
from schemas.money import total

About = Literal["refund", "change", "step"]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One old ticket of a change, with its share of the money."""

    fact: ChangeFact
    changed: TicketChanged


@dataclass(frozen=True, slots=True)
class Given:
    """An override, and the line that said it: it must find what it is about."""

    override: Override
    line: Line


@dataclass(slots=True)
class Story:
    """One transaction under way. ``desk`` is the window that tells it, ``order`` the order number on every record."""

    order: str
    desk: PointOfSale
    told: list[Fact] = field(default_factory=list)
    said: dict[str, Fact] = field(default_factory=dict)
    changes: dict[str, list[ChangeRow]] = field(default_factory=dict)
    repaid: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, Line] = field(default_factory=dict)
    fares: dict[str, list[Line]] = field(default_factory=dict)
    repayments: list[RefundFact] = field(default_factory=list)
    collected: dict[str, list[PickupCollected]] = field(default_factory=dict)
    invoices: dict[str, list[InvoiceFact]] = field(default_factory=dict)
    overrides: dict[tuple[About, str], Given] = field(default_factory=dict)
    pickup_codes: list[str] = field(default_factory=list)

    def number(self, line: Line, name: str) -> str:
        """A ticket number of this order."""
        number = line.identifier(name, ticket_no.validate, example=f"{self.order}105012A")
        if number[:10] != self.order:
            raise line.refuse(name, "identifier_invalid", "the ticket is of another order", expected=f"{self.order}...")
        return number

    def optional_number(self, line: Line, name: str) -> str | None:
        return self.number(line, name) if line.has(name) else line.optional(name)

    def tell(self, line: Line, fact: Fact) -> None:
        """Add what one record says alone. The same again is nothing new; the same with other values is refused."""
        if self._told_once(line, fact) is None:
            self.told.append(fact)

    def repay(self, line: Line, fact: RefundFact) -> None:
        """Add a repayment; its tickets are named by other records."""
        if self._told_once(line, fact) is None:
            self.repayments.append(fact)

    def _told_once(self, line: Line, fact: Fact) -> Fact | None:
        known = self.said.setdefault(fact.identity, fact)
        if known is fact:
            return None
        if known != fact:
            raise line.refuse("running", "message_malformed", f"{fact.fact} is said twice, with other values")
        return known

    def facts(self) -> tuple[Fact, ...]:
        """All of them, the ones that span records put together. Refuses an override that is about nothing here."""
        steps = [self._step(fact) for fact in self.told]
        changes = [self._change(ref, rows) for ref, rows in self.changes.items()]
        repayments = [self._repayment(fact) for fact in self.repayments]
        known = {fact.refund_ref for fact in self.repayments}
        for ref, line in self.expected.items():
            if ref not in known:
                line.lost("refund_ref", "not_mapped", "this transaction has no repayment of that number")
        for given in self.overrides.values():
            raise given.line.refuse("ref", "message_malformed", "this transaction has nothing of that number")
        return (*steps, *changes, *repayments, *self._pickups(), *self._invoices())

    def _override(self, about: About, ref: str) -> Override | None:
        given = self.overrides.pop((about, ref), None)
        return given.override if given else None

    def _step(self, fact: Fact) -> Fact:
        if not (self.overrides and isinstance(fact, TicketStep)):
            return fact
        return altered(fact, {"override": self._override("step", fact.ticket_no)})

    def _change(self, ref: str, rows: list[ChangeRow]) -> ChangeFact:
        return altered(
            rows[0].fact,
            {
                "old_ticket_nos": tuple(row.changed.ticket_no for row in rows),
                "new_ticket_nos": tuple(row.changed.new_ticket_no for row in rows if row.changed.new_ticket_no),
                "fee": total([row.fact.fee for row in rows]),
                "difference": total([row.fact.difference for row in rows]),
                "override": self._override("change", ref),
            },
        )

    def _repayment(self, fact: RefundFact) -> RefundFact:
        """With its tickets; fares on its RF records that are not its gross are reported, the money stands."""
        ref = fact.refund_ref
        rows = self.fares.get(ref, [])
        if rows and fact.part_of is None and len(rows) == len(self.repaid[ref]):
            gross = total([row.amount("fare") for row in rows]).amount
            parts = [f for f in self.repayments if f.part_of == ref]
            if gross != fact.amount_gross.amount + total([f.amount_gross for f in parts]).amount:
                for row in rows:
                    row.lost("fare", "not_mapped", "the fares of this refund number are not its gross")
        numbers = tuple(dict.fromkeys(self.repaid.get(fact.part_of or ref, ())))
        return altered(fact, {"ticket_nos": numbers, "override": self._override("refund", ref)})

    def _pickups(self) -> Iterator[PickupCollected]:
        for rows in self.collected.values():
            numbers = dict.fromkeys(number for row in rows for number in row.ticket_nos)
            yield altered(rows[0], {"ticket_nos": tuple(numbers)})

    def _invoices(self) -> Iterator[InvoiceFact]:
        for rows in self.invoices.values():
            numbers = tuple(number for row in rows for number in row.ticket_nos)
            amount = total([row.amount_gross for row in rows])
            yield altered(rows[0], {"ticket_nos": numbers, "amount_gross": amount})
