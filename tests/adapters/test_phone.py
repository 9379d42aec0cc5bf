"""The call centre: everything the suite asks, and what only XML in GB18030 can get wrong."""

import pytest

from adapters.phone import adapter
from adapters.phone.conformance import Conformance
from schemas.observation import Observation, Rejection
from simulators.channels.phone import codec
from tests.adapters.acts import hold_cancel, sale_family
from tests.adapters.channel import ChannelConformance


class TestPhone(Conformance, ChannelConformance, channel="phone"):
    """A call centre reserves, cancels and refunds; others pay and collect."""


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
    assert (answer.code, answer.found) == ("message_malformed", "<!DOCTYPE")


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
