"""What the five channels promise beyond the inherited kit: adapter and channel system understand each other.

The codecs of the simulators are written independently of the adapters, so every test here is two readings of one
README agreeing. A channel's test file is one class: ``class TestWeb(ChannelConformance, channel="web"): ...``
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.agents.wire import ORDER_STATUS, TICKET_STATUS
from adapters.app import wire as app
from adapters.kit.conformance import fares
from adapters.kit.folding import event_of, identities, order_of
from adapters.phone.wire import STATUS
from adapters.web import wire as web
from adapters.windows.layout import RECORDS
from hub.ports import Splitting
from schemas.facts import Fact, PaymentFact, RefundFact
from schemas.observation import Observation, Rejection
from simulators.book import Act, Book, Codec, SimOrder
from simulators.channels import codec_for
from tests.adapters.acts import NOON, Story, stories
from tests.adapters.depth import FullDepth

HOLD_FACTS = ("ticket.held|", "ticket.hold_")


VOCABULARY: Mapping[str, Mapping[str, Iterable[object]]] = {
    "web": {"ticket_status_code": web.LETTERS},
    "app": {"status": app.LETTERS},
    "phone": {"Status": STATUS},
    "agents": {"orderStatus": ORDER_STATUS, "ticketStatus": TICKET_STATUS},
    "windows": {"record": RECORDS},
}
"""channel -> the field that says a status -> all of its words; the windows' statuses are their records."""


class ChannelConformance(FullDepth):
    """The kit's suite at full depth and the agreement with the simulated channel system."""

    channel: ClassVar[str]
    codec: ClassVar[Codec]
    extract_may_lack: ClassVar[tuple[str, ...]] = HOLD_FACTS
    """Facts of live messages that the day extract has no field for: holds that became tickets, for everybody."""

    def __init_subclass__(cls, channel: str, **rest: object) -> None:
        super().__init_subclass__(**rest)
        package = import_module(f"adapters.{channel}")
        cls.channel = channel
        cls.adapter = package.adapter
        cls.samples = Path(str(package.__file__)).parent / "samples"
        cls.codec = codec_for(channel)
        cls.vocabulary = VOCABULARY.get(channel, {})

    def stories(self) -> dict[str, Story]:
        return stories(self.channel, self.adapter.profile.asks | self.adapter.profile.tells)

    def live(self, act: Act) -> Observation:
        """What the adapter makes of the channel system's own message for an act."""
        answer = self.adapter.parse(self.message(act))
        assert isinstance(answer, Observation), answer
        return answer

    def message(self, act: Act) -> bytes:
        """The native bytes of one act; windows wrap a transaction in its file."""
        return self.codec.encode(act, f"{self.channel}-{act.order.order_no}-{act.order.revision}").body

    def extracted(self, orders: list[SimOrder]) -> list[Observation]:
        """The observations of a day extract."""
        raw = self.codec.extract(orders, date(2026, 1, 9)).body
        assert isinstance(self.adapter, Splitting)
        parts = self.adapter.split(raw)
        assert not isinstance(parts, Rejection), parts
        answers = [self.adapter.parse(part.raw) for part in parts]
        assert all(isinstance(answer, Observation) for answer in answers), answers
        return [answer for answer in answers if isinstance(answer, Observation)]

    def test_every_act_is_understood_and_implies_its_facts(self) -> None:
        for name, story in self.stories().items():
            for act in story.acts:
                seen = self.live(act)
                assert seen.losses == (), f"{name}: {seen.losses}"
                assert seen.mode == ("ask" if act.kind == "hold" else "tell"), name
                missing = implied(act) - set(identities(seen.facts))
                assert not missing, f"{name}, {act.kind}: {missing} not among {sorted(identities(seen.facts))}"
                assert seen.references[0].value == act.order.order_no, name
                assert seen.references[0].system == "rail", name
                assert seen.point_of_sale.channel == self.channel, name
                assert abs(seen.occurred_at - act.at) < timedelta(minutes=1), name
                assert seen.business_date == act.at.date(), name

    def test_live_facts_equal_extract_facts(self) -> None:
        for name, story in self.stories().items():
            told: dict[str, object] = {}
            for act in story.acts:
                told |= identities(self.live(act).facts)
            shown = identities(self.all_facts(self.extracted([story.acts[-1].order])))
            lacking = {i for i in told if i not in shown and not i.startswith(self.extract_may_lack)}
            assert not lacking, f"{name}: the extract is silent about {lacking}"
            for identity, fact in shown.items():
                if identity in told:
                    assert told[identity] == fact, f"{name}: {identity}"

    def all_facts(self, observations: Iterable[Observation]) -> Iterator[Fact]:
        for observation in observations:
            yield from observation.facts

    def test_extract_of_many_orders_in_any_order(self) -> None:
        orders = [story.acts[-1].order for story in self.stories().values()]
        forward, backward = self.extracted(orders), self.extracted(orders[::-1])
        assert identities(self.all_facts(forward)) == identities(self.all_facts(backward))

    def test_money_is_conserved(self) -> None:
        for name, story in self.stories().items():
            act = story.acts[-1]
            if act.kind == "sale":
                assert fares(self.live(act)) == sum(t.fare_fen for t in act.order.tickets), name
            shown = identities(self.all_facts(self.extracted([act.order])))
            payments = sum(f.amount_gross.amount for f in shown.values() if isinstance(f, PaymentFact))
            refunds = sum(f.amount_net.amount for f in shown.values() if isinstance(f, RefundFact))
            assert payments == sum(p.amount_fen for p in act.order.payments), name
            assert refunds == sum(r.net_fen for r in act.order.refunds), name

    def test_the_channel_understands_what_the_hub_delivers(self) -> None:
        """deliveries: the channel's book after absorbing an order equals the book of who sold it; twice is once"""
        for name, story in self.stories().items():
            act = story.acts[-1]
            extract = self.extracted([act.order])
            merged = extract[0].model_copy(update={"facts": tuple(identities(self.all_facts(extract)).values())})
            order = order_of(merged)
            formatted = self.adapter.format(event_of(merged, order, self.adapter.profile), order)
            assert formatted is not None, name
            book = Book()
            self.codec.absorb(formatted.body, book)
            once = believed(book.get(act.order.order_no))
            assert once == believed(act.order), name
            self.codec.absorb(formatted.body, book)
            assert believed(book.get(act.order.order_no)) == once, name

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_hypothesis_never_finds_an_exception(self, data: st.DataObject) -> None:
        story = data.draw(st.sampled_from(sorted(self.stories().items())))[1]
        raw = bytearray(self.message(data.draw(st.sampled_from(story.acts))))
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(raw)))
            end = data.draw(st.integers(start, min(len(raw), start + 12)))
            raw[start:end] = data.draw(st.binary(max_size=12))
        self.answer(bytes(raw), "hypothesis")


