"""The suite itself: for every kind of promise an adapter that breaks it, and only then a broken line.

Each of these wraps the web channel and does one thing wrong, as a hurried author might.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import SkipTest
from zoneinfo import ZoneInfo

import pytest

from adapters.kit.capability import may
from adapters.kit.conformance import AdapterConformance, promises
from adapters.kit.conformance.dates import clock_changes, moved_to, times
from adapters.kit.conformance.fields import ABSENT, CsvFields, Field, FixedFields, JsonFields, XmlFields
from adapters.kit.refusing import refusal
from adapters.kit.registry import registered
from adapters.kit.scorecard import Score, scorecard
from adapters.web import adapter as web
from hub.ports import Formatted, Profile
from schemas.acts import ACTS, EVIDENCE, explained_by, not_among
from schemas.codes import code_list
from schemas.events import OrderEvent
from schemas.facts import TicketIssued
from schemas.observation import Observation, Rejection
from schemas.order import Order

SAMPLES = Path(__file__).parents[2] / "adapters" / "web" / "samples"
NEW_YORK = ZoneInfo("America/New_York")


class Wrapped:
    """The web's adapter, but for one thing."""

    profile: Profile = web.profile

    def parse(self, raw: bytes) -> Observation | Rejection:
        return web.parse(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return web.format(event, order)


def altered(raw: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The order of a message changed before it is read; what is no such message stays as it is."""
    try:
        content = json.loads(raw)
        for order in content.get("OrderDTODataList") or content["orderDBList"]:
            change(order)
    except (ValueError, LookupError, TypeError, AttributeError):
        return raw
    return json.dumps(content, ensure_ascii=False).encode()


class Deaf(Wrapped):
    """Never looks at a phone number, and says nothing of it."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        def overhear(order: dict[str, Any]) -> None:
            for ticket in order["tickets"]:
                ticket["passengerDTO"].pop("mobile_no", None)

        return web.parse(altered(raw, overhear))


class Guesser(Wrapped):
    """Takes an unknown way to pay for cash."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        def guess(order: dict[str, Any]) -> None:
            for payment in order.get("payments", ()):
                if code_list("payment_method").read("web", str(payment["payModeCode"])) is None:
                    payment["payModeCode"] = "CA"

        return web.parse(altered(raw, guess))


class Mender(Wrapped):
    """Closes what was cut off."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = web.parse(raw)
        if isinstance(answer, Rejection) and answer.code == "message_truncated":
            mended = web.parse(raw + b"}")
            return mended if isinstance(mended, Observation) else answer
        return answer


class Local(Wrapped):
    """Reads times in the zone of this computer."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = web.parse(raw)
        if isinstance(answer, Rejection):
            return answer
        return answer.model_copy(update={"occurred_at": answer.occurred_at.replace(tzinfo=None).astimezone()})


class NoLeapDay(Wrapped):
    """Tells 29 February as 28."""

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        formatted = web.format(event, order)
        if formatted is None:
            return None
        return replace(formatted, body=formatted.body.replace(b"2028-02-29", b"2028-02-28"))


class Boaster(Wrapped):
    """Declares what none of its samples shows, and a state it cannot say."""

    profile = replace(
        web.profile, asks=frozenset({*web.profile.asks, "refund"}), states=web.profile.states | {"entered"}
    )


class Modest(Wrapped):
    """Tells more than it declares."""

    profile = replace(web.profile, tells=web.profile.tells - {"refund"})


class Smiling(Wrapped):
    """What it cannot say, it leaves out with a smile."""

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        formatted = web.format(event, order)
        return replace(formatted, losses=()) if formatted else None


class Mute(Wrapped):
    """Subscribes to everything and has no message for cancellations."""

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return None if event.type == "order.cancelled" else web.format(event, order)


class Twofold(Wrapped):
    """States its first fact twice."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = web.parse(raw)
        if isinstance(answer, Rejection):
            return answer
        return answer.model_copy(update={"facts": (*answer.facts, answer.facts[0])})


class Careless(Wrapped):
    """Builds facts without the contract's checks, and does not check them itself."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = web.parse(raw)
        if isinstance(answer, Rejection) or not isinstance(fact := answer.facts[0], TicketIssued):
            return answer
        person = fact.ticket.passenger.model_copy(update={"name": fact.ticket.passenger.name * 200})
        ticket = fact.ticket.model_copy(update={"passenger": person})
        return answer.model_copy(update={"facts": (fact.model_copy(update={"ticket": ticket}), *answer.facts[1:])})


class SlowClock(Wrapped):
    """A channel in New York that writes local times without their offset, read by an adapter that does not care."""

    profile = replace(web.profile, zone="America/New_York")

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = web.parse(raw)
        if isinstance(answer, Rejection):
            return answer
        told: Observation = rezoned(answer, lambda at: at.replace(tzinfo=NEW_YORK))
        return told

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        here = order.tickets[0].state_since.tzinfo if order.tickets else None
        shanghai = ZoneInfo("Asia/Shanghai")
        told = rezoned(order, lambda at: at.astimezone(here or NEW_YORK).astimezone(NEW_YORK).replace(tzinfo=shanghai))
        return web.format(event, told)


class CarefulClock(SlowClock):
    """The same channel, whose adapter refuses an hour that is missing or comes twice."""

    def parse(self, raw: bytes) -> Observation | Rejection:
        answer = super().parse(raw)
        if isinstance(answer, Observation):
            for at in instants(answer):
                if at.utcoffset() != at.replace(fold=1).utcoffset():
                    detail = f"{at:%Y-%m-%d %H:%M} is no one moment in New York"
                    return refusal("time_invalid", "/", detail, expected="a time with one meaning").rejection
        return answer


def rezoned(value: Any, change: Callable[[datetime], datetime]) -> Any:
    """A canonical value with every instant changed."""
    if isinstance(value, datetime):
        return change(value)
    if isinstance(value, tuple):
        return tuple(rezoned(item, change) for item in value)
    if hasattr(value, "model_copy"):
        return value.model_copy(update={name: rezoned(item, change) for name, item in value})
    return value


def instants(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from instants(item)
    elif hasattr(value, "model_copy"):
        for _, item in value:
            yield from instants(item)


BREAKERS = [
    (Deaf, "every_field_is_heard", "mobile_no"),
    (Guesser, "unknown_words_are_never_guessed", "payModeCode"),
    (Mender, "truncated_is_refused", "cut at byte"),
    (Careless, "mutations_never_raise", "passenger/name: String should have at most 200 characters"),
    (Local, "this_machines_zone_does_not_matter", "differs in"),
    (NoLeapDay, "midnights_month_ends", "2028-02-2"),
    (Boaster, "declared_acts_are_shown", "asks refund"),
    (Boaster, "declared_states_can_be_told", "entered is declared"),
    (Modest, "shown_acts_are_declared", "ticket.refunded (refund)"),
    (Smiling, "what_cannot_be_told_is_a_loss", "'void'"),
    (Mute, "every_subscribed_event_is_told", "order.cancelled"),
    (Twofold, "identities_are_told_once", "twice"),
    (SlowClock, "clock_changes_of_the_channels_zone", "exist"),
]


def promise_of(adapter: Wrapped, words: str) -> Callable[[], None]:
    """One promise of the suite, over the web's samples."""
    suite = type("Suite", (AdapterConformance,), {"adapter": adapter, "samples": SAMPLES})
    test: Callable[[], None] = getattr(suite(), next(name for name in promises(suite) if words in name))
    return test


@pytest.mark.parametrize(("adapter", "promise", "words"), BREAKERS, ids=[f"{b[0].__name__}-{b[1]}" for b in BREAKERS])
def test_whoever_breaks_a_promise_is_found_out(adapter: type[Wrapped], promise: str, words: str) -> None:
    with pytest.raises(AssertionError) as failure:
        promise_of(adapter(), promise)()
    assert words in str(failure.value)


@pytest.mark.parametrize(
    "promise", sorted({promise for _, promise, _ in BREAKERS} - {"clock_changes_of_the_channels_zone"})
)
def test_who_does_nothing_wrong_keeps_them(promise: str) -> None:
    promise_of(Wrapped(), promise)()


def test_a_clock_that_is_put_back_can_be_handled() -> None:
    promise_of(CarefulClock(), "clock_changes_of_the_channels_zone")()


def test_a_zone_without_clock_changes_is_skipped_with_the_reason() -> None:
    with pytest.raises(SkipTest, match="Asia/Shanghai has no daylight saving time"):
        promise_of(Wrapped(), "clock_changes_of_the_channels_zone")()


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return scorecard(registered()["web"])


def test_what_is_not_declared_is_shown_with_the_reason(scores: list[Score]) -> None:
    skipped = {score.promise.split(":")[0]: score for score in scores if score.kept is None}
    assert "no daylight saving time" in skipped["zones"].detail
    assert "microseconds" in skipped["information"].promise


def test_the_scorecard_has_every_promise_once(scores: list[Score]) -> None:
    assert len({score.promise for score in scores}) == len(scores)
    assert len(scores) == len(list(promises(AdapterConformance))) + 4


class TestFields:
    """Every wire's fields: named, changed, left out, and as they were afterwards."""

    def test_json(self) -> None:
        message = JsonFields().open(b'{"a":{"b":[1,{"c":"x"}]},"d":1.50}')
        assert [(f.path, f.pattern, f.name) for f in message.fields] == [
            ("/a/b/0", "/a/b/*", "b"),
            ("/a/b/1/c", "/a/b/*/c", "c"),
            ("/d", "/d", "d"),
        ]
        assert message.written({"/a/b/1/c": "y"}) == b'{"a":{"b":[1,{"c":"y"}]},"d":1.50}'
        assert message.written({"/d": ABSENT}) == b'{"a":{"b":[1,{"c":"x"}]}}'
        assert message.written({}) == b'{"a":{"b":[1,{"c":"x"}]},"d":1.50}'

    def test_xml(self) -> None:
        raw = '<?xml version="1.0" encoding="GB18030"?>\n<o xmlns="u" k="1"><t><n>甲</n></t><t><n>乙</n></t></o>'
        message = XmlFields("GB18030").open(raw.encode("gb18030"))
        assert [(f.path, f.pattern, f.value) for f in message.fields] == [
            ("/@k", "/@k", "1"),
            ("/t[1]/n", "/t/n", "甲"),
            ("/t[2]/n", "/t/n", "乙"),
        ]
        assert "<n>丙</n></t></o>" in message.written({"/t[2]/n": "丙"}).decode("gb18030")
        assert "<t/>" in message.written({"/t[1]/n": ABSENT}).decode("gb18030")
        assert message.written({}).decode("gb18030") == raw.replace("?>\n", "?>")
        changed, places = XmlFields("GB18030").with_unknown(raw.encode("gb18030"))
        assert places == {"/t[1]/x_unknown_field", "/t[2]/x_unknown_field"}
        assert changed.decode("gb18030").count("x_unknown_field>?") == 2

    def test_csv(self) -> None:
        message = CsvFields("utf-8").open(b'no;name\r\n1;"a;b"\r\n')
        assert [(f.path, f.name, f.value) for f in message.fields] == [
            ("line 2, column no", "no", "1"),
            ("line 2, column name", "name", "a;b"),
        ]
        assert message.written({"line 2, column no": "2"}) == b'no;name\r\n2;"a;b"\r\n'
        changed, places = CsvFields("utf-8").with_unknown(b"no;name\n1;x\n")
        assert (changed, places) == (b"no;name;x_unknown_field\n1;x;?\n", {"line 2, column x_unknown_field"})

    def test_fixed(self) -> None:
        wire = FixedFields("gb18030", lambda line: {"no": (1, 3), "name": (4, 9)} if line else {}, reserve="name")
        message = wire.open("007甲乙  \n".encode("gb18030"))
        assert [(f.path, f.name, f.value, f.width) for f in message.fields] == [("line 1, columns 1-3", "no", "007", 3)]
        assert message.written({"line 1, columns 1-3": "12345"}) == "123甲乙  \n".encode("gb18030")
        assert wire.with_unknown(b"007      \n") == (b"007?     \n", {"line 1, columns 4-9"})

    def test_a_field_is_named_by_its_name_or_its_path(self) -> None:
        field = Field("/tickets/0/seat_name", "/tickets/*/seat_name", "x")
        assert field.named_by({"seat_name": "why"})
        assert field.named_by({"/tickets/*/seat_name": "why"})
        assert not field.named_by({"/seat_name": "why", "seat": "why"})


class TestActs:
    """Acts, the facts that show them, and who may do them."""

    def test_every_act_has_words_and_evidence(self) -> None:
        named = {row["code"] for row in code_list("act").rows} - {"unknown"}
        assert named == set(ACTS) == set(EVIDENCE)

    def test_what_is_nobodys_act_needs_no_declaration(self) -> None:
        assert explained_by("ticket.hold_expired") == frozenset()
        assert explained_by("refund.settled") == frozenset()

    def test_only_the_newest_facts_are_the_message(self) -> None:
        answer = web.parse((SAMPLES / "refund-two-of-three.native.json").read_bytes())
        assert isinstance(answer, Observation)
        assert "ticket.refunded" in not_among(frozenset(), answer.facts)
        assert "ticket.issued" not in not_among(frozenset(), answer.facts)
        assert not_among(frozenset({"refund"}), answer.facts) == {}

    def test_who_may_not_is_told_where_to_go(self) -> None:
        profiles = {
            "shop": replace(web.profile, channel="shop", asks=frozenset({"hold"}), tells=frozenset({"sell"})),
            "desk": replace(web.profile, channel="desk", asks=frozenset(), tells=frozenset({"refund"})),
        }
        assert may(profiles, "shop", "hold", "ask").may
        no = may(profiles, "shop", "refund", "ask")
        assert (no.may, no.elsewhere) == (False, ("desk",))
        assert "tells only" in may(profiles, "shop", "sell", "ask").why
        with pytest.raises(KeyError):
            may(profiles, "nobody", "refund", "ask")


def test_a_year_without_clock_changes_has_none_and_one_with_them_both() -> None:
    assert clock_changes(ZoneInfo("Asia/Shanghai"), 2026) == []
    ((missing, twice),) = clock_changes(NEW_YORK, 2026)
    assert (missing.isoformat()[:16], twice.isoformat()[:16]) == ("2026-03-08T02:00", "2026-11-01T01:00")


def test_an_order_is_moved_as_a_whole() -> None:
    answer = web.parse((SAMPLES / "sale-night-train.native.json").read_bytes())
    assert isinstance(answer, Observation)
    before = next(iter(times(answer).values()))
    moved = moved_to(answer, datetime(2028, 2, 29, 0, 26, tzinfo=ZoneInfo("Asia/Shanghai")))
    after = next(iter(times(moved).values()))
    assert [a - b for a, b in zip(after[1:], before[1:], strict=True)] == [after[1] - before[1]] * 3  # type: ignore[operator]
    assert str(after[0]) == "2028-02-28"
