"""Five channels, one order: what they say about a seeded day, each in its own language, never contradicts itself.

A dispute here would be an adapter that spells a value differently from another one: a false alarm in production.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from uuid import UUID

import pytest

from adapters.kit.folding import event_of
from adapters.kit.registry import registered
from hub.ledger.fold import fold_observations
from hub.ports import Splitting
from schemas.observation import Observation, Rejection
from schemas.order import Order
from simulators.channels import CHANNELS, codec_for
from simulators.channels.windows import shift_file
from simulators.day import build_plan
from simulators.plan import PlanOptions, Step

DAY = PlanOptions(seed=7, orders=120, date=date(2026, 3, 10))

Said = dict[str, list[tuple[str, Observation]]]


def natives(channel: str, step: Step) -> Iterator[bytes]:
    """The native messages of one act; a window's transaction travels in a file."""
    body = codec_for(channel).encode(step.act, step.message_id).body
    if channel != "windows":
        yield body
        return
    desk = step.act.desk
    adapter = registered()[channel].adapter
    assert isinstance(adapter, Splitting)
    file = shift_file([body], office=desk["office"], window=desk["window"], shift=desk["shift"], business_date=DAY.date)
    parts = adapter.split(file)
    assert not isinstance(parts, Rejection), parts
    yield from (part.raw for part in parts)


@pytest.fixture(scope="module")
def said() -> Said:
    """Every order's observations of all channels, in order of time."""
    told: dict[str, list[tuple[Step, str, Observation]]] = defaultdict(list)
    for channel in CHANNELS:
        for step in build_plan(DAY, only=channel).steps[channel]:
            for raw in natives(channel, step):
                answer = registered()[channel].adapter.parse(raw)
                assert isinstance(answer, Observation), f"{channel}, {step.act.kind}: {answer}"
                assert answer.losses == (), f"{channel}, {step.act.kind}: {answer.losses}"
                told[step.act.order.order_no].append((step, channel, answer))
    return {
        number: [(channel, seen) for _, channel, seen in sorted(acts, key=lambda act: act[0].act.at)]
        for number, acts in told.items()
    }


def folded(said: Said) -> dict[str, Order]:
    return {number: fold_observations(UUID(int=1), acts) for number, acts in said.items()}


def test_orders_cross_channels(said: Said) -> None:
    """the day is worth the test: every channel speaks, and orders are touched by more than one"""
    assert {channel for acts in said.values() for channel, _ in acts} == set(CHANNELS)
    assert sum(len({channel for channel, _ in acts}) > 1 for acts in said.values()) >= 5


def test_no_two_channels_contradict_each_other(said: Said) -> None:
    disputes = {number: order.disputes for number, order in folded(said).items() if order.disputes}
    assert disputes == {}


def test_every_channel_can_be_told_of_every_order_and_repeats_it_rightly(said: Said) -> None:
    """deliveries: what a channel is told, read back as its own words, contradicts nobody"""
    for number, order in folded(said).items():
        assert order.complete, number
        for channel in CHANNELS:
            adapter = registered()[channel].adapter
            formatted = adapter.format(event_of(said[number][-1][1], order, adapter.profile), order)
            assert formatted is not None, f"{channel}, {number}"
            echo = adapter.parse(formatted.body)
            assert isinstance(echo, Observation), f"{channel}: {echo}"
            again = fold_observations(UUID(int=1), [*said[number], (channel, echo)])
            assert again.disputes == (), f"{channel} on {number}"
            assert {t.ticket_no for t in again.tickets} == {t.ticket_no for t in order.tickets}, number


def test_every_channel_has_its_package() -> None:
    assert {import_module(f"adapters.{name}").adapter.profile.channel for name in CHANNELS} == set(CHANNELS)
