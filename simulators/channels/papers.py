"""Payments, refunds and changes as web and app write them: the same papers under other names, in other units."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from schemas.codes import code_list
from simulators.book import SimChange, SimOrder, SimPayment, SimRefund


@dataclass(frozen=True, slots=True)
class Papers:
    """One system's way to write money: its unit in fen, its clock, and its names, blank-separated, in this order.

    payment    order processor method reference amount time state
    refund     order processor reference tickets gross fee net time state
    change     reference kind old new fee difference time
    """

    channel: str
    unit_fen: int
    say: Callable[[datetime | None], str]
    hear: Callable[[str], datetime]
    payment: str
    refund: str
    change: str
    captured: str
    requested: str
    kinds: tuple[str, str]
    """Its words for a change of train and of destination."""

    def units(self, fen: int) -> int:
        """Fares and fees are whole units; anything else is a bug of this system."""
        if fen % self.unit_fen:
            raise ValueError(f"{fen} fen are no whole units of {self.unit_fen} fen")
        return fen // self.unit_fen

    def code(self, name: str, ours: str) -> str:
        return code_list(name).write(self.channel, ours) or ours

    def ours(self, name: str, native: str) -> str:
        return code_list(name).read(self.channel, native) or "unknown"

    def write_payments(self, order: SimOrder) -> list[dict[str, Any]]:
        return [
            _named(
                self.payment,
                order.order_no,
                self.code("processor", payment.processor),
                self.code("payment_method", payment.method),
                payment.processor_ref,
                self.units(payment.amount_fen),
                self.say(payment.captured_at),
                self.captured,
            )
            for payment in order.payments
        ]

    def write_refunds(self, order: SimOrder) -> list[dict[str, Any]]:
        return [
            _named(
                self.refund,
                order.order_no,
                self.code("processor", refund.processor),
                refund.refund_ref,
                list(refund.ticket_nos),
                self.units(refund.gross_fen),
                self.units(refund.fee_fen),
                self.units(refund.net_fen),
                self.say(refund.requested_at),
                self.requested,
            )
            for refund in order.refunds
        ]

    def write_changes(self, order: SimOrder) -> list[dict[str, Any]]:
        return [
            _named(
                self.change,
                change.change_ref,
                self.kinds[change.kind == "destination"],
                list(change.old_ticket_nos),
                list(change.new_ticket_nos),
                self.units(change.fee_fen),
                self.units(change.difference_fen),
                self.say(change.confirmed_at),
            )
            for change in order.changes
        ]

    def read_payments(self, records: list[dict[str, Any]]) -> list[SimPayment]:
        """The captured ones."""
        found = []
        for record in records:
            _, processor, method, reference, amount, at, state = _values(self.payment, record)
            if state == self.captured:
                names = self.ours("processor", processor), reference, self.ours("payment_method", method)
                found.append(SimPayment(*names, amount * self.unit_fen, self.hear(at)))
        return found

    def read_refunds(self, records: list[dict[str, Any]]) -> list[SimRefund]:
        found = []
        for record in records:
            _, processor, reference, tickets, gross, fee, net, at, _ = _values(self.refund, record)
            gross_fen, fee_fen, net_fen = (units * self.unit_fen for units in (gross, fee, net))
            whose = self.ours("processor", processor), reference, tuple(tickets)
            found.append(SimRefund(*whose, gross_fen, fee_fen, net_fen, self.hear(at)))
        return found

    def read_changes(self, records: list[dict[str, Any]]) -> list[SimChange]:
        found = []
        for record in records:
            reference, word, old, new, fee, difference, at = _values(self.change, record)
            kind: Literal["train", "destination"] = "destination" if word == self.kinds[1] else "train"
            money = fee * self.unit_fen, difference * self.unit_fen
            found.append(SimChange(reference, kind, tuple(old), tuple(new), *money, self.hear(at)))
        return found


def _named(names: str, *values: object) -> dict[str, Any]:
    return dict(zip(names.split(), values, strict=True))


def _values(names: str, record: dict[str, Any]) -> list[Any]:
    return [record[name] for name in names.split()]
