"""Clients that register themselves: with whose leave, what they may say, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sso import admin, logout
from tests.sso.harness import Site

GOOD: dict[str, Any] = {
    "client_name": "Timetable",
    "client_name#zh-CN": "时刻表",
    "redirect_uris": ["https://timetable.test/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile",
    "backchannel_logout_uri": "https://timetable.test/logout",
    "logo_uri": "https://timetable.test/logo.png",
}


@pytest.fixture
def leave(site: Site) -> str:
    return admin.create_initial_access_token(site.provider, "timetable", ["openid", "profile", "phone"], uses=2)


def call(site: Site, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    url = path if path.startswith("http") else site.issuer + path
    machine = site.browsers[0] if site.browsers else site.browser()
    return machine.http.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})


def registered(site: Site, leave: str, **more: Any) -> dict[str, Any]:
    response = call(site, "POST", "/clients", leave, GOOD | more)
    assert response.status_code == 201, response.text
    return dict(response.json())


def test_a_client_registers_itself_and_people_are_asked(site: Site, leave: str) -> None:
    client = registered(site, leave)
    assert client["client_secret_expires_at"] == 0
    assert client["client_secret"]
    assert client["client_name#en"] == "Timetable"
    assert "logo_uri" not in client
    assert client["registration_client_uri"] == f"{site.issuer}/clients/{client['client_id']}"
    consent, pkce, itself = (
        site.one(f"SELECT {column} FROM sso.client WHERE client_id = %s", client["client_id"])
        for column in ("consent", "require_pkce", "registration_digest")
    )
    assert (consent, pkce) == ("explicit", True)
    assert itself is not None
    browser = site.browser()
    page = browser.follow(
        browser.authorize(client["client_id"], redirect_uri=GOOD["redirect_uris"][0], scope="openid profile")
    )
    assert "Timetable" in page.text


def test_the_secret_works_and_is_kept_as_a_digest(site: Site, leave: str) -> None:
    client = registered(site, leave)
    asked = {"grant_type": "authorization_code", "code": "x", "redirect_uri": GOOD["redirect_uris"][0]}
    wrong = site.token(asked, (client["client_id"], "not-the-secret"))
    right = site.token(asked, (client["client_id"], client["client_secret"]))
    assert (wrong.json()["error"], right.json()["error"]) == ("invalid_client", "invalid_grant")
    kept = site.one("SELECT secret_digest FROM sso.client WHERE client_id = %s", client["client_id"])
    assert client["client_secret"].encode() not in bytes(kept)


def test_an_initial_access_token_is_good_for_its_uses_and_its_time(site: Site, leave: str) -> None:
    assert call(site, "POST", "/clients", "no-such-token", GOOD).status_code == 401
    assert call(site, "POST", "/clients", leave, GOOD | {"redirect_uris": []}).status_code == 400  # costs no use
    registered(site, leave)
    registered(site, leave)
    spent = call(site, "POST", "/clients", leave, GOOD)
    assert (spent.status_code, spent.json()["error"]) == (401, "invalid_token")
    assert spent.headers["www-authenticate"].startswith("Bearer")
    late = admin.create_initial_access_token(site.provider, "late", ["openid"], lifetime=timedelta(hours=1))
    site.clock.advance(timedelta(hours=1))
    assert call(site, "POST", "/clients", late, GOOD).status_code == 401


@pytest.mark.parametrize("scopes", [[], ["operator"], ["hub:messages"], ["openid", "finance"]])
def test_roles_and_channels_scopes_are_never_for_strangers(site: Site, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="scopes"):
        admin.create_initial_access_token(site.provider, "x", scopes)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"client_name": None, "client_name#zh-CN": None}, "invalid_client_metadata"),
    ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
    ({"redirect_uris": ["http://timetable.test/callback"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["http://127.0.0.1/callback"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://localhost:8443/callback"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["test.timetable.app:/callback"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://timetable.test/callback#x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": "https://timetable.test/callback"}, "invalid_client_metadata"),
    ({"application_type": "native", "redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    (
        {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]},
        "invalid_client_metadata",
    ),
    ({"response_types": ["code id_token"]}, "invalid_client_metadata"),
    ({"scope": "openid hub:orders"}, "invalid_client_metadata"),
    ({"scope": "openid operator"}, "invalid_client_metadata"),
    ({"software_statement": "eyJ.."}, "unapproved_software_statement"),
    ({"subject_type": "pairwise"}, "invalid_client_metadata"),
    ({"sector_identifier_uri": "https://timetable.test/sector"}, "invalid_client_metadata"),
    ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "invalid_client_metadata"),
    ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    ({"jwks": {"keys": []}}, "invalid_client_metadata"),
    ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "invalid_client_metadata"),
    ({"jwks_uri": "http://10.0.0.1/keys"}, "invalid_client_metadata"),
    ({"backchannel_logout_uri": "http://127.0.0.1:8080/logout"}, "invalid_client_metadata"),
    ({"require_pushed_authorization_requests": "yes"}, "invalid_client_metadata"),
]


def test_metadata_that_breaks_a_rule_is_refused_by_name(site: Site, leave: str) -> None:
    before = site.one("SELECT count(*) FROM sso.client")
    for change, error in REFUSED:
        response = call(site, "POST", "/clients", leave, GOOD | change)
        assert (response.status_code, response.json()["error"]) == (400, error), change
    bodies: list[Any] = [[], "x", None, {"redirect_uris": 1}]
    for body in bodies:
        assert call(site, "POST", "/clients", leave, body).status_code in (400, 415), body
    assert site.one("SELECT count(*) FROM sso.client") == before
    assert site.one("SELECT uses_left FROM sso.initial_access_token") == 2


def test_a_native_application_lives_on_the_device(site: Site, leave: str) -> None:
    native = registered(
        site,
        leave,
        application_type="native",
        redirect_uris=["test.timetable.app:/callback", "http://127.0.0.1/callback"],
        token_endpoint_auth_method="none",
    )
    assert "client_secret" not in native
    browser = site.browser()
    page = browser.authorize(native["client_id"], redirect_uri="http://127.0.0.1:51234/callback", scope="openid")
    assert page.status_code == 303
    assert "/login" in page.headers["location"]


def test_a_registration_is_read_changed_and_removed_with_its_own_token(site: Site, leave: str) -> None:
    client = registered(site, leave)
    uri, token = client["registration_client_uri"], client["registration_access_token"]
    shown = call(site, "GET", uri, token).json()
    assert {**shown, "client_secret": client["client_secret"]} == client
    change = GOOD | {"client_id": client["client_id"], "client_name": "Departures", "scope": "openid"}
    changed = call(site, "PUT", uri, token, change)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["client_name"], changed.json()["scope"]) == ("Departures", "openid")
    assert changed.json()["client_id_issued_at"] == client["client_id_issued_at"]
    without = {name: value for name, value in change.items() if name != "backchannel_logout_uri"}
    assert "backchannel_logout_uri" not in call(site, "PUT", uri, token, without).json()
    assert call(site, "DELETE", uri, token).status_code == 204
    assert call(site, "GET", uri, token).status_code == 401
    gone = site.token(
        {"grant_type": "refresh_token", "refresh_token": "x"}, (client["client_id"], client["client_secret"])
    )
    assert gone.json()["error"] == "invalid_client"


def test_a_client_cannot_touch_another_ones_registration(site: Site, leave: str) -> None:
    first, second = registered(site, leave), registered(site, leave)
    for method, body in (("GET", None), ("PUT", GOOD), ("DELETE", None)):
        for path in (first["registration_client_uri"], f"{site.issuer}/clients/web", f"{site.issuer}/clients/nobody"):
            refused = call(site, method, path, second["registration_access_token"], body)
            assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


def test_a_change_cannot_choose_what_only_we_decide(site: Site, leave: str) -> None:
    client = registered(site, leave)
    own = GOOD | {"client_id": client["client_id"]}
    changes = (
        GOOD,
        own | {"client_id": "web"},
        own | {"client_secret": "chosen-by-the-client-0123456789abcdef"},
        own | {"registration_access_token": "mine"},
        own | {"client_id_issued_at": 0},
        own | {"scope": "openid operator"},
    )
    for change in changes:
        refused = call(site, "PUT", client["registration_client_uri"], client["registration_access_token"], change)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata"), change
    assert call(site, "PUT", client["registration_client_uri"], client["registration_access_token"], own).is_success


def test_a_removed_client_loses_what_people_gave_it(site: Site, leave: str) -> None:
    client = registered(site, leave)
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.client SET consent = 'implicit' WHERE client_id = %s", (client["client_id"],))
    browser = site.browser()
    code = browser.log_in(client["client_id"], redirect_uri=GOOD["redirect_uris"][0], scope="openid profile")
    tokens = site.token(
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": GOOD["redirect_uris"][0],
            "code_verifier": "a-verifier-that-is-long-enough-for-rfc-7636-0123",
        },
        (client["client_id"], client["client_secret"]),
    ).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"{site.issuer}/userinfo", headers=bearer).status_code == 200
        call(site, "DELETE", client["registration_client_uri"], client["registration_access_token"])
        assert http.get(f"{site.issuer}/userinfo", headers=bearer).status_code == 401


def test_a_stranger_cannot_make_us_speak_to_our_own_house(site: Site, leave: str) -> None:
    """A self-registered back-channel URI whose name leads to a private address is not posted to."""
    client = registered(site, leave, backchannel_logout_uri="https://localhost.timetable.test/logout")
    with site.provider.pool.connection() as connection:
        connection.execute(
            """UPDATE sso.client SET consent = 'implicit', backchannel_logout_uri = 'https://127.0.0.1:1/logout'
               WHERE client_id = %s""",
            (client["client_id"],),
        )
    browser = site.browser()
    answered = browser.log_in(client["client_id"], redirect_uri=GOOD["redirect_uris"][0], scope="openid")
    assert answered
    browser.submit(browser.get("/signed-in"))
    tried: list[str] = []

    def send(uri: str, token: str) -> int:
        tried.append(uri)
        return 200

    logout.deliver_logout_tokens(
        site.provider.pool, site.clock, send, tokens=site.provider.tokens, options=site.provider.options
    )
    assert tried == []
    assert site.one("SELECT last_error FROM sso.logout_delivery") == "the address leads to a private network"


def test_discovery_names_the_endpoint(site: Site) -> None:
    document = httpx.get(f"{site.issuer}/.well-known/openid-configuration", trust_env=False).json()
    assert document["registration_endpoint"] == f"{site.issuer}/clients"
    assert document["subject_types_supported"] == ["public"]
