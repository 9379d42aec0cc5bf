"""The actions themselves, each through the hub's own doors, each harmless when it is done twice.

A process that dies between the deed and its writing down leaves a resolution ``approved``: it is taken up again under
the same ids, and the hub answers that it knows them already.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hub.ports import Part
from reconciliation.breaks import said
from reconciliation.definitions import Definition
from reconciliation.kinds import BreakKind
from reconciliation.ports import Corrections, Outcome
from reconciliation.resolution.records import Acceptance, Done, Line, Record, Row
from schemas.facts import Adjusted, Fact, PaymentFact, RefundFact
from schemas.money import Money

PartSource = Callable[[str, Record], Sequence[Part]]
"""(channel, break) -> the native messages of the break's order in that channel's extract; empty when there are none."""

Ask = Callable[[Definition, Record], Outcome]
"""(definition, break) -> whether the other side says something else now. Done: it does, and a run will look at it."""

EXPENSE, REASON_CODE = "differences", "other"
"""Where a write-off goes when nobody said."""

METHODS: Mapping[str, str] = {"wechat": "wechat_pay", "bank": "bank_card", "unionpay": "bank_card", "cash": "cash"}
"""processor -> method of payment (code list ``payment_method``); what is not here is ``unknown``."""


@dataclass(frozen=True, slots=True)
class Job:
    """One break, what was decided about it, and the other breaks of a link."""

    record: Record
    row: Row
    by: str
    definition: Definition | None
    others: tuple[Record, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was decided: the same however often it is done."""
        moment: datetime = self.row["approved_at"] or self.row["proposed_at"]
        return moment

    @property
    def order_no(self) -> str:
        return str(self.record["order_no"] or "")

    @property
    def of(self) -> str:
        """The channel or processor on the other side; empty for seats and for a pair that is no longer defined."""
        return (self.definition.right.of or "") if self.definition is not None else ""

    @property
    def source(self) -> str:
        return self.definition.right.source if self.definition is not None else ""

    @property
    def act(self) -> str:
        return str(self.row["resolution_id"])


def refused(detail: str) -> Outcome:
    return Outcome(False, "refused", detail)


