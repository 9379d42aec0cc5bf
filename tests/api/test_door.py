"""The short way in for single messages: what takes it, and that the documented route answers alike."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from hub.api.door import one_message_of
from hub.delivery import sign
from interlock.wiring import Hub
from tests.api.operated import operated
from tests.api.test_bad_input import OTHER_SECRET, whole
from tests.hub.railway import SECRET


@pytest.mark.parametrize(
    ("method", "path", "channel"),
    [
        ("POST", "/v1/channels/web/messages", "web"),
        ("GET", "/v1/channels/web/messages", None),
        ("POST", "/v1/channels/web/messages/", None),
        ("POST", "/v1/channels/web/messages/bulk", None),
        ("POST", "/v1/channels//messages", None),
        ("POST", "/v1/channels/messages", None),
        ("POST", "/v1/channels/web/x/messages", None),
        ("POST", "/v1/channels/web/test", None),
    ],
)
def test_only_a_single_message_goes_the_short_way(method: str, path: str, channel: str | None) -> None:
    assert one_message_of({"type": "http", "method": method, "path": path}) == channel
    assert one_message_of({"type": "websocket", "path": path}) is None


CASES = ("good", "unsigned", "signed by another", "no id", "no channel", "not of the wire", "too large")


@pytest.mark.parametrize("case", CASES)
def test_the_long_way_answers_alike(hub: Hub, client: TestClient, case: str) -> None:
    """The same message by the route that the reference documents (an application without the door)."""
    raw = {"not of the wire": b"{}", "too large": b" " * 3_000_000}.get(case) or whole("web")
    headers = sign([OTHER_SECRET if case == "signed by another" else SECRET], "m-1", datetime.now(UTC), raw)
    if case == "unsigned":
        headers = {"webhook-id": "m-1"}
    if case == "no id":
        headers.pop("webhook-id")
    path = f"/v1/channels/{'nobody' if case == 'no channel' else 'web'}/messages"
    by_the_door = client.post(path, content=raw, headers=headers)
    with operated(hub) as framework:
        by_the_route = framework.post(path, content=raw, headers=headers)
    assert by_the_route.headers["content-type"] == by_the_door.headers["content-type"]
    if case == "good":
        assert (by_the_door.json()["outcome"], by_the_route.json()["outcome"]) == ("applied", "duplicate")
        return
    assert by_the_door.status_code >= 400
    assert by_the_route.status_code == by_the_door.status_code
    assert by_the_route.json()["code"] == by_the_door.json()["code"]
    assert by_the_route.json()["detail"] == by_the_door.json()["detail"]
