"""The call centre: everything the suite asks, and what only XML in GB18030 can get wrong."""

from datetime import date
from pathlib import Path

import httpx
import pytest
import respx

import adapters.phone
from adapters.kit.folding import event_of, order_of
from adapters.kit.transport import ChannelFault
from adapters.phone import adapter
from adapters.phone.conformance import Conformance
from hub.ports import Formatted
from schemas.codes import code_list
from schemas.facts import Override, PickupCollected, RefundFact, TicketChanged, TicketHeld
from schemas.observation import Observation, Rejection
from simulators.channels.phone import codec
from tests.adapters.acts import Story, hold_cancel, sale_family
from tests.adapters.channel import ChannelConformance


class TestPhone(Conformance, ChannelConformance, channel="phone"):
    """A call centre reserves, cancels and refunds; others pay and collect."""

    def stories(self) -> dict[str, Story]:
        """Without those in which paper is printed: the call centre knows who collected, not what was printed."""
        told = super().stories()
        return {name: story for name, story in told.items() if all(act.kind != "collect" for act in story.acts)}


def message() -> bytes:
    """A cancellation of two held tickets."""
    return codec.encode(hold_cancel("phone").acts[-1], "m-1").body


def refused(raw: bytes) -> Rejection:
    answer = adapter.parse(raw)
    assert isinstance(answer, Rejection)
    return answer


def replaced(old: str, new: str) -> bytes:
    text = message().decode("gb18030")
    assert old in text
    return text.replace(old, new, 1).encode("gb18030")


def test_utf8_is_not_what_the_declaration_says() -> None:
    assert refused(message().decode("gb18030").encode("utf-8")).code in {"encoding_damaged", "message_malformed"}


def test_a_declaration_of_another_encoding_is_refused() -> None:
    assert refused(replaced("GB18030", "UTF-8")).code == "encoding_damaged"


