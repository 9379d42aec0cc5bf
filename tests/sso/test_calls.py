"""CIBA: a clerk on the phone asks, the caller approves on their own phone, or reads a code to the clerk."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from sso.people import assurance
from sso.pings import Pinged, deliver_pings, http_send_ping
from tests.sso.asking import CALLS, CIBA, Asker, approve_call, at_calls, plain, register_window, signed_in
from tests.sso.harness import PHONE, STAFF_PASSWORD, Site
from tests.sso.signing import assertion, public

AT_CALL = assurance.PHONE_AT_CALL
NOTIFY = "a-notification-token-of-128-bits-or-more"


# --- the checklist's names -----------------------------------------------------------------------------------------


def test_fapi_ciba_id1(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call(login_hint="199 0000 0001", office="客服中心")
    assert set(asked) == {"auth_req_id", "expires_in", "interval"}
    assert calls.error(asked) == "authorization_pending"
    assert "Phone booking asks to act for you during a call" in plain(phone.get("/account/approvals"))
    assert "Approved" in approve_call(phone).text
    tokens = calls.tokens(asked)
    claims = site.claims(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == (assurance.SINGLE_FACTOR, ["pwd"])
    kind = "SELECT kind FROM sso.session WHERE session_id = %s AND parent_id IS NOT NULL"
    assert site.one(kind, claims["sid"]) == "call"
    assert site.one("SELECT origin FROM sso.token_grant") == "ciba"


def test_fapi_ciba_id1_user_rejects_authentication(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call()
    assert "Refused" in approve_call(phone, "refuse").text
    assert calls.error(asked) == "access_denied"


def test_fapi_ciba_id1_multiple_call_to_token_endpoint(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call()
    assert calls.poll_now(asked).json()["error"] == "authorization_pending"
    assert calls.poll_now(asked).json()["error"] == "slow_down"
    approve_call(phone)
    assert calls.poll_now(asked).status_code == 200
    assert calls.error(asked) == "invalid_grant"
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "ciba_request_replayed"


def test_fapi_ciba_id1_auth_req_id_expired(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call(requested_expiry="30")
    assert asked["expires_in"] == 30
    page = phone.get("/account/approvals")
    site.clock.advance(timedelta(seconds=30))
    assert calls.error(asked) == "expired_token"
    late = phone.submit(page, decision="approve")
    assert late.status_code == 410
    assert "This request is over" in late.text


def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    calls.call(binding_message="白鹭 47")
    assert "白鹭 47" in phone.get("/account/approvals").text


def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(site: Site) -> None:
    calls = at_calls(site)
    for message in ("x" * 41, "a\u202eb", "a\nb", " ", "a\u200db"):
        answered = calls.ask(binding_message=message)
        assert (answered.status_code, answered.json()["error"]) == (400, "invalid_binding_message"), message


def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(site: Site) -> None:
    calls, key = signing_calls(site)
    assert calls.signed(key, requested_expiry="45").json()["expires_in"] == 45
    assert calls.signed(key, requested_expiry=46).json()["expires_in"] == 46
    assert calls.signed(key, requested_expiry="100000").json()["expires_in"] == 600
    for wrong in ("0", "-5", "5.5", "soon"):
        assert calls.signed(key, requested_expiry=wrong).json()["error"] == "invalid_request"


def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(site: Site) -> None:
    calls = at_calls(site)
    for hints in ({"login_hint": "liwei", "id_token_hint": "x"}, {"login_hint": ""}, {"login_hint_token": "x"}):
        answered = calls.post("/backchannel_authentication", scope="openid", **hints)
        assert (answered.status_code, answered.json()["error"]) == (400, "invalid_request")


def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(site: Site) -> None:
    calls = at_calls(site)
    calls.call()
    assert calls.error({"auth_req_id": "never-made"}) == "invalid_grant"
    assert calls.post("/token", grant_type=CIBA).json()["error"] == "invalid_request"


def test_fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    register_window(site, further_grants=[CIBA], ciba_mode="poll")
    asked = calls.call()
    approve_call(phone)
    other = Asker(site, ("windows", "secret-of-the-windows-0123456789abcdef"))
    assert other.error(asked) == "invalid_grant"
    assert calls.poll(asked).status_code == 200


def test_fapi_ciba_id1_refresh_token(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call()
    approve_call(phone)
    tokens = calls.tokens(asked)
    again = calls.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert site.claims(again.json()["id_token"])["sid"] == site.claims(tokens["id_token"])["sid"]


# --- ping ----------------------------------------------------------------------------------------------------------


@dataclass
class Callback:
    """The client's notification endpoint: a real server that keeps what it is sent and answers as it is told."""

    uri: str = ""
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[str | None, dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def callback() -> Iterator[Callback]:
    kept = Callback()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.heard.append((self.headers["Authorization"], body))
            status = kept.answers.pop(0) if kept.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{kept.uri}/elsewhere")
            text = b"" if status == 204 else b'{"a": "body"}'
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.uri = f"http://127.0.0.1:{server.server_port}/ping"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def pings(site: Site) -> Pinged:
    provider = site.provider
    return deliver_pings(
        provider.pool, site.clock, http_send_ping, cipher=provider.cipher, options=provider.options.approvals
    )


def pinged(site: Site, callback: Callback) -> Asker:
    return at_calls(site, ciba_mode="ping", notification_uri=callback.uri)


def test_a_ping_says_which_request_was_decided_and_nothing_more(site: Site, callback: Callback) -> None:
    calls, phone = pinged(site, callback), signed_in(site)
    asked = calls.call(client_notification_token=NOTIFY)
    assert pings(site) == Pinged(0, 0, 0)
    approve_call(phone)
    assert pings(site) == Pinged(1, 0, 0)
    assert callback.heard == [(f"Bearer {NOTIFY}", {"auth_req_id": asked["auth_req_id"]})]
    assert pings(site) == Pinged(0, 0, 0)
    assert site.one("SELECT ping_sealed FROM sso.approval") is None
    assert calls.poll_now(asked).status_code == 200


ANSWERS = {
    "has-body": (200, Pinged(1, 0, 0)),
    "401": (401, Pinged(0, 0, 1)),
    "403": (403, Pinged(0, 0, 1)),
    "return-redirect-request": (302, Pinged(0, 0, 1)),
}


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response(site: Site, callback: Callback) -> None:
    calls, phone = pinged(site, callback), signed_in(site)
    for module, (status, outcome) in ANSWERS.items():
        asked = calls.call(client_notification_token=NOTIFY)
        approve_call(phone)
        callback.answers, callback.heard = [status], []
        assert pings(site) == outcome, module
        site.clock.advance(timedelta(seconds=30))
        assert pings(site) == Pinged(0, 0, 0), module
        assert len(callback.heard) == 1, f"{module}: neither repeated nor followed"
        assert calls.poll(asked).status_code == 200, module


def test_a_client_that_is_down_is_pinged_again_until_the_request_expires(site: Site, callback: Callback) -> None:
    calls, phone = pinged(site, callback), signed_in(site)
    calls.call(client_notification_token=NOTIFY, requested_expiry="60")
    approve_call(phone, "refuse")  # a refusal is told as well
    callback.answers = [503] * 20
    assert pings(site) == Pinged(0, 1, 0)
    waits, total = [], Pinged(0, 0, 0)
    while total.given_up == 0:
        site.clock.advance(timedelta(seconds=1))
        total = pings(site)
        waits.append(total.waiting)
    assert len(callback.heard) == 5  # after 0, 2, 6, 14 and 30 seconds
    assert len(waits) <= 60


def test_a_process_that_dies_before_it_notes_the_ping_loses_nothing(site: Site, callback: Callback) -> None:
    calls, phone = pinged(site, callback), signed_in(site)
    calls.call(client_notification_token=NOTIFY)
    approve_call(phone)

    def dies(uri: str, token: str, auth_req_id: str) -> int:
        raise KeyboardInterrupt

    provider = site.provider
    with pytest.raises(KeyboardInterrupt):
        deliver_pings(provider.pool, site.clock, dies, cipher=provider.cipher, options=provider.options.approvals)
    assert pings(site) == Pinged(0, 0, 0)  # leased
    site.clock.advance(timedelta(seconds=30))
    assert pings(site) == Pinged(1, 0, 0)


def test_a_client_that_is_pinged_must_send_a_token(site: Site, callback: Callback) -> None:
    calls = pinged(site, callback)
    assert calls.ask().json()["error"] == "invalid_request"
    for token in ("short", "with space " * 3, "x" * 1025):
        assert calls.ask(client_notification_token=token).json()["error"] == "invalid_request", token


def test_the_token_of_a_ping_is_not_kept_in_clear(site: Site, callback: Callback) -> None:
    asked = pinged(site, callback).call(client_notification_token=NOTIFY)
    row = str(site.one("SELECT a::text FROM sso.approval a"))
    assert NOTIFY not in row
    assert asked["auth_req_id"] not in row


# --- who is asked --------------------------------------------------------------------------------------------------


def test_nobody_and_staff_are_unknown(site: Site) -> None:
    calls = at_calls(site)
    for hint in ("+8619900000099", "nobody.here", "operator", "%00"):
        answered = calls.ask(login_hint=hint)
        assert (answered.status_code, answered.json()["error"]) == (400, "unknown_user_id"), hint


def test_an_id_token_names_the_person_and_only_this_clients(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked = calls.call()
    approve_call(phone)
    hint = calls.tokens(asked)["id_token"]
    assert calls.call(id_token_hint=hint)["auth_req_id"]
    foreign = site.browser().tokens("web")["id_token"]
    assert calls.ask(id_token_hint=foreign).json()["error"] == "invalid_request"
    assert calls.ask(id_token_hint=hint[:-8] + "AAAAAAAA").json()["error"] == "invalid_request"


def test_another_persons_request_cannot_be_decided(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    calls.call()
    page = phone.get("/account/approvals")
    other = signed_in(site, "finance", STAFF_PASSWORD)
    assert "Nothing is waiting" in other.get("/account/approvals").text
    action_fields = {"decision": "approve", "request": str(site.one("SELECT approval_id FROM sso.approval"))}
    other_page = other.get("/account")
    token = _form_token(other_page.text)
    stolen = other.post("/account/approvals", {**action_fields, "form_token": token})
    assert stolen.status_code == 410
    assert site.one("SELECT state FROM sso.approval") == "waiting"
    assert "Approved" in phone.submit(page, decision="approve").text


def _form_token(page: str) -> str:
    return page.split('name="form_token" value="')[1].split('"')[0]


def test_a_locked_identity_gets_no_ciba(site: Site) -> None:
    """CVE-2026-9798: guessing at one door closes the others, before, during and after the approval."""
    calls, phone = at_calls(site), signed_in(site)
    waiting, approved = calls.call(), calls.call()
    approve_call(phone)
    guesser = site.browser()
    for _ in range(5):
        guesser.submit(guesser.get("/login"), login="liwei", password="wrong")
    refused = calls.ask()
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    assert approve_call(phone).status_code == 429
    assert {calls.error(waiting), calls.error(approved)} == {"authorization_pending", "access_denied"}
    assert site.one("SELECT count(*) FROM sso.token_grant") == 0


def test_clerks_cannot_pester_a_person(site: Site) -> None:
    calls = at_calls(site)
    for _ in range(20):
        calls.call()
    assert calls.ask().status_code == 403
    site.clock.advance(timedelta(hours=1))
    assert calls.ask().status_code == 200


BAD_REQUESTS = [
    ({"scope": "hub:orders"}, "invalid_scope"),
    ({"scope": "admin"}, "invalid_scope"),
    ({"resource": "https://elsewhere.test"}, "invalid_target"),
    ({"request_uri": "https://elsewhere.test/r"}, "request_uri_not_supported"),
]


def test_a_bad_request_is_refused(site: Site) -> None:
    calls = at_calls(site)
    for more, error in BAD_REQUESTS:
        assert calls.ask(**more).json()["error"] == error, more


def test_only_clients_that_prove_themselves_and_are_registered_may_ask(site: Site) -> None:
    at_calls(site, secret=None)
    public = Asker(site, None)
    assert public.ask(client_id=CALLS[0]).json()["error"] == "unauthorized_client"
    register_window(site)
    window = Asker(site, ("windows", "secret-of-the-windows-0123456789abcdef"))
    assert window.ask().json()["error"] == "unauthorized_client"
    assert Asker(site, (CALLS[0], "wrong")).ask().status_code == 401


# --- a code that the caller reads to the clerk ---------------------------------------------------------------------


def read(calls: Asker, asked: dict[str, Any], code: str) -> httpx.Response:
    return calls.post("/backchannel_authentication/read-back", auth_req_id=asked["auth_req_id"], code=code)


def test_a_code_read_to_the_clerk_approves_with_a_class_of_its_own(site: Site) -> None:
    calls = at_calls(site)
    asked = calls.call(acr_values=AT_CALL)
    phone, code, _ = site.gateway.sent[-1][:3]
    assert phone == PHONE
    assert read(calls, asked, code).json() == {"approved": True}
    claims = site.claims(calls.tokens(asked)["id_token"])
    assert claims["acr"] == AT_CALL
    assert claims["amr"] == ["otp", "sms"]
    assert claims["auth_time"] == int((site.clock() - timedelta(seconds=5)).timestamp())
    assert site.one("SELECT parent_id FROM sso.session WHERE session_id = %s", claims["sid"]) is None


def test_a_read_back_code_is_good_once_and_for_its_own_request_only(site: Site) -> None:
    calls = at_calls(site)
    first, first_code = calls.call(acr_values=AT_CALL), site.gateway.last_code
    second, second_code = calls.call(acr_values=AT_CALL), site.gateway.last_code
    if first_code != second_code:
        assert read(calls, first, second_code).json()["error"] == "wrong_code"
    assert read(calls, second, second_code).status_code == 200
    assert read(calls, second, second_code).json()["error"] == "invalid_grant"
    without = calls.call()
    assert read(calls, without, second_code).json()["error"] == "invalid_grant"
    assert len(site.gateway.sent) == 2


def test_a_code_for_a_call_logs_nobody_in_and_a_login_code_opens_no_call(site: Site) -> None:
    calls, browser = at_calls(site), site.browser()
    page = browser.submit(browser.get("/login", method="code"), phone=PHONE)
    login_code = site.gateway.last_code
    asked = calls.call(acr_values=AT_CALL)
    call_code = site.gateway.last_code
    if login_code != call_code:
        assert read(calls, asked, login_code).json()["error"] == "wrong_code"
        assert browser.submit(page, code=call_code).status_code == 401


def test_guessing_read_back_codes_locks_the_identity_everywhere(site: Site) -> None:
    calls, phone = at_calls(site), signed_in(site)
    asked, right = calls.call(acr_values=AT_CALL), site.gateway.last_code
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        assert read(calls, asked, wrong).json()["error"] == "wrong_code"
    answered = read(calls, asked, right)
    assert (answered.status_code, answered.json()["error"]) == (403, "access_denied")
    assert approve_call(phone).status_code == 429
    assert calls.ask().status_code == 403


def test_parallel_read_backs_are_counted_one_by_one(site: Site) -> None:
    calls = at_calls(site)
    asked, right = calls.call(acr_values=AT_CALL), site.gateway.last_code
    guesses = [code for code in (f"{number:06d}" for number in range(9)) if code != right][:8]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda code: read(calls, asked, code).status_code, guesses))
    assert sorted(answers) == [400] * 5 + [403] * 3


def test_codes_to_one_phone_are_bounded(site: Site) -> None:
    calls = at_calls(site)
    for _ in range(5):
        calls.call(acr_values=AT_CALL)
    assert calls.ask(acr_values=AT_CALL).status_code == 403
    assert len(site.gateway.sent) == 5
    assert calls.ask().status_code == 200


def test_a_client_that_needs_a_consent_cannot_get_it_by_a_code(site: Site) -> None:
    calls, phone = at_calls(site, consent="explicit"), signed_in(site)
    assert calls.ask(acr_values=AT_CALL).json()["error"] == "invalid_request"
    assert site.gateway.sent == []
    first = calls.call()
    approve_call(phone)
    assert calls.poll(first).status_code == 200
    asked = calls.call(acr_values=AT_CALL)
    assert read(calls, asked, site.gateway.last_code).status_code == 200
    assert calls.poll(asked).status_code == 200


def test_the_person_is_told_that_somebody_asks_and_what_a_code_opened(site: Site) -> None:
    calls = at_calls(site)
    calls.call()
    asked = calls.call(acr_values=AT_CALL)
    read(calls, asked, site.gateway.last_code)
    site.gateway.tell_due(site)
    told = sorted(text for _, _, text in site.gateway.told)
    assert told[0].startswith("“电话订票”请您在通话中确认")
    assert told[1].startswith("您读出验证码后，“电话订票”")


def test_a_request_whose_code_could_not_be_sent_is_withdrawn(site: Site) -> None:
    calls = at_calls(site)
    site.gateway.down = True
    answered = calls.ask(acr_values=AT_CALL)
    assert (answered.status_code, answered.json()["error"]) == (503, "temporarily_unavailable")
    assert site.one("SELECT state FROM sso.approval") == "refused"


# --- signed requests -----------------------------------------------------------------------------------------------


@dataclass
class SigningAsker(Asker):
    """A call centre that proves itself by its key and signs its requests."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    def sign(self, key: ECKey, **claims: Any) -> str:
        """A signed request: what is in an assertion, and the parameters."""
        return assertion(self.site, CALLS[0], key, **claims)["client_assertion"]

    def proven(self, **data: str) -> httpx.Response:
        return self.post("/backchannel_authentication", **assertion(self.site, CALLS[0], self.key), **data)

    def signed(self, key: ECKey, **claims: Any) -> httpx.Response:
        return self.proven(request=self.sign(key, **{"scope": "openid", "login_hint": "liwei", **claims}))


def signing_calls(site: Site) -> tuple[SigningAsker, ECKey]:
    calls = SigningAsker(site, None)
    at_calls(site, secret=None, jwks=public(calls.key))
    return calls, calls.key


def test_what_counts_is_what_was_signed(site: Site) -> None:
    calls, key = signing_calls(site)
    request = calls.sign(key, scope="openid", login_hint="liwei", office="客服中心")
    answered = calls.proven(request=request, office="elsewhere", scope="admin")
    assert answered.status_code == 200
    assert site.one("SELECT place->>'office' FROM sso.approval") == "客服中心"
    again = calls.proven(request=request)
    assert again.json()["error"] == "invalid_request"


NOT_FOR_US_NOW: list[dict[str, Any]] = [
    {"iss": "web"},
    {"aud": "https://elsewhere.test"},
    {"exp": 1},
    {"nbf": 9_999_999_999},
    {"jti": None},
    {"login_hint": {"a": "b"}},
]


def test_a_signed_request_that_is_not_for_us_now_is_refused(site: Site) -> None:
    calls, key = signing_calls(site)
    for claims in NOT_FOR_US_NOW:
        assert calls.signed(key, **claims).json()["error"] == "invalid_request", claims


def test_a_request_signed_with_another_key_or_by_a_client_without_keys_is_refused(site: Site) -> None:
    calls, _ = signing_calls(site)
    assert calls.signed(ECKey.generate_key("P-256")).json()["error"] == "invalid_request"
    unsigned = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9."
    assert calls.proven(request=unsigned).json()["error"] == "invalid_request"
    with_secret = at_calls(site)
    assert with_secret.ask(request=unsigned).json()["error"] == "invalid_request"
