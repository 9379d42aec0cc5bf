"""The OSDM channel keeps every promise of the kit, agrees with the other five, and says what OSDM cannot.

There is no simulator of an international retailer: what the other channels' systems say is folded by the real ledger,
told to the retailer, read back, and must contradict nobody.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import httpx
import pytest
import respx

from adapters.kit.folding import event_of, identities
from adapters.kit.refusing import Losses
from adapters.kit.registry import registered
from adapters.kit.times import SHANGHAI
from adapters.kit.transport import ChannelFault
from adapters.osdm import adapter
from adapters.osdm.aftersales import NOT_NAMED
from adapters.osdm.conformance import Conformance
from adapters.osdm.faults import FAULTS
from adapters.osdm.passengers import write_passenger
from adapters.osdm.transport import ASKING
from adapters.osdm.wire import CHANGE_TYPES, FULFILLMENT_STATES, MODES, OFFER_STATES, PAPER, STATES, TIME
from hub.intake import Answer, Intake, Receipt
from hub.ledger.fold import fold_observations
from hub.ports import Splitting
from hub.store import timetable
from hub.store.checks import ledger_complaints
from hub.store.seal import Seal
from interlock.console.exhibit import exhibit
from interlock.database import Pool
from schemas.codes import code_list
from schemas.facts import ChangeFact, Document, RefundFact, TicketIssued
from schemas.identifiers import ticket_no
from schemas.observation import Observation, Rejection
from schemas.order import Order, OrderPassenger
from schemas.problems import catalogue
from schemas.timetable import Train, TrainStop
from simulators.channels import CHANNELS, codec_for
from simulators.channels.windows import shift_file
from simulators.day import build_plan
from simulators.plan import PlanOptions
from tests.adapters.acts import DAY, NOON, Story, change, desk, order, pay, refund, stories
from tests.adapters.depth import FullDepth

SAMPLES = Path(__file__).parents[2] / "adapters" / "osdm" / "samples"
ORDER = UUID(int=1)


class TestOsdm(Conformance, FullDepth):
    """The kit's suite at full depth."""

    adapter = adapter
    samples = SAMPLES
    vocabulary: ClassVar[Mapping[str, Iterable[object]]] = {
        "status": {*STATES, *FULFILLMENT_STATES, *OFFER_STATES, "INITIATED", "CAPTURED", "FAILED", "CHARGED_BACK"},
        "messageType": MODES,
        "medium": PAPER,
    }


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.native.json").read_text(encoding="utf-8"))


def parse(message: Any) -> Observation:
    answer = adapter.parse(json.dumps(message, ensure_ascii=False).encode())
    assert isinstance(answer, Observation), answer
    return answer


def told(observed: Observation, order: Order) -> Observation:
    """What the retailer is told of an order, read back as its own words."""
    formatted = adapter.format(event_of(observed, order, adapter.profile), order)
    assert formatted is not None
    answer = adapter.parse(formatted.body)
    assert isinstance(answer, Observation), answer
    return answer


# --- one order, many channels --------------------------------------------------------------------------------------


def natives(channel: str, story: Story, act: int) -> Iterator[Observation]:
    """What one channel's own system says of an act, as its adapter understands it."""
    body = codec_for(channel).encode(story.acts[act], f"{channel}-{act}").body
    own = registered()[channel].adapter
    raws = [body]
    if channel == "windows":
        at = desk("windows")
        assert isinstance(own, Splitting)
        whole = shift_file([body], office=at["office"], window=at["window"], shift=at["shift"], business_date=DAY)
        parts = own.split(whole)
        assert not isinstance(parts, Rejection)
        raws = [part.raw for part in parts]
    for raw in raws:
        answer = own.parse(raw)
        assert isinstance(answer, Observation), answer
        yield answer


def changed_and_refunded(seller: str, number: str) -> Story:
    """Sold by ``seller``, changed to a dearer train at a window, then given back by phone."""
    made = order("web", 1)
    made.order_no, made.channel, made.seller = number, seller, {}
    made.tickets[0].ticket_no = ticket_no.build(number, 1, "05", "12A")
    pay(made, NOON, processor="bank")
    story = Story("three channels", made).act("sale", seller if seller in CHANNELS else "web", NOON)
    new = change(made, NOON + timedelta(hours=2), 60000, 0)
    story.act("change", "windows", NOON + timedelta(hours=2), new)
    refund(made, new, NOON + timedelta(hours=6), 3000)
    return story.act("refund", "phone", NOON + timedelta(hours=6), new)