@pytest.mark.parametrize(
    "entity",
    [
        '<!DOCTYPE x [<!ENTITY bomb "boom">]>',
        '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_no_document_type_and_so_no_entities_and_no_network(entity: str) -> None:
    answer = refused(replaced("<soap:Envelope", f"{entity}<soap:Envelope"))
    assert (answer.code, answer.found, answer.pointer) == ("message_malformed", "<!DOCTYPE", "line 2, column 1")


@pytest.mark.parametrize(
    ("old", "new", "code", "pointer"),
    [
        ("<Price>553.0</Price>", "<Price>-553.0</Price>", "amount_invalid", "Ticket[1]/Price"),
        ("<Price>553.0</Price>", "<Price>553.005</Price>", "amount_invalid", "Ticket[1]/Price"),
        ("<Price>553.0</Price>", "", "amount_invalid", "Ticket[1]/Price"),
        ("<Price>553.0</Price>", "<Price>1</Price><Price>2</Price>", "amount_invalid", "Ticket[1]/Price"),
        ("已取消", "已飞走", "unknown_code", "Ticket[1]/Status"),
        ("<From>北京南", "<From>无此站", "unknown_code", "Ticket[1]/From"),
        ("2026年01月11日 08:00", "2026年02月30日 08:00", "time_invalid", "Ticket[1]/DepartAt"),
        ("2026年01月11日 08:00", "2026年01月11日 24:00", "time_invalid", "Ticket[1]/DepartAt"),
        ("05车12A号", "第五车", "message_malformed", "Ticket[1]/Seat"),
        ("<RailOrderNo>EP", "<RailOrderNo>XP", "identifier_invalid", "Order/RailOrderNo"),
        ("<TicketNo>EP0", "<TicketNo>EP9", "identifier_invalid", "Ticket[1]/TicketNo"),
    ],
)
def test_refusals_name_the_place(old: str, new: str, code: str, pointer: str) -> None:
    answer = refused(replaced(old, new))
    assert answer.code == code
    assert answer.pointer.endswith(pointer)


def test_an_unknown_class_is_a_loss_and_the_fact_stands() -> None:
    answer = adapter.parse(replaced("二等座", "贵宾座"))
    assert isinstance(answer, Observation)
    assert [(loss.reason, loss.pointer.rpartition("/")[2]) for loss in answer.losses] == [("unknown_code", "Seat")]


def test_a_day_is_split_into_its_orders() -> None:
    orders = [hold_cancel("phone").order, sale_family("web").order]
    parts = adapter.split(codec.extract(orders, orders[0].booked_at.date()).body)
    assert not isinstance(parts, Rejection)
    assert [part.place for part in parts] == ["Order[1]", "Order[2]"]
    assert len({part.message_id for part in parts}) == 2
    assert all(isinstance(adapter.parse(part.raw), Observation) for part in parts)


def test_a_ticket_that_no_field_dates_is_a_loss_and_no_guess() -> None:
    answer = adapter.parse(
        codec.encode(sale_family("phone").acts[-1], "m-1")
        .body.replace(b"<IssuedAt>", b"<Was>", 1)
        .replace(b"</IssuedAt>", b"</Was>", 1)
    )
    assert isinstance(answer, Observation)
    assert {loss.reason for loss in answer.losses} == {"not_expressible", "not_mapped"}
    assert sum(fact.fact == "ticket.issued" for fact in answer.facts) == 4


def sample(name: str) -> bytes:
    return (Path(str(adapters.phone.__file__)).parent / "samples" / f"{name}.native.xml").read_bytes()


def understood(raw: bytes) -> Observation:
    answer = adapter.parse(raw)
    assert isinstance(answer, Observation), answer
    return answer


def told_back(observed: Observation) -> tuple[Formatted, Observation]:
    """What the call centre would be told of this order, and what that says when it is read again."""
    order = order_of(observed)
    formatted = adapter.format(event_of(observed, order, adapter.profile), order)
    assert formatted is not None
    return formatted, understood(formatted.body)


@pytest.mark.parametrize("reason", [row["code"] for row in code_list("override_reason").rows if row["phone"]])
def test_a_clerk_sets_the_fee_aside_for_every_reason_there_is(reason: str) -> None:
    word = code_list("override_reason").write("phone", reason)
    assert word is not None
    raw = sample("refund-fee-waived").decode("gb18030").replace("因病", word).encode("gb18030")
    formatted, again = told_back(understood(raw))
    assert formatted.losses == ()
    refund = next(fact for fact in again.facts if isinstance(fact, RefundFact))
    assert refund.override == Override(reason=reason, staff="8017", note="医院证明已核")


def test_a_waiver_without_a_reason_is_refused() -> None:
    raw = sample("refund-fee-waived").decode("gb18030").replace("<WaiverReason>因病</WaiverReason>", "")
    assert refused(raw.encode("gb18030")).pointer.endswith("Repayment[1]/WaiverReason")


def test_the_same_message_in_other_prefixes_and_spellings_is_the_same() -> None:
    plain, prefixed = understood(sample("hold-under-two-hours")), understood(sample("other-prefixes"))
    assert {fact.fact for fact in plain.facts} == {fact.fact for fact in prefixed.facts}
    written = understood(sample("cdata-comments-and-character-references"))
    ticket = next(fact.ticket for fact in written.facts if isinstance(fact, TicketHeld))
    assert (ticket.passenger.name, ticket.fare_gross.amount) == ("TEST & <DOE>", 55300)


def test_what_xml_cannot_say_is_never_written() -> None:
    observed = understood(sample("rare-characters"))
    held = next(fact for fact in observed.facts if isinstance(fact, TicketHeld))
    passenger = held.ticket.passenger.model_copy(update={"name": "A\x0b<&>\uffff]]>B"})
    ticket = held.ticket.model_copy(update={"passenger": passenger})
    _, again = told_back(observed.model_copy(update={"facts": (held.model_copy(update={"ticket": ticket}),)}))
    names = [fact.ticket.passenger.name for fact in again.facts if isinstance(fact, TicketHeld)]
    assert names == ["A\ufffd<&>\ufffd]]>B"]


def test_every_half_character_is_refused_or_read_as_the_other_character_it_is() -> None:
    """GB18030 damage: a byte lost inside a character never becomes another fact"""
    raw = sample("rare-characters")
    whole = understood(raw)
    for place in range(raw.index("㛃".encode("gb18030")), raw.index(b"</PassengerName>")):
        answer = adapter.parse(raw[:place] + raw[place + 1 :])
        if isinstance(answer, Observation):
            names = {f.ticket.passenger.name for f in answer.facts if isinstance(f, TicketHeld)}
            assert len(answer.facts) == len(whole.facts)
            assert names != {"㛃𠮷·测试"}
        else:
            assert answer.code in {"encoding_damaged", "message_malformed", "message_truncated"}
            assert answer.pointer


def test_an_order_paid_and_collected_elsewhere_names_its_pickup() -> None:
    formatted, again = told_back(understood(sample("collected-in-two-parts")))
    assert formatted.losses == ()
    collected = [fact for fact in again.facts if isinstance(fact, PickupCollected)]
    assert [(fact.pickup_ref, len(fact.ticket_nos)) for fact in collected] == [("48210304", 1), ("48210304B", 1)]


def test_the_kind_of_a_change_without_record_is_read_off_the_new_ticket() -> None:
    text = sample("change-of-destination").decode("gb18030")
    start, end = text.index("<Change>"), text.index("</Change>") + len("</Change>")
    answer = understood((text[:start] + text[end:]).encode("gb18030"))
    changed = next(fact for fact in answer.facts if isinstance(fact, TicketChanged))
    assert changed.kind == "destination"
    assert "inferred" in {loss.reason for loss in answer.losses}


@pytest.mark.parametrize("name", ["Price", "Unheard", "Ticket", "Payment", "CallId"])
def test_an_element_ten_thousand_times_is_answered(name: str) -> None:
    raw = sample("hold-under-two-hours")
    for inside in (b"<Price>", b"<RailOrderNo>", b"<Reserve>", b"<soap:Body>"):
        answer = adapter.parse(raw.replace(inside, f"<{name}>1</{name}>".encode() * 10_000 + inside))
        assert isinstance(answer, Observation | Rejection)


ENDPOINT = "http://127.0.0.1:9"
DAY = date(2026, 1, 9)


def fault(code: str) -> bytes:
    return sample("reject-soap-fault").replace(b"P-BUSY", code.encode())


@respx.mock
@pytest.mark.parametrize(
    ("code", "ours", "retry"),
    [("P-OPEN", "not_ready", True), ("P-BUSY", "not_ready", True), ("P-DATE", "query_invalid", False)],
)
@pytest.mark.parametrize("status", [200, 500])
def test_a_soap_fault_instead_of_the_day_is_named_by_its_code(code: str, ours: str, retry: bool, status: int) -> None:
    respx.get(f"{ENDPOINT}/extracts/2026-01-09").mock(return_value=httpx.Response(status, content=fault(code)))
    with pytest.raises(ChannelFault) as caught:
        adapter.extract(ENDPOINT, DAY)
    assert (caught.value.fault.code, caught.value.fault.retry) == (ours, retry)


@respx.mock
def test_a_gateways_page_is_no_fault_of_theirs() -> None:
    page = httpx.Response(502, content=b"<html>bad gateway</html>")
    respx.get(f"{ENDPOINT}/extracts/2026-01-09").mock(return_value=page)
    with pytest.raises(ChannelFault) as caught:
        adapter.extract(ENDPOINT, DAY)
    assert caught.value.fault.code == "not_ready"
