"""Promises about repetition and order: the same again is the same, and order of arrival colours nothing."""

import random
from collections.abc import Iterable

from adapters.kit.conformance.suite import Suite
from adapters.kit.folding import event_of, identities, order_of
from schemas.observation import Observation


class Sameness(Suite):
    """Same message twice, shuffled, replayed; the same order is told in the same bytes."""

    def test_same_message_twice_is_the_same(self) -> None:
        """duplicates: the same bytes give the same observation"""
        for name, raw, first in self.observations():
            assert self.adapter.parse(raw) == first, name

    def test_shuffled_messages_are_the_same(self) -> None:
        """shuffled: what was read before does not colour what is read next"""
        first = {name: answer for name, _, answer in self.observations()}
        shuffled = list(self.natives())
        random.Random(20260109).shuffle(shuffled)
        assert {name: self.adapter.parse(raw) for name, raw in shuffled} == first

    def test_replay_of_the_log_gives_the_same_orders(self) -> None:
        """replay: the log of all samples, read again, twice and backwards, gives the same facts for every order"""
        log = [answer for _, _, answer in self.observations()]
        once = replayed(log)
        again = [answer for _, _, answer in self.observations()]
        random.Random(20260112).shuffle(again)
        assert replayed([*again, *log[::-1]]) == once

    def test_format_is_pure(self) -> None:
        """pure: the same order gives the same bytes"""
        for name, _, observed in self.observations():
            order = order_of(observed)
            event = event_of(observed, order, self.adapter.profile)
            assert self.adapter.format(event, order) == self.adapter.format(event, order), name

    def test_identities_are_told_once(self) -> None:
        """duplicates: one message states no fact twice"""
        for name, _, observed in self.observations():
            assert len(identities(observed.facts)) == len(observed.facts), f"{name} states a fact twice"


def replayed(log: Iterable[Observation]) -> dict[str, dict[str, str]]:
    """order reference -> fact identity -> the fact as it was stated last, of a whole log in any order.

    What was stated last is decided by the messages' own times, never by arrival; between equals by the text.
    """
    orders: dict[str, dict[str, tuple[object, ...]]] = {}
    for observed in log:
        anchor = observed.references[0]
        facts = orders.setdefault(f"{anchor.system}:{anchor.kind}:{anchor.value}", {})
        for identity, fact in identities(observed.facts).items():
            stated = (observed.occurred_at, observed.sequence, repr(fact))
            facts[identity] = max(stated, facts.get(identity, stated))
    return {order: {i: str(stated[-1]) for i, stated in facts.items()} for order, facts in orders.items()}
