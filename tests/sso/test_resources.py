"""Who a token is for (RFC 8707), who may look into it (RFC 7662), and how it ends (RFC 7009)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sso.admin import Registration, register_client
from sso.tokens import TokenRefused
from tests.sso.harness import HUB, SECRETS, Site

WINDOWS, AGENTS = "https://windows.interlock.test/api", "https://agents.interlock.test/api"
SERVER = ("windows-api", "a-secret-of-the-windows-api-0123456789abcdef")
OTHER = ("agents-api", "a-secret-of-the-agents-api-0123456789abcdef")
KIOSK = "kiosk"


@pytest.fixture
def channels(site: Site) -> Site:
    for (name, secret), resource in ((SERVER, WINDOWS), (OTHER, AGENTS)):
        register_client(site.provider, Registration(name, name, name, ["hub:orders"], secret, resource=resource))
    register_client(
        site.provider,
        Registration(
            KIOSK,
            "自助机",
            "Kiosk",
            ["openid", "hub:orders"],
            redirect_uris=["https://kiosk.interlock.test/callback"],
            audiences=[WINDOWS, AGENTS],
        ),
    )
    return site


def post(site: Site, path: str, auth: tuple[str, str] | None, **data: str) -> httpx.Response:
    return httpx.post(site.issuer + path, data=data, auth=auth, trust_env=False)


def introspect(site: Site, token: str, auth: tuple[str, str] = SERVER) -> dict[str, Any]:
    answered = post(site, "/introspect", auth, token=token)
    assert answered.status_code == 200, answered.text
    assert answered.headers["cache-control"] == "no-store"
    return dict(answered.json())


def for_windows(site: Site) -> dict[str, Any]:
    return site.browser().tokens(KIOSK, scope="openid hub:orders", resource=WINDOWS)


def test_a_token_for_channel_a_is_refused_by_b_and_by_the_hub(channels: Site) -> None:
    token = for_windows(channels)["access_token"]
    channels.provider.verifier(WINDOWS, check_liveness=True).verify(token)
    for elsewhere in (AGENTS, HUB):
        with pytest.raises(TokenRefused) as refused:
            channels.provider.verifier(elsewhere, check_liveness=True).verify(token)
        assert refused.value.code == "token_audience_wrong"


def test_the_audience_stays_through_a_refresh_and_cannot_be_changed_at_the_token_endpoint(channels: Site) -> None:
    browser = channels.browser()
    refresh_token = for_windows(channels)["refresh_token"]
    assert browser.refresh(KIOSK, refresh_token, resource=AGENTS).json()["error"] == "invalid_target"
    renewed = browser.refresh(KIOSK, for_windows(channels)["refresh_token"], resource=WINDOWS).json()
    assert WINDOWS in channels.claims(renewed["access_token"])["aud"]
    code = browser.log_in(KIOSK, scope="openid", resource=WINDOWS)
    assert browser.redeem(KIOSK, code, resource=AGENTS).json()["error"] == "invalid_target"


def test_introspection_tells_the_resource_server_what_it_needs(channels: Site) -> None:
    tokens = for_windows(channels)
    told, claims = introspect(channels, tokens["access_token"]), channels.claims(tokens["access_token"])
    assert told.pop("active") is True
    assert told.pop("token_type") == "Bearer"
    assert told == {name: value for name, value in claims.items() if name != "gid"}


def test_whoever_is_not_meant_learns_only_that_it_is_not_active(channels: Site) -> None:
    tokens, hub = for_windows(channels), channels.browser().tokens("web")
    for token in (hub["access_token"], tokens["refresh_token"], tokens["id_token"], "rubbish", "e30.e30.e30"):
        assert introspect(channels, token) == {"active": False}
    assert introspect(channels, tokens["access_token"], OTHER) == {"active": False}


def test_only_resource_servers_that_prove_themselves_may_look(channels: Site) -> None:
    token = for_windows(channels)["access_token"]
    assert post(channels, "/introspect", None, token=token, client_id=KIOSK).json()["error"] == "unauthorized_client"
    assert post(channels, "/introspect", None, token=token).status_code == 401
    assert post(channels, "/introspect", (SERVER[0], "wrong"), token=token).status_code == 401
    no_resource = post(channels, "/introspect", ("channel-web", SECRETS["web"]), token=token)
    assert no_resource.json()["error"] == "unauthorized_client"
    assert post(channels, "/introspect", SERVER).json()["error"] == "invalid_request"


def test_a_token_is_inactive_the_moment_its_login_its_person_or_its_time_ends(channels: Site) -> None:
    browser = channels.browser()
    tokens = browser.tokens(KIOSK, scope="openid", resource=WINDOWS)
    assert introspect(channels, tokens["access_token"])["active"]
    browser.get("/logout", id_token_hint=tokens["id_token"])
    assert introspect(channels, tokens["access_token"]) == {"active": False}
    late = for_windows(channels)["access_token"]
    channels.clock.advance(timedelta(minutes=5))
    assert introspect(channels, late) == {"active": False}
    closed = for_windows(channels)["access_token"]
    with channels.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET disabled_at = now() WHERE login_name = 'liwei'")
    assert introspect(channels, closed) == {"active": False}


def test_revoking_either_token_ends_the_family_and_not_the_session(channels: Site) -> None:
    for kind in ("access_token", "refresh_token"):
        browser = channels.browser()
        tokens = browser.tokens(KIOSK, scope="openid hub:orders", resource=WINDOWS)
        answered = post(channels, "/revoke", None, token=tokens[kind], client_id=KIOSK)
        assert (answered.status_code, answered.text) == (200, "")
        assert introspect(channels, tokens["access_token"]) == {"active": False}
        assert browser.refresh(KIOSK, tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert "code=" in browser.authorize(KIOSK, scope="openid").headers["location"]


def test_another_clients_token_is_not_ended_and_the_answer_does_not_tell(channels: Site) -> None:
    tokens = for_windows(channels)
    for token in (tokens["access_token"], tokens["refresh_token"], "rubbish"):
        answered = post(channels, "/revoke", None, token=token, client_id="web")
        assert (answered.status_code, answered.text) == (200, "")
    assert introspect(channels, tokens["access_token"])["active"]
    assert post(channels, "/revoke", None, client_id="web").json()["error"] == "invalid_request"
    assert post(channels, "/revoke", None, token="x").status_code == 401


def test_a_machine_asks_tokens_for_one_resource(channels: Site) -> None:
    secret = "a-secret-of-a-machine-0123456789abcdef"
    register_client(
        channels.provider,
        Registration("machine", "机", "Machine", ["hub:orders"], secret, client_credentials=True, audiences=[WINDOWS]),
    )
    grant = {"grant_type": "client_credentials"}
    for resource, audience in ((None, HUB), (HUB, HUB), (WINDOWS, WINDOWS)):
        asked = grant if resource is None else {**grant, "resource": resource}
        token = channels.token(asked, ("machine", secret)).json()["access_token"]
        assert channels.claims(token)["aud"] == [audience]
    assert channels.token({**grant, "resource": AGENTS}, ("machine", secret)).json()["error"] == "invalid_target"