def bought_from_the_retailer(story: Story) -> Observation:
    """The sale in OSDM, written by hand: a sample with this order's number and payment."""
    text = json.dumps(sample("sale-one-ticket")).replace("EO00000001", story.order.order_no)
    return parse(json.loads(text.replace("E2E0000000001", story.order.payments[0].processor_ref)))


def after(story: Story) -> list[tuple[str, Observation]]:
    """The change at the window and the refund by phone."""
    window = [("windows", seen) for seen in natives("windows", story, 1)]
    return [*window, *(("phone", seen) for seen in natives("phone", story, 2))]


def without_the_seller(made: Order) -> dict[str, Any]:
    """An order but for who sold it, and under which numbers of their own."""
    content = made.model_dump(mode="json", exclude={"channel", "point_of_sale", "references", "version"})
    for ticket in content["tickets"]:
        ticket.pop("point_of_sale")
    return content


def test_bought_from_the_retailer_changed_at_a_window_refunded_by_phone_is_the_same_order() -> None:
    foreign, native = changed_and_refunded("osdm", "EO00000001"), changed_and_refunded("web", "EO00000001")
    abroad = fold_observations(ORDER, [("osdm", bought_from_the_retailer(foreign)), *after(foreign)])
    at_home = fold_observations(ORDER, [*(("web", seen) for seen in natives("web", native, 0)), *after(native)])
    assert abroad.disputes == at_home.disputes == ()
    assert (abroad.channel, at_home.channel) == ("osdm", "web")
    assert [ticket.state for ticket in abroad.tickets] == ["changed", "refunded"]
    assert without_the_seller(abroad) == without_the_seller(at_home)


def test_messages_in_any_order_give_the_same_order() -> None:
    story = changed_and_refunded("osdm", "EO00000001")
    said = [("osdm", bought_from_the_retailer(story)), *after(story)]
    first = fold_observations(ORDER, said)
    assert fold_observations(ORDER, said[::-1]) == first
    assert fold_observations(ORDER, [*said, *said]) == first


def test_the_retailer_is_told_what_happened_elsewhere_and_contradicts_nobody() -> None:
    story = changed_and_refunded("osdm", "EO00000001")
    said = [("osdm", bought_from_the_retailer(story)), *after(story)]
    made = fold_observations(ORDER, said)
    echo = told(said[-1][1], made)
    assert [loss.pointer for loss in echo.losses] == []
    assert fold_observations(ORDER, [*said, ("osdm", echo)]).disputes == ()
    assert {f.change_ref for f in echo.facts if isinstance(f, ChangeFact)} == {c.change_id for c in made.changes}
    assert {f.refund_ref for f in echo.facts if isinstance(f, RefundFact)} == {r.refund_ref for r in made.refunds}


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_story_of_the_other_channels_can_be_told_to_the_retailer(channel: str) -> None:
    profile = registered()[channel].adapter.profile
    for name, story in stories(channel, profile.asks | profile.tells).items():
        said = [(channel, seen) for act in range(len(story.acts)) for seen in natives(channel, story, act)]
        made = fold_observations(ORDER, said)
        if not made.complete:
            continue  # scope "own": the retailer is told of orders that it took part in, so that it knows the sale
        echo = told(said[-1][1], made)
        again = fold_observations(ORDER, [*said, ("osdm", echo)])
        assert again.disputes == (), f"{channel}, {name}: {again.disputes}"
        assert without_versions(again) == without_versions(made), f"{channel}, {name}"


def without_versions(made: Order) -> dict[str, Any]:
    return made.model_dump(exclude={"version", "updated_at", "references"})


def test_a_seeded_day_of_all_channels_can_be_told_to_the_retailer() -> None:
    day = PlanOptions(seed=11, orders=60, date=DAY.replace(month=3))
    orders: dict[str, list[tuple[str, Observation]]] = {}
    for channel in ("web", "app", "phone", "agents"):
        for step in build_plan(day, only=channel).steps[channel]:
            seen = registered()[channel].adapter.parse(codec_for(channel).encode(step.act, step.message_id).body)
            assert isinstance(seen, Observation)
            orders.setdefault(step.act.order.order_no, []).append((channel, seen))
    for number, said in orders.items():
        made = fold_observations(ORDER, said)
        if made.complete:
            again = fold_observations(ORDER, [*said, ("osdm", told(said[-1][1], made))])
            assert again.disputes == made.disputes, number
            assert {t.ticket_no for t in again.tickets} == {t.ticket_no for t in made.tickets}, number


