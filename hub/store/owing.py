"""What an order's passenger owes or is owed, and why: the lines of its events, told step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from hub.ledger.postings import clearing
from hub.store.books import AccountBalance, BookLine
from schemas.money import Money, format_decimal
from schemas.order import Order

WHY = {
    "change.confirmed": ("改签", "changed"),
    "ticket.issued": ("出票", "ticket sold"),
    "payment.captured": ("收款", "paid"),
    "payment.charged_back": ("拒付退回", "charged back"),
    "ticket.refunded": ("退票", "ticket given back"),
    "ticket.voided": ("作废", "ticket void"),
    "refund.requested": ("应退款", "refund promised"),
    "refund.settled": ("退款已付出", "refund paid out"),
    "adjusted": ("接受差额", "difference accepted"),
}
"""Fact -> why in Chinese and English; of one event, in this order."""
_RANK = {name: rank for rank, name in enumerate(WHY)}
_WITHDRAWN = ("撤销：", "withdrawn: ")
_PAYABLE = "refunds_payable"


@dataclass(frozen=True, slots=True)
class OwingStep:
    """One fact in one event: what it adds to what the passenger owes (``owed``), and what he owes after it.

    Signed minor units of ``currency``, plus = the passenger owes; ``withdrawn``: it takes back what was posted before.
    """

    fact: str
    happened_at: datetime
    recorded_at: datetime
    witness: str
    sequence: int
    currency: str
    owed: int
    balance: int
    withdrawn: bool
    why_zh: str
    why_en: str
    lines: tuple[BookLine, ...]


@dataclass(frozen=True, slots=True)
class Owing:
    """``balance``: plus = the passenger owes, minus = is owed; ``promised``: refunds that nobody saw paid out yet."""

    order_id: UUID
    balance: Money
    promised: Money
    sentence_zh: str
    sentence_en: str
    accounts: tuple[AccountBalance, ...]
    steps: tuple[OwingStep, ...]


def owing(order: Order, lines: Sequence[BookLine]) -> Owing:
    """``order`` and its ``lines`` as of one and the same time."""
    accounts: dict[tuple[str, str], AccountBalance] = {}
    for line in lines:
        row = accounts.setdefault((line.account, line.currency), AccountBalance(line.account, line.currency))
        row.debit += max(line.amount, 0)
        row.credit += max(-line.amount, 0)
        row.lines += 1
    payable = accounts.get((_PAYABLE, order.balance.currency))
    promised = Money(amount=-payable.balance if payable else 0, currency=order.balance.currency)
    zh, en = _sentences(order.balance, promised)
    rows = tuple(accounts[key] for key in sorted(accounts))
    return Owing(order.order_id, order.balance, promised, zh, en, rows, _steps(lines, clearing(order.channel)))


def _steps(lines: Sequence[BookLine], account: str) -> tuple[OwingStep, ...]:
    """By time of happening; of one time, in the order in which they were recorded."""

    def step_of(line: BookLine) -> tuple[datetime, int, int, int, str, str]:
        rank = _RANK.get(line.fact.partition("|")[0], len(_RANK))
        return (line.happened_at, line.place.txid, line.place.position, rank, line.fact, line.currency)

    owed: dict[str, int] = {}
    posted: dict[tuple[str, str, str], int] = {}
    steps: list[OwingStep] = []
    for (*_, fact, currency), group in groupby(sorted(lines, key=step_of), step_of):
        of_step = tuple(group)
        change = sum(line.amount for line in of_step if line.account == account)
        owed[currency] = owed.get(currency, 0) + change
        for line in of_step:
            key = (fact, line.account, currency)
            posted[key] = posted.get(key, 0) + line.amount
        withdrawn = not any(posted[fact, line.account, currency] for line in of_step)
        name = fact.partition("|")[0]
        zh, en = WHY.get(name, (name, name))
        steps.append(
            OwingStep(
                fact=fact,
                happened_at=of_step[0].happened_at,
                recorded_at=of_step[0].recorded_at,
                witness=of_step[0].witness,
                sequence=of_step[0].sequence,
                currency=currency,
                owed=change,
                balance=owed[currency],
                withdrawn=withdrawn,
                why_zh=_WITHDRAWN[0] + zh if withdrawn else zh,
                why_en=_WITHDRAWN[1] + en if withdrawn else en,
                lines=of_step,
            )
        )
    return tuple(steps)


def _sentences(balance: Money, promised: Money) -> tuple[str, str]:
    zh: list[str] = []
    en: list[str] = []
    amount = f"{format_decimal(Money(amount=abs(balance.amount)))} {balance.currency}"
    if balance.amount > 0:
        zh.append(f"旅客应付 {amount}。")
        en.append(f"The passenger owes {amount}.")
    elif balance.amount < 0:
        zh.append(f"应退还旅客 {amount}。")
        en.append(f"The passenger is owed {amount}.")
    if promised.amount > 0:
        amount = f"{format_decimal(promised)} {promised.currency}"
        zh.append(f"已承诺退款 {amount}，尚未确认付出。")
        en.append(f"A refund of {amount} is promised; nobody has told yet that it was paid out.")
    if not zh:
        return "两清，互不相欠。", "Nothing is owed on either side."
    return "".join(zh), " ".join(en)