@dataclass(slots=True)
class Actions:
    """Does what was decided. What is done per order is done once, however many breaks of the order ask for it."""

    corrections: Corrections
    parts: PartSource
    ask: Ask
    _done: dict[tuple[str, str, str], Outcome] = field(default_factory=dict)

    def do(self, job: Job) -> Done:
        """A deterministic no is an outcome, not an exception."""
        action = _ACTIONS.get(job.row["action"])
        if action is None:
            return Done(refused(f"{job.row['action']} is not something that can be done"), ())
        return action(self, job)

    def take_channel(self, job: Job) -> Done:
        """Post the other side's own record of the order: a channel's messages, or what a processor's line attests."""
        if job.source == "processor":
            return self._state(job, line_facts(job.record, job.of))
        return self._once(job, "take_channel", lambda: self._post(job))

    def push_hub(self, job: Job) -> Done:
        """Send the order's present state to the channel once more."""
        return self._once(job, "push_hub", lambda: self.corrections.redeliver(job.of, job.order_no))

    def ask_again(self, job: Job) -> Done:
        """Fetch the other side's record once more; the next run reads it."""
        if job.definition is None:
            return _plain(job, refused("the pair is not defined any more"))
        return _plain(job, self.ask(job.definition, job.record))

    def refund(self, job: Job) -> Done:
        """Money that is not ours: state the payment and ask for its refund, or record a refund that has left."""
        return self._state(job, refund_facts(job))

    def write_off(self, job: Job) -> Done:
        """Accept exactly these two values, for this break and the differences in money under it."""
        items = list(items_of(job.record))
        lines = _expense(job, sum(_money(item, job.definition) for item in items))
        if not job.order_no:
            accepts = tuple(_acceptance(job.record, item) for item in items)
            return Done(Outcome(True, "accepted"), (job.record["break_id"],), accepts, lines)
        outcome = Outcome(True, "accepted")
        for item in items:
            outcome = self._lasting(job, self.corrections.adjust(job.order_no, _adjusted(job, item)), outcome.facts)
            if not outcome.done:
                break
        return Done(outcome, (job.record["break_id"],), (), lines)

    def accept_timing(self, job: Job) -> Done:
        """Nothing to post: both sides say the same, on neighbouring dates."""
        return _plain(job, Outcome(True, "accepted"))

    def reject(self, job: Job) -> Done:
        """The other side is wrong: exactly its claim is no break any more."""
        accepts = tuple(_acceptance(job.record, item) for item in items_of(job.record))
        return Done(Outcome(True, "rejected"), (job.record["break_id"],), accepts)

    def link(self, job: Job) -> Done:
        """Match rows of the two sides by hand; each of them is claimed once, by this link."""
        members = (job.record, *job.others)
        wrong = link_refused(members, job.row["details"])
        if wrong is None:
            wrong = next((f"{m['kind']} {m['key']} is {m['state']}" for m in members if not _unsettled(m)), None)
        if wrong is not None:
            return _plain(job, refused(wrong))
        accepts = tuple(_acceptance(member, item) for member in members for item in items_of(member))
        rest = sum(_money(item) for member in members for item in items_of(member))
        settles = tuple(member["break_id"] for member in members)
        return Done(Outcome(True, "linked"), settles, accepts, _expense(job, rest))

    def _post(self, job: Job) -> Outcome:
        parts = self.parts(job.of, job.record)
        if not parts:
            return refused("the extract has no message of this order")
        outcome = Outcome(True, "duplicate")
        for part in parts:
            # The same bytes have the same id in every run: posted twice they are a duplicate, and say what they had
            # brought.
            message_id = f"recon-{job.order_no}-{hashlib.sha256(part.raw).hexdigest()[:24]}"
            outcome = self._lasting(job, self.corrections.post(job.of, message_id, part.raw), outcome.facts)
            if not outcome.done:
                break
        return outcome

    def _state(self, job: Job, facts: Sequence[Fact]) -> Done:
        if not job.order_no or not facts:
            return _plain(job, refused("the line names no order, or says nothing that can be stated"))
        outcome = self.corrections.state(job.order_no, f"recon/{job.act}", facts, job.at)
        named = tuple(fact.identity for fact in facts)
        return _plain(job, self._lasting(job, replace(outcome, facts=(*outcome.facts, *named)), ()))

    def _lasting(self, job: Job, outcome: Outcome, before: tuple[str, ...]) -> Outcome:
        """What was withdrawn by an undo stands again when the same is decided anew."""
        if not outcome.done or not outcome.facts:
            return replace(outcome, facts=(*before, *outcome.facts))
        again = self.corrections.restore(job.order_no, outcome.facts, job.act, job.row["reason"])
        word = outcome.word if not again.facts else again.word
        return Outcome(again.done, word if again.done else again.word, again.detail, (*before, *outcome.facts))

    def _once(self, job: Job, action: str, work: Callable[[], Outcome]) -> Done:
        key = (action, job.of, job.order_no)
        if job.source != "channel" or not job.of or not job.order_no:
            return _plain(job, refused("the break names no channel or no order"))
        if key not in self._done:
            self._done[key] = work()
        return _plain(job, self._done[key])


