"""A channel's accounts of before over HTTP: what it is asked, and everything it may answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from standardwebhooks import Webhook

from sso.people.account_service import AccountService
from sso.people.registers import ChannelAccount, Traveller
from sso.ports import SystemMinter
from sso.signed_post import ServiceOptions, SignedPost
from tests.sso.one_identity.channels import CHILD, OLD

URL = "https://tickets.channel.test/accounts"
SECRET = "c2l4dGVlbi1yYW5kb20tYnl0ZXMtb3ItbW9yZQ=="
PASSWORD = "old-password"
ACCOUNT = {
    "account_id": "acc-1",
    "label": "li***",
    "opened_on": "2014-05-01",
    "document": {"type": "resident_id", "number": "990101199001010019"},
    "travellers": [
        {"name": "李小未", "document_type": "resident_id", "number": CHILD.number, "ticket_type": "child"},
        {"name": "周大", "document_type": "passport", "number": "X12345678"},
    ],
    "loyalty_points": 12,
}


def service() -> AccountService:
    # The library that checks a signature looks at the wall clock, so this test's sender does too.
    return AccountService(SignedPost(ServiceOptions(URL, SECRET), lambda: datetime.now(UTC), SystemMinter()))


@respx.mock
def test_every_question_is_one_signed_post() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        kind = json.loads(request.content)["kind"]
        return httpx.Response(200, json={"handle": "sent-1"} if kind == "send_code" else {"account": ACCOUNT})

    route = respx.post(URL).mock(side_effect=answer)
    asked = service()
    assert asked.find("li") == asked.by_password("li", PASSWORD) == asked.by_code("sent-1", "424242") == OLD
    assert asked.send_code("li") == "sent-1"
    asked.absorb("acc-1", "a-subject")
    asked.release("acc-1")
    requests = [call.request for call in route.calls]
    assert [Webhook(SECRET).verify(request.content.decode(), dict(request.headers)) for request in requests] == [
        {"kind": "find", "account": "li"},
        {"kind": "prove_password", "account": "li", "password": PASSWORD},
        {"kind": "prove_code", "handle": "sent-1", "code": "424242"},
        {"kind": "send_code", "account": "li"},
        {"kind": "absorb", "account_id": "acc-1", "subject": "a-subject"},
        {"kind": "release", "account_id": "acc-1"},
    ]


@respx.mock
def test_nobody_by_that_name_and_one_who_says_little() -> None:
    respx.post(URL).mock(
        side_effect=[
            httpx.Response(200, json={"account": None}),
            httpx.Response(200, json={"account": {"account_id": "a", "label": "b"}}),
        ]
    )
    assert service().find("nobody") is None
    assert service().find("somebody") == ChannelAccount("a", "b")
    assert Traveller("x", "passport", "y").ticket_type == "adult"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json={"account": {"label": PASSWORD}}),
        httpx.Response(200, json={"account": {**ACCOUNT, "travellers": [{}]}}),
        httpx.Response(200, json={"account": {**ACCOUNT, "opened_on": "yesterday"}}),
        httpx.Response(200, content=b"x" * 70_000),
        httpx.Response(200, text="<html>"),
        httpx.Response(302, headers={"location": "https://elsewhere.test"}),
        httpx.Response(401, json={"account": ACCOUNT}),
        httpx.Response(500, text=PASSWORD),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
    ],
)
@respx.mock
def test_what_is_no_answer_is_an_os_error_without_a_word_of_it(answer: Any) -> None:
    respx.post(URL).mock(side_effect=[answer])
    with pytest.raises(OSError) as failed:
        service().by_password("li", PASSWORD)
    assert PASSWORD not in repr(failed.value)
    assert failed.value.__cause__ is None
