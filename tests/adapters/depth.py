"""What the channels that we ship promise beyond the kit: samples that cover their whole language.

At least 40 golden pairs; every status of the wire; every seat class, document type, ticket type and way to pay that the
cross-walk has a word for; every act that the profile declares is the kit's own promise.
"""

from collections.abc import Iterable, Mapping
from random import Random
from typing import ClassVar
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.kit.conformance import AdapterConformance
from adapters.kit.conformance.fuzz import mixed
from adapters.kit.golden import pairs
from hub.ledger import digest, order_content
from hub.ledger.fold import fold_observations
from schemas.codes import code_list
from schemas.facts import Fact, PaymentFact, TicketHeld, TicketIssued
from schemas.observation import Observation

PAIRS_LEAST = 40


class FullDepth(AdapterConformance):
    """The kit's suite for a channel of ours. ``vocabulary``: native field -> every word that samples must have.

    ``record`` stands for the kinds of line of a fixed-width wire.
    """

    vocabulary: ClassVar[Mapping[str, Iterable[object]]] = {}

    def test_forty_golden_pairs(self) -> None:
        found = len(list(pairs(self.samples)))
        assert found >= PAIRS_LEAST, f"{found} golden pairs, {PAIRS_LEAST} must be"

    def test_samples_have_every_word_of_the_wire(self) -> None:
        said: dict[str, set[str]] = {}
        for _, raw in self.natives():
            for field in self.open(raw).fields:
                said.setdefault(field.name, set()).add(str(field.value))
                said.setdefault("record", set()).add(field.pattern.split("/")[1])
        for name, words in self.vocabulary.items():
            missing = sorted({str(word) for word in words} - said.get(name, set()))
            assert not missing, f"no sample has {name} = {missing}"

    def test_samples_have_every_code_of_the_cross_walks(self) -> None:
        channel = self.adapter.profile.channel
        said = codes_of(fact for _, _, observed in self.observations() for fact in observed.facts)
        for name, codes in said.items():
            table = code_list(name)
            sayable = {row["code"] for row in table.rows if table.write(channel, row["code"]) is not None}
            assert not sayable - codes, f"no sample has the {name} {sorted(sayable - codes)}"

    def test_replay_through_the_real_ledger_gives_the_same_orders(self) -> None:
        """the log of all samples, folded by the hub's own fold: twice, backwards and shuffled, one content"""
        log = [observed for _, _, observed in self.observations()]
        once = self.ledger(log)
        again = [*log, *log[::-1]]
        Random(20260114).shuffle(again)
        assert self.ledger(again) == once

    def ledger(self, log: list[Observation]) -> str:
        orders: dict[str, list[tuple[str, Observation]]] = {}
        for observed in log:
            orders.setdefault(observed.references[0].value, []).append((self.adapter.profile.channel, observed))
        folded = [fold_observations(UUID(int=1), said) for _, said in sorted(orders.items())]
        return digest([order_content(order, contested=False) for order in folded], [])

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(chance=st.randoms(use_true_random=False))
    def test_hypothesis_mixes_the_samples_own_values(self, chance: Random) -> None:
        """the native schema, as the samples show it, in combinations that nobody wrote: shrunk to the least one"""
        schema, messages = self.native_schema()
        raw, what = mixed(chance.choice(messages), schema, chance)
        self.survives(raw, what)


def codes_of(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """list -> our codes of it that these facts have."""
    found: dict[str, set[str]] = {name: set() for name in ("seat_class", "document_type", "ticket_type")}
    ways: dict[str, set[str]] = {"payment_method": set()}
    for fact in facts:
        if isinstance(fact, TicketHeld | TicketIssued):
            found["seat_class"].add(fact.ticket.seat.seat_class)
            found["document_type"].add(fact.ticket.passenger.document.type)
            found["ticket_type"].add(fact.ticket.ticket_type)
        elif isinstance(fact, PaymentFact):
            ways["payment_method"].add(fact.method)
    return found | (ways if ways["payment_method"] else {})
