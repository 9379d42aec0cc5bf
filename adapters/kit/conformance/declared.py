"""Promises about the profile: what it declares is shown by samples and probing, and nothing else is."""

from typing import get_args

from adapters.kit.capability import silent_about, undeclared
from adapters.kit.capability_probes import (
    EVENT_OF_STATE,
    FACTS_OF_EVENT,
    FACTS_OF_STATE,
    TICKET_NO,
    event_about,
    said,
)
from adapters.kit.conformance.suite import Suite, listed
from adapters.kit.folding import order_of
from schemas.acts import EVIDENCE, kinds
from schemas.events import INTERNAL_TYPES, EventType
from schemas.observation import Observation
from schemas.order import TicketState


class Declared(Suite):
    """The profile is true."""

    def test_profile_is_coherent(self) -> None:
        """profile: it subscribes to events there are, never to internal ones, and speaks a known encoding"""
        profile = self.adapter.profile
        unknown = profile.subscribes - (set(get_args(EventType)) - INTERNAL_TYPES)
        assert not unknown, f"subscribes to what is never delivered: {sorted(unknown)}"
        assert "x".encode(profile.encoding)
        assert profile.asks | profile.tells, "declares neither an ask nor a tell"
        assert profile.states <= set(get_args(TicketState)) - {"unknown"}, f"no ticket states: {sorted(profile.states)}"
        assert all(profile.ignores.values()), "every ignored field has its reason"

    def test_ignored_fields_are_met(self) -> None:
        """losses: every field that the profile ignores is in a sample"""
        fields = {field.pattern: field for _, raw in self.natives() for field in self.open(raw).fields}.values()
        unmet = [n for n in self.adapter.profile.ignores if not any(f.named_by({n: "-"}) for f in fields)]
        assert not unmet, f"Profile.ignores names fields that no sample has: {unmet}"

    def test_declared_acts_are_shown(self) -> None:
        """acts: every ask and tell that the profile declares is in a sample"""
        shown: dict[str, set[str]] = {"ask": set(), "tell": set()}
        for _, _, observed in self.observations():
            shown[observed.mode] |= set(kinds(observed.facts))
        missing = [
            f"{mode}s {act}: no {mode} among the samples has {' or '.join(EVIDENCE[act])}"
            for mode, acts in (("ask", self.adapter.profile.asks), ("tell", self.adapter.profile.tells))
            for act in sorted(acts)
            if not shown[mode] & set(EVIDENCE[act])
        ]
        assert not missing, listed(missing)

    def test_shown_acts_are_declared(self) -> None:
        """acts: what a sample reports is an act that the profile declares in that direction"""
        found = [
            f"{name}: {observed.mode}s {what}, which Profile.{observed.mode}s does not declare"
            for name, _, observed in self.observations()
            for what in undeclared(self.adapter.profile, observed)
        ]
        assert not found, listed(found)

    def test_every_subscribed_event_is_told(self) -> None:
        """is told: every event it subscribes to has a message in its language"""
        channel, subscribed = self.adapter.profile.channel, self.adapter.profile.subscribes
        ways = [*FACTS_OF_EVENT.items(), *((EVENT_OF_STATE[state], facts) for state, facts in FACTS_OF_STATE.items())]
        told = {
            kind
            for kind, facts in ways
            if kind in subscribed and self.adapter.format(*event_about(said(channel, *facts(channel)), kind))
        }
        unsaid = (subscribed & FACTS_OF_EVENT.keys()) - told
        assert not unsaid, f"subscribes to {sorted(unsaid)}, but has no message for it: unsubscribe, or tell it"

    def test_what_cannot_be_told_is_a_loss(self) -> None:
        """is told: an act that its language cannot say is a loss, so that the operator sees it"""
        silent = silent_about(self.adapter)
        assert not silent, f"told of these acts, it hears nothing of them and no loss says so: {silent}"

    def test_declared_states_can_be_told(self) -> None:
        """states: every ticket state that the profile declares is told and read back; the others are losses"""
        profile, wrong = self.adapter.profile, []
        for state, facts in FACTS_OF_STATE.items():
            event, order = event_about(said(profile.channel, *facts(profile.channel)), EVENT_OF_STATE[state])
            formatted = self.adapter.format(event, order)
            answer = self.adapter.parse(formatted.body) if formatted else None
            ticket = order_of(answer).ticket(TICKET_NO) if isinstance(answer, Observation) else None
            if state in profile.states and (ticket is None or ticket.state != state):
                wrong.append(f"{state} is declared, but read back as {ticket.state if ticket else 'nothing'}")
            if state not in profile.states and ticket is not None and ticket.state == state:
                wrong.append(f"{state} is told and read back, but not declared in Profile.states")
        assert not wrong, listed(wrong)
