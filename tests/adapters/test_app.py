"""The app channel keeps every promise of the kit and understands its channel system."""

import json

import httpx
import pytest
import respx

from adapters.app import adapter
from hub.ports import ChannelUnavailable
from schemas.observation import Observation
from simulators.channels.app import AppCodec
from tests.adapters.acts import NOON, order, pay
from tests.adapters.channel import ChannelConformance

ENDPOINT = "http://127.0.0.1:9"


class TestApp(ChannelConformance, channel="app"):
    """Letters of table B, jiao, compact times, one ticket per record."""


def page(*serials: int) -> bytes:
    """What the app's own system answers to a poll."""
    made = [order("app", serial) for serial in serials]
    for one in made:
        pay(one, NOON)
    return AppCodec().page("w-2", made).body


@respx.mock
def test_a_poll_is_read_message_by_message() -> None:
    """a repeated poll gives the same ids, so that the hub drops what it has"""
    route = respx.get(f"{ENDPOINT}/changes").mock(return_value=httpx.Response(200, content=page(701, 702)))
    first, again = adapter.poll(ENDPOINT, "w-1"), adapter.poll(ENDPOINT, "w-1")
    assert first == again
    assert (first.watermark, len(first.parts)) == ("w-2", 2)
    assert route.calls.last.request.url.params["since"] == "w-1"
    assert all(isinstance(adapter.parse(part.raw), Observation) for part in first.parts)


@respx.mock
def test_a_message_that_stands_on_a_page_twice_is_one() -> None:
    respx.get(f"{ENDPOINT}/changes").mock(return_value=httpx.Response(200, content=page(701, 702, 701)))
    assert len(adapter.poll(ENDPOINT, None).parts) == 2


@respx.mock
@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"messages": []}', b'{"watermark": 7, "messages": []}', b"\xff"])
def test_a_broken_page_is_the_channels_fault(body: bytes) -> None:
    """the watermark stays where it is, the operator reads why"""
    respx.get(f"{ENDPOINT}/changes").mock(return_value=httpx.Response(200, content=body))
    with pytest.raises(ChannelUnavailable):
        adapter.poll(ENDPOINT, None)


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_repeated_record_the_latest_counts(turned: bool) -> None:
    """wherever it stands on the page"""
    made = order("app", 703)
    pay(made, NOON)
    message = json.loads(AppCodec().page("w", [made]).body)["messages"][0]
    late = message["records"][0] | {"status": "i", "status_time": "20260111074100"}
    message["records"] = [late, *message["records"]] if turned else [*message["records"], late]
    message["record_num"] = 2
    answer = adapter.parse(json.dumps(message).encode())
    assert isinstance(answer, Observation)
    assert [fact.fact for fact in answer.facts] == ["ticket.issued", "ticket.entered", "payment.captured"]
    assert [loss.note for loss in answer.losses] == ["a later record of this ticket counts"]