def implied(act: Act) -> set[str]:
    """The identities that an act implies, whatever the channel: the table that all adapters share."""
    made = act.order
    match act.kind:
        case "hold":
            return {f"ticket.held|{n}" for n in act.ticket_nos}
        case "sale" | "pay":
            issued = {f"ticket.issued|{n}" for n in act.ticket_nos}
            return issued | {f"payment.captured|{p.processor}|{p.processor_ref}" for p in made.payments}
        case "cancel":
            return {f"ticket.hold_cancelled|{n}" for n in act.ticket_nos}
        case "change":
            done = made.changes[-1]
            pairs = zip(done.old_ticket_nos, done.new_ticket_nos, strict=True)
            found = {f"ticket.changed|{old}|{new}" for old, new in pairs}
            found |= {f"ticket.issued|{new}" for new in done.new_ticket_nos} | {f"change.confirmed|{done.change_ref}"}
            if done.difference_fen > done.fee_fen:
                found.add(f"refund.requested|{made.refunds[-1].processor}|{made.refunds[-1].refund_ref}")
            if done.difference_fen < done.fee_fen:
                found.add(f"payment.captured|{made.payments[-1].processor}|{made.payments[-1].processor_ref}")
            return found
        case "refund":
            last = made.refunds[-1]
            back = {f"ticket.refunded|{n}|{last.refund_ref}" for n in act.ticket_nos}
            return back | {f"refund.requested|{last.processor}|{last.refund_ref}"}
        case "collect":
            return {f"ticket.printed|{t.ticket_no}|{t.control_no}" for t in made.tickets if t.control_no}


def believed(made: SimOrder | None) -> dict[str, Any]:
    """The part of a channel's belief that must survive a delivery."""
    assert made is not None
    return {
        "channel": made.channel,
        "tickets": {
            t.ticket_no: (t.state, t.fare_fen, t.coach, t.seat_no, t.seat_class, t.ticket_type) for t in made.tickets
        },
        "trains": {t.ticket_no: (t.train_code, t.replaces) for t in made.tickets},
        "people": {t.ticket_no: (t.name, t.document_type, t.document_no) for t in made.tickets},
        "runs": {t.ticket_no: (t.service_date, t.from_station, t.to_station, t.depart_at) for t in made.tickets},
        "payments": {(p.processor, p.processor_ref): p.amount_fen for p in made.payments},
        "refunds": {r.refund_ref: (r.gross_fen, r.fee_fen, r.net_fen, set(r.ticket_nos)) for r in made.refunds},
        "changes": {c.change_ref: (c.kind, c.fee_fen, c.difference_fen) for c in made.changes},
    }


__all__ = ["NOON", "ChannelConformance"]