# --- one booking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["sale-of-three", "exchange-then-refund", "refund-over-two-payments", "hold", "payment-charged-back"]
)
def test_a_booking_goes_round_through_the_real_fold(name: str) -> None:
    observed = parse(sample(name))
    made = fold_observations(ORDER, [("osdm", observed)])
    again = told(observed, made)
    assert identities(again.facts) == identities(observed.facts)
    assert fold_observations(ORDER, [("osdm", observed), ("osdm", again)]).disputes == ()


@pytest.mark.parametrize("row", [r for r in code_list("override_reason").rows if r["osdm"]], ids=lambda r: r["code"])
def test_every_overrule_code_is_understood_and_told(row: dict[str, str]) -> None:
    message = sample("refund-overridden")
    message["booking"]["refundOffers"][0]["appliedOverruleCode"] = row["osdm"]
    observed = parse(message)
    (request,) = [fact for fact in observed.facts if isinstance(fact, RefundFact)]
    assert request.override is not None
    assert (request.override.reason, request.override.staff) == (row["code"], "duty manager 0415")
    assert identities(told(observed, fold_observations(ORDER, [("osdm", observed)])).facts) == identities(
        observed.facts
    )


def test_an_override_that_nobody_signed_is_less_than_one_that_somebody_did() -> None:
    observed = parse(sample("refund-overridden-by-nobody-named"))
    (request,) = [fact for fact in observed.facts if isinstance(fact, RefundFact)]
    assert request.override is not None
    assert request.override.staff == NOT_NAMED
    assert [loss.reason for loss in observed.losses] == ["less_precise"]


@pytest.mark.parametrize("kind", CHANGE_TYPES)
def test_the_type_of_an_event_implies_nothing(kind: str) -> None:
    message = sample("sale-one-ticket")
    before = parse(message)
    assert parse(message | {"type": kind}) == before


@pytest.mark.parametrize("currency", ["EUR", "CHF", "HKD", "cny", "XXX"])
def test_other_currencies_are_refused_wherever_they_stand(currency: str) -> None:
    places: tuple[Callable[[Any], Any], ...] = (
        lambda m: m["booking"]["bookedOffers"][0]["admissions"][0]["price"],
        lambda m: m["booking"]["bookedOffers"][0]["reservations"][0]["price"],
        lambda m: m["booking"]["refundOffers"][0]["refundFee"],
        lambda m: m["booking"]["refundOffers"][0]["refundableAmount"],
        lambda m: m["payments"][0]["amount"],
        lambda m: m["reimbursements"][0]["refundableAmount"],
    )
    for place in places:
        message = sample("refund")
        place(message)["currency"] = currency
        answer = adapter.parse(json.dumps(message).encode())
        assert isinstance(answer, Rejection)
        assert (answer.code, answer.pointer.rpartition("/")[2], answer.expected) == (
            "amount_invalid",
            "currency",
            "CNY",
        )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-09T12:00:00+08:00", "2026-01-09T12:00:00+08:00"),
        ("2026-01-09T04:00:00Z", "2026-01-09T12:00:00+08:00"),
        ("2026-01-08T23:00:00.25-05:00", "2026-01-09T12:00:00.250000+08:00"),
        ("2026-01-09T12:00:00", None),
        ("2026-01-09 12:00:00+08:00", None),
        ("2026-01-09T24:00:00+08:00", None),
        ("2026-01-09T12:00:60+08:00", None),
        ("2026-02-30T12:00:00+08:00", None),
        ("0026-01-09T12:00:00+08:00", None),
        ("2026-01-09T12:00:00+25:00", None),
        ("２０２６-01-09T12:00:00+08:00", None),
    ],
)
def test_times_have_an_offset(written: str, read: str | None) -> None:
    found = TIME.read(written)
    assert (found and found.isoformat()) == read
    assert found is None or TIME.read(TIME.write(found)) == found


