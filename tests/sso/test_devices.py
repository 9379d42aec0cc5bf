"""The device grant (RFC 8628): a window shows a code, the passenger approves it on their own phone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey

from sso import admin, user_codes
from sso.people import assurance
from tests.sso.asking import DEVICE_CODE, Asker, approve_device, at_window, plain, register_calls, signed_in, type_code
from tests.sso.harness import PASSWORD, STAFF_PASSWORD, Site
from tests.sso.signing import proof

SHANGHAI = {"office": "上海虹桥站", "window": "8"}


# --- the whole way -------------------------------------------------------------------------------------------------


def test_a_window_logs_a_passenger_in_below_the_session_of_their_phone(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device(**SHANGHAI)
    assert asked["expires_in"] == 600
    assert asked["interval"] == 5
    assert asked["verification_uri"] == f"{site.issuer}/device"
    page = type_code(phone, asked["user_code"])
    text = plain(page)
    for shown in ("Station windows asks", "上海虹桥站 · Window 8", "just now", "60 minutes", asked["user_code"]):
        assert shown in text
    done = phone.submit(page, decision="approve")
    assert "Approved" in done.text
    tokens = window.tokens(asked)
    claims = site.claims(tokens["id_token"])
    assert claims["acr"] == assurance.SINGLE_FACTOR
    assert claims["amr"] == ["pwd"]
    parent = "SELECT parent_id::text FROM sso.session WHERE session_id = %s AND kind = 'window'"
    browser = "SELECT session_id::text FROM sso.session WHERE kind = 'browser'"
    assert site.one(parent, claims["sid"]) == site.one(browser)
    assert site.one("SELECT user_agent FROM sso.session WHERE session_id = %s", claims["sid"]) == "上海虹桥站 8"
    assert window.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200


def test_auth_time_is_the_persons_own_not_the_approvals(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    before = site.clock()
    site.clock.advance(timedelta(hours=3))
    asked = window.device()
    approve_device(phone, asked["user_code"])
    assert site.claims(window.tokens(asked)["id_token"])["auth_time"] == int(before.timestamp())


def test_the_qr_code_saves_the_typing_not_the_look(site: Site) -> None:
    asked, stranger = at_window(site).device(**SHANGHAI), site.browser()
    complete = urlsplit(asked["verification_uri_complete"])
    assert complete.query == f"user_code={asked['user_code']}"
    login = stranger.follow(stranger.http.get(asked["verification_uri_complete"]))
    page = stranger.follow(stranger.submit(login, login="liwei", password=PASSWORD))
    assert asked["user_code"] in page.text
    assert "上海虹桥站" in page.text
    assert site.one("SELECT state FROM sso.approval") == "waiting"
    stranger.submit(page, decision="approve")
    assert site.one("SELECT state FROM sso.approval") == "approved"


def test_a_code_is_read_as_people_type_it(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    for typed in (str.lower, lambda code: f" {code.replace('-', '  ')} ", lambda code: code.replace("-", "–")):
        assert "Sign in at this window?" in type_code(phone, typed(window.device()["user_code"])).text


# --- polling -------------------------------------------------------------------------------------------------------


def test_pending_then_slow_down_and_the_interval_grows(site: Site) -> None:
    window = at_window(site)
    asked = window.device()
    assert window.error(asked) == "authorization_pending"
    assert window.error(asked) == "authorization_pending"
    assert window.poll_now(asked).json()["error"] == "slow_down"
    assert window.error(asked) == "slow_down"  # five seconds are not enough any more
    site.clock.advance(timedelta(seconds=10))
    assert window.error(asked) == "authorization_pending"


def test_an_approved_code_is_handed_out_however_early_the_poll_comes(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    window.error(asked)
    approve_device(phone, asked["user_code"])
    assert window.poll_now(asked).status_code == 200


def test_expired_token_when_the_time_is_over_approved_or_not(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    waiting, approved = window.device(), window.device()
    approve_device(phone, approved["user_code"])
    site.clock.advance(timedelta(minutes=10))
    assert window.error(waiting) == "expired_token"
    assert window.error(approved) == "expired_token"
    assert type_code(phone, waiting["user_code"]).status_code == 404


def test_access_denied_when_the_person_refuses(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    assert "Refused" in approve_device(phone, asked["user_code"], "refuse").text
    assert window.error(asked) == "access_denied"
    assert site.one("SELECT count(*) FROM sso.session WHERE kind = 'window'") == 0


def test_cannot_reuse_user_code(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    page = type_code(phone, asked["user_code"])
    phone.submit(page, decision="approve")
    assert type_code(phone, asked["user_code"]).status_code == 404
    assert phone.submit(page, decision="refuse").status_code == 404
    assert window.poll(asked).status_code == 200


def test_cannot_reuse_device_code_and_reuse_ends_the_family(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    tokens = window.tokens(asked)
    assert window.error(asked) == "invalid_grant"
    again = window.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "device_request_replayed"


def test_eight_parallel_polls_get_tokens_once(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: window.poll_now(asked).status_code, range(8)))
    assert sorted(answers) == [200] + [400] * 7
    assert site.one("SELECT count(*) FROM sso.token_grant") == 1


def test_a_device_code_is_bound_to_its_client(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    register_calls(site, further_grants=[DEVICE_CODE], ciba_mode=None)
    other = Asker(site, ("calls", "secret-of-the-call-centre-0123456789abcd"))
    asked = window.device()
    approve_device(phone, asked["user_code"])
    assert other.error(asked) == "invalid_grant"
    assert window.poll(asked).status_code == 200


def test_an_unknown_or_missing_device_code_is_refused(site: Site) -> None:
    window = at_window(site)
    assert window.error({"device_code": "never-made"}) == "invalid_grant"
    assert window.post("/token", grant_type=DEVICE_CODE).json()["error"] == "invalid_request"


# --- asking --------------------------------------------------------------------------------------------------------


BAD_REQUESTS: list[tuple[dict[str, str], str]] = [
    ({"scope": "admin"}, "invalid_scope"),
    ({"resource": "https://elsewhere.test"}, "invalid_target"),
    ({"office": "a" * 41}, "invalid_request"),
    ({"window": "8\u202e9"}, "invalid_request"),
    ({"request": "a.b.c"}, "invalid_request"),
    ({"request_uri": "https://elsewhere.test/r"}, "request_uri_not_supported"),
]


def test_a_bad_request_is_refused(site: Site) -> None:
    window = at_window(site)
    for more, error in BAD_REQUESTS:
        answered = window.post("/device_authorization", **{"scope": "openid", **more})
        assert (answered.status_code, answered.json()["error"]) == (400, error), more


def test_only_registered_clients_may_ask(site: Site) -> None:
    register_calls(site)
    calls = Asker(site, ("calls", "secret-of-the-call-centre-0123456789abcd"))
    assert calls.post("/device_authorization", scope="openid").json()["error"] == "unauthorized_client"
    assert Asker(site, ("calls", "wrong")).post("/device_authorization", scope="openid").status_code == 401


def test_a_kiosk_that_does_not_prove_itself_cannot_say_where_it_stands(site: Site) -> None:
    kiosk = at_window(site, secret=None)
    lied = kiosk.post("/device_authorization", client_id="windows", scope="openid", **SHANGHAI)
    assert lied.json()["error"] == "invalid_request"
    asked = kiosk.device(client_id="windows")
    assert "The place was not given" in type_code(signed_in(site), asked["user_code"]).text
    approve_device(signed_in(site), asked["user_code"])
    assert kiosk.poll(asked, client_id="windows").status_code == 200


# --- people --------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_anything_before_they_are_logged_in(site: Site) -> None:
    asked, stranger = at_window(site).device(), site.browser()
    assert "/login" in stranger.get("/device", user_code=asked["user_code"]).headers["location"]
    assert site.one("SELECT count(*) FROM sso.user_code_guess") == 0


def test_the_decision_counts_only_from_our_own_form(site: Site) -> None:
    asked, phone = at_window(site).device(), signed_in(site)
    forged = phone.post("/device/decide", {"user_code": asked["user_code"], "decision": "approve"})
    assert forged.status_code == 403
    assert site.one("SELECT state FROM sso.approval") == "waiting"


def test_guessing_user_codes_stops_after_ten_also_with_a_right_one(site: Site) -> None:
    asked, phone = at_window(site).device(), signed_in(site)
    for number in range(10):
        wrong = user_codes.shown("BCDFGHJ" + user_codes.LETTERS[number])
        assert type_code(phone, wrong).status_code == 404
    for answered in (
        type_code(phone, asked["user_code"]),
        phone.get("/device", user_code=asked["user_code"]),
    ):
        assert answered.status_code == 429
        assert asked["user_code"] not in answered.text
    site.clock.advance(timedelta(minutes=15))
    fresh = Asker(site, ("windows", "secret-of-the-windows-0123456789abcdef")).device()
    assert type_code(phone, fresh["user_code"]).status_code == 200


def test_guesses_are_counted_for_an_address_too(site: Site) -> None:
    asked, phone = at_window(site).device(), signed_in(site)
    with site.provider.pool.connection() as connection:
        user_codes.note_wrong_guess(connection, [("address:127.0.0.1", 600)] * 600, site.clock())
    assert type_code(phone, asked["user_code"]).status_code == 429


def test_a_locked_identity_approves_no_device(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    _lock(site)
    answered = approve_device(phone, asked["user_code"])
    assert answered.status_code == 429
    assert "guess your sign-in" in answered.text
    assert window.error(asked) == "authorization_pending"
    assert site.one("SELECT count(*) FROM sso.audit WHERE kind = 'approval_while_locked'") == 1


def test_an_identity_that_is_locked_after_the_approval_gets_no_tokens(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    _lock(site)
    assert window.error(asked) == "access_denied"
    assert site.one("SELECT count(*) FROM sso.token_grant") == 0


def _lock(site: Site) -> None:
    guesser = site.browser()
    for _ in range(5):
        guesser.submit(guesser.get("/login"), login="liwei", password="wrong")


# --- sessions ------------------------------------------------------------------------------------------------------


def test_a_logout_before_the_poll_leaves_the_window_outside(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    site.provider.pool.wait()
    with site.provider.pool.connection() as connection:
        session_id = connection.execute("SELECT session_id FROM sso.session").fetchone()
    assert session_id
    admin.end_session(site.provider, session_id[0])
    assert window.error(asked) == "access_denied"


def test_a_logout_on_the_phone_ends_the_window(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    tokens = window.tokens(asked)
    phone.submit(phone.get("/account"))
    again = window.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_a_window_that_stands_unused_for_a_quarter_of_an_hour_is_out(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    approve_device(phone, asked["user_code"])
    tokens = window.tokens(asked)
    site.clock.advance(timedelta(minutes=15))
    again = window.post("/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_staff_roles_come_through_a_window_only_where_the_client_has_them(site: Site) -> None:
    window, phone = at_window(site), signed_in(site, "operator", STAFF_PASSWORD)
    asked = window.device(scope="openid operator hub:orders")
    approve_device(phone, asked["user_code"])
    assert window.tokens(asked)["scope"] == "openid hub:orders"


# --- codes ---------------------------------------------------------------------------------------------------------


def test_user_codes_have_no_vowels_and_every_letter_is_as_likely() -> None:
    drawn = [user_codes.drawn(f"{pair:02d}" * 8)[0] for pair in range(100)]
    assert {letter: drawn.count(letter) for letter in drawn} == dict.fromkeys(user_codes.LETTERS, 5)
    assert not set("AEIOUY") & set(user_codes.LETTERS)


@pytest.mark.parametrize("typed", ["", "WDJBMJH", "WDJBMJHTT", "WDJBMJHA", "１２３４５６７８", "W" * 100])
def test_what_is_no_user_code_is_not_looked_up(typed: str) -> None:
    assert user_codes.compact(typed) is None


def test_no_code_is_kept_in_clear(site: Site) -> None:
    asked = at_window(site).device()
    with site.provider.pool.connection() as connection:
        row = str(connection.execute("SELECT a::text FROM sso.approval a").fetchone())
    assert asked["device_code"] not in row
    assert asked["user_code"] not in row
    assert asked["user_code"].replace("-", "") not in row


def test_a_client_that_wants_two_factors_gets_them_before_the_person_decides(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device(acr_values=assurance.MULTI_FACTOR)
    second = phone.follow(type_code(phone, asked["user_code"]))
    sent = phone.submit(second)
    confirm = phone.follow(phone.submit(sent, code=site.gateway.last_code))
    assert asked["user_code"] in confirm.text
    phone.submit(confirm, decision="approve")
    claims = site.claims(window.tokens(asked)["id_token"])
    assert (claims["acr"], claims["amr"]) == (assurance.MULTI_FACTOR, ["pwd", "otp", "sms", "mfa"])


def test_the_tokens_of_a_window_can_be_bound_to_its_key(site: Site) -> None:
    window, phone, key = at_window(site, require_dpop=True), signed_in(site), ECKey.generate_key("P-256")
    asked = window.device()
    approve_device(phone, asked["user_code"])
    assert window.error(asked) == "invalid_dpop_proof"
    data = {"grant_type": DEVICE_CODE, "device_code": asked["device_code"]}
    tokens = httpx.post(f"{site.issuer}/token", data=data, auth=window.auth, headers=proof(site, key), trust_env=False)
    assert tokens.json()["token_type"] == "DPoP"
    assert site.claims(tokens.json()["access_token"])["cnf"] == {"jkt": key.thumbprint()}


def test_devices_that_prove_nothing_are_counted_by_address(site: Site) -> None:
    kiosk = at_window(site, secret=None)
    with site.provider.pool.connection() as connection:
        user_codes.note_wrong_guess(connection, [("devices:127.0.0.1", 600)] * 600, site.clock())
    refused = kiosk.post("/device_authorization", client_id="windows", scope="openid")
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert at_window(site).device()


def test_a_client_of_somebody_elses_shows_what_it_gets_and_the_yes_is_the_consent(site: Site) -> None:
    window, phone = at_window(site, consent="explicit"), signed_in(site)
    refused, asked = window.device(), window.device()
    approve_device(phone, refused["user_code"], "refuse")
    assert site.one("SELECT count(*) FROM sso.consent") == 0
    page = type_code(phone, asked["user_code"])
    assert "Station windows" in plain(page)
    assert 'class="stops"' in page.text
    phone.submit(page, decision="approve")
    assert site.one("SELECT count(*) FROM sso.consent WHERE client_id = 'windows'") == 1
    assert window.poll(asked).status_code == 200
