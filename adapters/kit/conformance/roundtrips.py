"""Promises about samples and the way back: native, canonical, native keeps facts and money, or says what it lost."""

from adapters.kit.conformance.suite import Suite
from adapters.kit.folding import identities
from adapters.kit.golden import compare
from schemas.facts import ChangeFact, PaymentFact, RefundFact, TicketIssued
from schemas.observation import Observation, Rejection

SAMPLES_LEAST = 10
_REFUSALS = frozenset({"unknown_code", "time_invalid", "identifier_invalid"})


class RoundTrips(Suite):
    """Golden pairs and the round trip."""

    samples_least = SAMPLES_LEAST

    def test_ten_samples_or_more_understood_and_one_per_kind_of_refusal(self) -> None:
        """samples: at least ten golden pairs, and one refusal each for code, amount, time and number"""
        understood = len(list(self.natives()))
        assert understood >= self.samples_least, f"{understood} samples are understood, {self.samples_least} must be"
        answers = {name: self.adapter.parse(raw) for name, raw in self.natives(refused=True)}
        wrong = [name for name, answer in answers.items() if not isinstance(answer, Rejection)]
        assert not wrong, f"understood instead of refused: {wrong}"
        money = (
            {"amount_invalid"} if any('"amount"' in a.model_dump_json() for _, _, a in self.observations()) else set()
        )
        missing = (_REFUSALS | money) - {a.code for a in answers.values() if isinstance(a, Rejection)}
        assert not missing, f"no reject-* sample is refused for {sorted(missing)}"

    def test_samples_are_as_reviewed(self) -> None:
        """samples: native and canonical are as a person reviewed them; no orphans"""
        differing = compare(self.adapter, self.samples)
        assert differing == [], "; ".join(f"{d.name}: {d.what}" for d in differing[:5])

    def test_refusals_are_in_the_catalogue(self) -> None:
        """samples: every refusal has a code of the catalogue, a place, and a sentence"""
        for name, raw in self.natives(refused=True):
            self.refused(raw, name)

    def test_round_trip_keeps_facts(self) -> None:
        """round trip: native, canonical, native keeps every fact or says what it lost"""
        for name, _, observed in self.observations():
            formatted, again = self.echo(name, observed)
            before, after = identities(observed.facts), identities(again)
            invented = sorted(set(after) - set(before))
            assert not invented, f"{name}: told back, it says what nobody said: {invented}"
            if formatted or observed.losses:
                continue
            assert self.kept(before) == self.kept(after), f"{name}: {_difference(self.kept(before), self.kept(after))}"

    def echo(self, name: str, observed: Observation) -> tuple[bool, tuple[object, ...]]:
        """Whether telling the channel of this order lost something, and the facts that it reads back."""
        _, formatted = self.told(observed)
        assert formatted is not None, f"{name}: the channel cannot be told of its own order"
        again = self.adapter.parse(formatted.body)
        assert isinstance(again, Observation), f"{name}: what the channel is told, it refuses to read: {again}"
        return bool(formatted.losses), again.facts

    def kept(self, facts: dict[str, object]) -> dict[str, object]:
        """The facts that a round trip must keep; a channel whose deliveries say less overrides this with a reason."""
        return facts

    def test_round_trip_conserves_money(self) -> None:
        """money: fares, payments, refunds and changes are the same fen after native, canonical, native"""
        for name, _, observed in self.observations():
            lost, again = self.echo(name, observed)
            before, after = amounts(observed.facts), amounts(again)
            differing = {what: (fen, after.get(what)) for what, fen in before.items() if after.get(what) != fen}
            if lost:
                differing = {what: pair for what, pair in differing.items() if pair[1] is not None}
            assert not differing, f"{name}: fen before and after: {differing}"


def amounts(facts: tuple[object, ...]) -> dict[str, int]:
    """Every amount in fen, by what it is of; what is told back with a loss may be silent about one, never wrong."""
    found: dict[str, int] = {}
    for fact in facts:
        match fact:
            case TicketIssued():
                found[f"fare of {fact.ticket.ticket_no}"] = fact.ticket.fare_gross.amount
            case PaymentFact() if fact.fact == "payment.captured":
                found[f"payment {fact.processor_ref}"] = fact.amount_gross.amount
            case RefundFact():
                found[f"refund {fact.refund_ref}"] = fact.amount_net.amount
            case ChangeFact():
                found[f"change {fact.change_ref}"] = fact.difference.amount - fact.fee.amount
    return found


def fares(observation: Observation) -> int:
    """Fen of all tickets issued in one message."""
    return sum(f.ticket.fare_gross.amount for f in observation.facts if isinstance(f, TicketIssued))


def _difference(before: dict[str, object], after: dict[str, object]) -> str:
    missing = sorted(set(before) - set(after))
    other = [f"{i}: {before[i]!r} became {after[i]!r}" for i in before if i in after and before[i] != after[i]]
    return f"not told back: {missing}; told otherwise: {other[:1]}"