@pytest.mark.parametrize(
    ("name", "last", "first"),
    [
        ("测试甲", "测", "试甲"),
        ("欧阳测试", "欧阳", "测试"),
        ("TEST DOE", "TEST", "DOE"),
        ("TEST VAN DOE", "TEST", "VAN DOE"),
        ("MONONYM", "MONONYM", None),
    ],
)
def test_a_name_is_cut_by_convention_and_comes_back_whole(name: str, last: str, first: str | None) -> None:
    person = OrderPassenger(
        passenger_id="p1", name=name, document=Document(type="passport", number="EX0000001"), type="adult"
    )
    message = sample("sale-one-ticket")
    message["booking"]["passengers"] = [write_passenger(person, "", Losses())]
    detail = message["booking"]["passengers"][0]["detail"]
    assert (detail["lastName"], detail.get("firstName")) == (last, first)
    assert passengers(parse(message)) == {name}
    del message["booking"]["passengers"][0]["identificationCard"]["name"]
    assert passengers(parse(message)) == {name}


def passengers(observed: Observation) -> set[str]:
    return {fact.ticket.passenger.name for fact in observed.facts if isinstance(fact, TicketIssued)}


def test_a_retailers_own_numbers_find_the_order() -> None:
    claims = {(c.system, c.kind): c.value for c in parse(sample("sale-one-ticket")).references}
    assert claims[("rail", "order")] == "EO00000001"
    assert claims[("osdm", "order")] == "B-000001"
    assert claims[("osdm", "agent_order")] == "R-2026-000001"


def test_a_split_refund_has_one_leader() -> None:
    refunds = [f for f in parse(sample("refund-over-two-payments")).facts if isinstance(f, RefundFact)]
    assert [(f.part_of, f.payment_ref is not None) for f in refunds] == [(None, True), (refunds[0].refund_ref, True)]
    assert sum(f.amount_net.amount for f in refunds) == 52550


def test_every_amount_of_a_refund_that_does_not_add_up_is_refused() -> None:
    for name in ("refundFee", "refundableAmount"):
        message = deepcopy(sample("refund-over-two-payments"))
        message["reimbursements"][1][name]["amount"] += 1
        answer = adapter.parse(json.dumps(message).encode())
        assert isinstance(answer, Rejection)
        assert (answer.code, answer.pointer) == ("amount_invalid", f"/booking/refundOffers/0/{name}")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.native.json")), ids=lambda path: path.name.split(".")[0])
def test_the_console_shows_nobody(path: Path) -> None:
    """OSDM tells a name three times and a birthday: no operator may read them off a message."""
    exhibited = exhibit(adapter, path.read_bytes())
    shown = "\n".join([*(line.text for line in exhibited.lines), json.dumps(exhibited.losses, ensure_ascii=False)])
    people = json.loads(path.read_bytes())["booking"]["passengers"]
    for person in people:
        card, detail = person["identificationCard"], person.get("detail", {})
        said = (card["id"], card["name"], person.get("dateOfBirth"), detail.get("contact", {}).get("phoneNumber"))
        assert not [value for value in said if value and value in shown]
        assert not [key for key in ("firstName", "lastName") if f'"{key}": "{detail.get(key)}"' in shown]
    assert "test@example.com" not in shown


# --- the real hub --------------------------------------------------------------------------------------------------


NOW = datetime(2026, 1, 9, 12, 1, tzinfo=SHANGHAI)


@pytest.fixture
def g11(pool: Pool) -> Pool:
    """A hub that knows the samples' train, so that it guards the seats in it."""
    stops = (
        TrainStop(station="VNP", arrive="08:00", depart="08:00"),
        TrainStop(station="AOH", arrive="12:36", depart="12:36"),
    )
    train = Train(
        train_code="G11", train_no="24000000G11A", valid_from=DAY, valid_to=DAY + timedelta(days=9), stops=stops
    )
    with pool.connection() as connection:
        timetable.load(connection, [train])
    return pool


def take(pool: Pool, *messages: Any) -> list[Answer]:
    """What the hub answers to messages of the retailer, one after the other; its standing checks are content."""
    adapters = {name: found.adapter for name, found in registered().items()}
    intake = Intake(pool, adapters, Seal(b"f" * 32, b"b" * 32), uuid4)
    raws = [json.dumps(message, ensure_ascii=False).encode() for message in messages]
    answers = [intake.take([Receipt("osdm", f"m-{uuid4()}", raw, "http", NOW)])[0] for raw in raws]
    with pool.connection() as connection:
        assert ledger_complaints(connection) == []
    return answers


