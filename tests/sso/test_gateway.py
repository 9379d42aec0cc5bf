"""Codes through an HTTP gateway that is not ours: what it is sent, and everything it may answer."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime

import httpx
import pytest
import respx
from standardwebhooks import Webhook

from sso.people.gateway import GatewayFailed, GatewayRefused, HttpSender
from sso.ports import SystemMinter
from sso.signed_post import ServiceOptions, SignedPost
from tests.sso.harness import PHONE, Site

URL = "https://sms.gateway.test/v1/messages"
SECRET = "c2l4dGVlbi1yYW5kb20tYnl0ZXMtb3ItbW9yZQ=="
CODE = "482913"


def sender(timeout_s: float = 5.0) -> HttpSender:
    # The library that checks a signature looks at the wall clock, so this test's sender does too.
    return HttpSender(SignedPost(ServiceOptions(URL, SECRET, timeout_s), lambda: datetime.now(UTC), SystemMinter()))


@respx.mock
def test_a_code_is_one_signed_post() -> None:
    route = respx.post(URL).respond(202)
    sender().send(PHONE, CODE, "zh-CN", "login")
    sender().tell(PHONE, "phone_changed", "您的手机号已更换", "zh-CN")
    requests = [call.request for call in route.calls]
    bodies = [Webhook(SECRET).verify(request.content.decode(), dict(request.headers)) for request in requests]
    assert bodies == [
        {"kind": "code", "phone": PHONE, "code": CODE, "purpose": "login", "locale": "zh-CN"},
        {"kind": "notice", "phone": PHONE, "notice": "phone_changed", "text": "您的手机号已更换", "locale": "zh-CN"},
    ]
    assert len({request.headers["webhook-id"] for request in requests}) == 2


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (httpx.Response(400, json={"error": f"bad number, code {CODE}"}), GatewayRefused),
        (httpx.Response(401), GatewayRefused),
        (httpx.Response(404), GatewayRefused),
        (httpx.Response(429), GatewayFailed),
        (httpx.Response(500, text=CODE), GatewayFailed),
        (httpx.Response(503), GatewayFailed),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), GatewayFailed),
        (httpx.ReadTimeout(f"timed out: {CODE}"), GatewayFailed),
        (httpx.ConnectError("refused"), GatewayFailed),
    ],
)
@respx.mock
def test_what_is_not_taken_is_an_os_error_without_the_code(
    answer: httpx.Response | Exception, raised: type[OSError], caplog: pytest.LogCaptureFixture
) -> None:
    route = respx.post(URL)
    if isinstance(answer, Exception):
        route.side_effect = answer
    else:
        route.return_value = answer
    with caplog.at_level(logging.DEBUG), pytest.raises(OSError, match="gateway") as refused:
        sender().send(PHONE, CODE, "en", "login")
    assert type(refused.value) is raised
    assert route.call_count == 1
    told = "".join(traceback.format_exception(refused.value)) + caplog.text + repr(ServiceOptions(URL, SECRET))
    assert not any(secret in told for secret in (CODE, PHONE, SECRET))


@respx.mock(assert_all_mocked=False)
def test_the_page_says_so_and_the_number_of_codes_is_still_bounded(site: Site, respx_mock: respx.MockRouter) -> None:
    respx_mock.route(host="127.0.0.1").pass_through()
    respx_mock.post(URL).respond(500)
    object.__setattr__(site.provider, "sender", sender())
    browser = site.browser()
    page = browser.submit(browser.get("/login", method="code"), phone=PHONE)
    assert page.status_code == 503
    assert "could not send" in page.text
    assert browser.submit(browser.get("/login", method="code"), phone=PHONE).status_code == 429