_ACTIONS: Mapping[str, Callable[[Actions, Job], Done]] = {
    "take_channel": Actions.take_channel,
    "push_hub": Actions.push_hub,
    "ask_again": Actions.ask_again,
    "refund": Actions.refund,
    "write_off": Actions.write_off,
    "accept_timing": Actions.accept_timing,
    "link": Actions.link,
    "reject": Actions.reject,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One difference of a break: its own, or one in money that it covers."""

    kind: BreakKind
    key: str
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None


def items_of(record: Record) -> Iterator[Item]:
    """The break's own difference first, then those it covers."""
    yield Item(record["kind"], record["key"], record["left_value"], record["right_value"])
    for covered in record["covers"]:
        yield Item(covered["kind"], covered["key"], covered["left"], covered["right"])


def link_refused(members: Sequence[Record], details: Mapping[str, Any]) -> str | None:
    """Why these breaks cannot be linked, as a sentence; None when they can."""
    if len({(m["definition"], m["currency"]) for m in members}) > 1:
        return "a link is between rows of one pair and one currency"
    if any(m["left_value"] is not None and m["right_value"] is not None for m in members):
        return "a row that has its counterpart already cannot be linked to another one"
    if not any(m["left_value"] is not None for m in members) or not any(m["right_value"] is not None for m in members):
        return "a link needs rows of both sides"
    rest = sum(_money(item) for member in members for item in items_of(member))
    if rest and not details.get("expense_account"):
        return f"the two sides differ by {abs(rest)} minor units; name an expense account for the rest"
    return None


def line_facts(record: Record, processor: str) -> tuple[Fact, ...]:
    """What a processor's line attests: a payment that was captured, or a refund that was asked for and has left."""
    line = record["right_value"] or {}
    _, _, reference = str(record["key"]).partition("|")
    if line.get("amount") is None or not reference:
        return ()
    at, amount = datetime.fromisoformat(line["at"]), Money(amount=abs(line["amount"]), currency=record["currency"])
    if line["kind"] == "payment":
        return (_captured(processor, reference, amount, at),)
    if line["kind"] == "refund":
        return tuple(_refund(name, processor, reference, amount, at) for name in ("requested", "settled"))
    return ()


def refund_facts(job: Job) -> tuple[Fact, ...]:
    """The processor's payment and the wish to give it back, or the refund that has left already. The new refund's
    number is made of the break: the same wish is the same refund."""
    attested = line_facts(job.record, job.of)
    if not attested or not isinstance(attested[0], PaymentFact):
        return attested
    number = f"IR{UUID(str(job.record['break_id'])).hex[:24].upper()}"
    return (*attested, _refund("requested", job.of, number, attested[0].amount_gross, job.at))


def _captured(processor: str, reference: str, amount: Money, at: datetime) -> PaymentFact:
    return PaymentFact(
        fact="payment.captured",
        occurred_at=at,
        processor=processor,
        processor_ref=reference,
        method=METHODS.get(processor, "unknown"),
        amount_gross=amount,
    )


def _refund(step: str, processor: str, reference: str, amount: Money, at: datetime) -> RefundFact:
    return RefundFact(
        fact="refund.requested" if step == "requested" else "refund.settled",
        occurred_at=at,
        processor=processor,
        refund_ref=reference,
        amount_gross=amount,
        fee=Money(amount=0, currency=amount.currency),
        amount_net=amount,
    )


def _money(item: Item, definition: Definition | None = None) -> int:
    """Hub minus other, in minor units. For a fee what was kept above the hub's, or above the agreed rate, rounded away
    from zero like the money at stake."""
    if item.kind != "FEE":
        ours, theirs = (item.left or {}).get("amount") or 0, (item.right or {}).get("amount") or 0
        return int(ours - theirs)
    kept, known = (item.right or {}).get("fee") or 0, (item.left or {}).get("fee")
    if known is not None or definition is None or definition.fee is None:
        millionths = (kept - (known or 0)) * 1000
    else:
        millionths = kept * 1000 - ((item.right or {}).get("amount") or 0) * definition.fee.rate_ppm
    up = -(-abs(int(millionths)) // 1_000_000)
    return up if millionths >= 0 else -up


def _adjusted(job: Job, item: Item) -> Adjusted:
    return Adjusted(
        occurred_at=job.at,
        definition=job.record["definition"],
        subject=item.key,
        kind=item.kind,
        hub_value=said(item.kind, item.left),
        other_value=said(item.kind, item.right),
        amount=Money(amount=_money(item, job.definition), currency=job.record["currency"]),
        reason=job.row["reason"][:200],
        by=job.by[:200],
    )


def _acceptance(record: Record, item: Item) -> Acceptance:
    return Acceptance(
        break_id=record["break_id"],
        definition=record["definition"],
        business_date=record["business_date"],
        key=item.key,
        kind=item.kind,
        hub_value=said(item.kind, item.left),
        other_value=said(item.kind, item.right),
    )


def _expense(job: Job, amount: int) -> tuple[Line, ...]:
    """What is given up goes from the pair's clearing to an expense account; a gain has the other sign."""
    if not amount:
        return ()
    account = f"expense:{job.row['details'].get('expense_account') or EXPENSE}"
    pair = (account, amount), (f"clearing:{job.record['definition']}", -amount)
    return tuple(Line(job.record["break_id"], name, share, job.record["currency"]) for name, share in pair)


def _plain(job: Job, outcome: Outcome) -> Done:
    return Done(outcome, (job.record["break_id"],))


def _unsettled(record: Record) -> bool:
    return record["state"] in {"open", "left"}