def numbered(name: str, serial: int) -> Any:
    """A sample as another order: the same train and place, other numbers."""
    text = json.dumps(sample(name))
    old = json.loads(text)["booking"]["bookingCode"]
    for prefix, digits in (("EO", 8), ("B-", 6), ("E2E", 10)):
        text = text.replace(f"{prefix}{int(old[2:]):0{digits}d}", f"{prefix}{serial:0{digits}d}")
    return json.loads(text)


def test_a_hold_is_asked_for_and_the_same_place_is_not_given_twice(g11: Pool) -> None:
    """The retailer's second customer asks for the place of its first: the hub says no, with the reason."""
    other = numbered("hold", 99)
    for number, person in enumerate(other["booking"]["passengers"]):
        person.pop("dateOfBirth")
        person["identificationCard"] = {"id": f"EX900000{number}", "type": "PASSPORT", "name": "TEST OTHER"}
    first, again, second = take(g11, sample("hold"), sample("hold"), other)
    assert (first.outcome, again.outcome) == ("applied", "witnessed")
    assert (second.outcome, second.body["code"]) == ("refused", "seat_already_sold")


def test_a_hold_on_a_train_that_nobody_knows_is_refused(pool: Pool) -> None:
    (answer,) = take(pool, sample("hold"))
    assert (answer.outcome, answer.body["code"]) == ("refused", "train_unknown")


@pytest.mark.parametrize(("after", "outcome"), [("sale-one-ticket", "disputed"), ("release", "applied")])
def test_a_release_frees_the_place_before_the_money_is_back(g11: Pool, after: str, outcome: str) -> None:
    """Sold and then released, the place can be sold again; only sold, the second sale is a dispute."""
    answers = take(g11, numbered("sale-one-ticket", 51), numbered(after, 51), numbered("sale-one-ticket", 98))
    assert answers[-1].outcome == outcome


def test_every_sample_can_be_taken_by_the_hub(pool: Pool) -> None:
    """Whatever the retailer tells is kept; asks for a train that no timetable has are the only other refusals."""
    names = sorted(path.name.removesuffix(".native.json") for path in SAMPLES.glob("*.native.json"))
    answers = dict(zip(names, take(pool, *(sample(name) for name in names)), strict=True))
    refused = {name for name, answer in answers.items() if answer.outcome == "refused"}
    malformed = {name for name in names if name.startswith("reject-")}
    assert refused == malformed | {name for name in names if sample(name)["messageType"] == "ask"}


# --- the connection ------------------------------------------------------------------------------------------------


def test_every_fault_has_a_code_of_the_catalogue() -> None:
    assert {fault.code for fault in FAULTS.values()} <= set(catalogue())


@pytest.mark.parametrize(
    ("answer", "whose", "retry"),
    [
        (
            httpx.Response(409, headers={"content-type": "application/problem+json"}, json={"code": "X"}),
            "channel",
            True,
        ),
        (
            httpx.Response(
                400, headers={"content-type": "application/problem+json"}, json={"code": "UNSUPPORTED_VERSION"}
            ),
            "operator",
            False,
        ),
        (httpx.Response(401, headers={"content-type": "application/problem+json"}, content=b"{"), "operator", False),
        (httpx.Response(401, headers={"content-type": "application/problem+json"}, content=b"[]"), "operator", False),
        (httpx.Response(404, content=b"no such page"), "hub", False),
    ],
)
def test_a_problem_document_says_what_is_wrong(answer: httpx.Response, whose: str, retry: bool) -> None:
    with respx.mock:
        respx.get("http://retailer.test/extracts/2026-01-09").mock(return_value=answer)
        with pytest.raises(ChannelFault) as fault:
            ASKING.day_extract("http://retailer.test", DAY)
    assert (fault.value.fault.whose, fault.value.fault.retry) == (whose, retry)


def test_readme_names_every_field_of_the_samples() -> None:
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")
    elsewhere = {"purchaser", "ancillaries", "publishedServiceName", "vats", "countryCode", "email", "gender"}
    names: set[str] = set()

    def gather(value: object) -> None:
        if isinstance(value, dict):
            names.update(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            gather(item)

    for path in SAMPLES.glob("*.native.json"):
        gather(json.loads(path.read_text(encoding="utf-8")))
    assert {name for name in names - elsewhere if f"`{name}`" not in readme} == set()
