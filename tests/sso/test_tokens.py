"""Tokens: refresh, client credentials, and the verifier that the hub API uses."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from sso import admin, clients
from sso.clients import Client
from sso.provider import Provider
from sso.tokens import TokenRefused, TokenVerifier
from tests.sso.harness import HUB, SECRETS, STAFF_PASSWORD, Site

MESSAGES = frozenset({"hub:messages"})


def machine_token(site: Site, **more: str) -> str:
    response = site.token({"grant_type": "client_credentials", **more}, ("channel-agents", SECRETS["agents"]))
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])


def verifier(site: Site, audience: str = HUB, *, check_liveness: bool = False) -> TokenVerifier:
    return site.provider.verifier(audience, check_liveness=check_liveness)


def refused(check: TokenVerifier, token: str, **more: Any) -> str:
    with pytest.raises(TokenRefused) as caught:
        check.verify(token, **more)
    return caught.value.code


# --- client credentials --------------------------------------------------------------------------------------------


def test_a_channel_token_names_its_channel(site: Site) -> None:
    verified = verifier(site).verify(machine_token(site), scopes=MESSAGES)
    assert verified.channel == "agents"
    assert verified.subject == "client:channel-agents"
    assert verified.session_id is None
    assert verified.allows("hub:orders")


def test_a_channel_token_is_refused_for_another_audience(site: Site) -> None:
    assert refused(verifier(site, "https://elsewhere.test"), machine_token(site)) == "token_audience_wrong"


def test_scope_is_narrowed_on_request_and_never_widened(site: Site) -> None:
    narrow = machine_token(site, scope="hub:orders")
    assert refused(verifier(site), narrow, scopes=MESSAGES) == "scope_insufficient"
    auth = ("channel-agents", SECRETS["agents"])
    more = site.token({"grant_type": "client_credentials", "scope": "hub:messages admin"}, auth)
    assert more.json()["error"] == "invalid_scope"


def test_both_ways_to_send_a_secret_work_and_nothing_else_does(site: Site) -> None:
    grant = {"grant_type": "client_credentials"}
    posted = {**grant, "client_id": "channel-web", "client_secret": SECRETS["web"]}
    assert site.token(posted).status_code == 200
    wrong = site.token(grant, ("channel-web", SECRETS["app"]))
    unknown = site.token(grant, ("nobody", SECRETS["app"]))
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Basic ")
    assert site.token({**grant, "client_id": "channel-web"}).json()["error"] == "invalid_client"
    assert site.token({**grant, "client_id": "web"}).json()["error"] == "unauthorized_client"
    twice = site.token(posted, ("channel-web", SECRETS["web"]))
    assert twice.json()["error"] == "invalid_request"


def test_a_broken_authorization_header_is_a_clean_refusal(site: Site) -> None:
    data = {"grant_type": "client_credentials"}
    with httpx.Client(trust_env=False) as client:
        for header in ("Basic", "Basic %%%", "Basic gICAgA==", "Bearer x", "Basic bm9jb2xvbg=="):
            answered = client.post(f"{site.issuer}/token", data=data, headers={"Authorization": header})
            assert (answered.status_code, answered.json()["error"]) == (401, "invalid_client"), header


MALFORMED = [
    (b"grant_type=client_credentials&grant_type=refresh_token", "application/x-www-form-urlencoded", 400),
    (b"", "application/x-www-form-urlencoded", 400),
    (b"grant_type=%ff%fe", "application/x-www-form-urlencoded", 400),
    (b"grant_type=a%00b", "application/x-www-form-urlencoded", 400),
    (b'{"grant_type": "client_credentials"}', "application/json", 415),
    (b"x=" + b"y" * 70_000, "application/x-www-form-urlencoded", 413),
    (b"&".join(b"p%d=1" % number for number in range(200)), "application/x-www-form-urlencoded", 400),
    (b"grant_type=password&username=a&password=b", "application/x-www-form-urlencoded", 400),
]


def test_a_malformed_token_request_is_refused_not_a_crash(site: Site) -> None:
    with httpx.Client(trust_env=False) as client:
        for body, kind, status in MALFORMED:
            answered = client.post(f"{site.issuer}/token", content=body, headers={"Content-Type": kind})
            assert answered.status_code == status, body[:60]
            assert {"error", "code"} & set(answered.json()), body[:60]


# --- refresh -------------------------------------------------------------------------------------------------------


def test_refresh_rotates_again_and_again(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    for _ in range(5):
        site.clock.advance(timedelta(hours=20))
        response = browser.refresh("web", tokens["refresh_token"])
        assert response.status_code == 200, response.text
        tokens = response.json()
    assert site.one("SELECT max(generation) FROM sso.refresh_token") == 5


def test_a_refresh_token_of_another_client_revokes_its_family(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    assert browser.refresh("app", tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert browser.refresh("web", tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "refresh_token_of_another_client"


def test_refresh_may_narrow_its_scope_but_not_widen_it(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    narrow = browser.refresh("web", tokens["refresh_token"], scope="openid").json()
    assert narrow["scope"] == "openid"
    assert browser.refresh("web", narrow["refresh_token"], scope="openid phone").json()["error"] == "invalid_scope"


def test_a_refresh_token_ends_with_its_time_its_session_and_its_person(site: Site) -> None:
    browser = site.browser()
    idle = browser.tokens("web")
    site.clock.advance(timedelta(days=2, seconds=1))
    assert browser.refresh("web", idle["refresh_token"]).json()["error"] == "invalid_grant"
    closed = site.browser().tokens("web")
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET disabled_at = now() WHERE login_name = 'liwei'")
    assert browser.refresh("web", closed["refresh_token"]).json()["error"] == "invalid_grant"


# --- the verifier --------------------------------------------------------------------------------------------------


def test_a_persons_token_is_verified_with_everything_the_hub_needs(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web", "operator", STAFF_PASSWORD, scope="openid operator hub:orders")
    verified = verifier(site, check_liveness=True).verify(browser.redeem("web", code).json()["access_token"])
    assert verified.roles == {"operator"}
    assert verified.client_id == "web"
    assert UUID(verified.subject)
    assert UUID(verified.session_id or "")
    assert verified.channel is None


def test_the_declared_sets_cover_every_claim_we_issue_and_do_not_overlap(site: Site) -> None:
    sets = (TokenVerifier.REQUIRED, TokenVerifier.OPTIONAL, TokenVerifier.KNOWINGLY_UNCHECKED)
    assert sum(map(len, sets)) == len(frozenset().union(*sets))
    issued = set(site.claims(machine_token(site))) | set(site.claims(site.browser().tokens("web")["access_token"]))
    assert issued <= frozenset().union(*sets)


def test_time_is_the_passed_clocks(site: Site) -> None:
    token = machine_token(site)
    site.clock.advance(timedelta(seconds=299))
    verifier(site).verify(token)
    site.clock.advance(timedelta(seconds=1))
    assert refused(verifier(site), token) == "token_expired"
    site.clock.advance(timedelta(hours=-1))
    assert refused(verifier(site), token) == "token_not_yet_valid"


def test_an_id_token_is_no_access_token(site: Site) -> None:
    assert refused(verifier(site), site.browser().tokens("web")["id_token"]) == "token_type_wrong"


def forge(site: Site, header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    good = site.claims(machine_token(site))
    active = site.provider.keys.signing("ES256")
    full = {"alg": "ES256", "kid": active.kid, "typ": "at+jwt", **header}
    return jwt.encode(full, {**good, **claims}, key or active.private, algorithms=["ES256", "HS256", "RS256"])


def test_a_foreign_key_a_foreign_kid_and_extra_headers_are_refused(site: Site) -> None:
    check, stranger = verifier(site), ECKey.generate_key("P-256")
    assert refused(check, forge(site, {}, {}, stranger)) == "token_signature_bad"
    assert refused(check, forge(site, {"kid": "theirs"}, {}, stranger)) == "token_key_unknown"
    assert refused(check, forge(site, {"jwk": stranger.as_dict(private=False)}, {}, stranger)) == (
        "token_header_unexpected"
    )
    assert refused(check, forge(site, {"jku": "https://evil.test/keys"}, {}, None)) == "token_header_unexpected"
    assert refused(check, forge(site, {"typ": "JWT"}, {}, None)) == "token_type_wrong"


def test_none_and_hs256_with_the_public_key_are_refused(site: Site) -> None:
    check, token = verifier(site), machine_token(site)
    _, payload, _ = token.split(".")
    kid = site.provider.keys.signing("ES256").kid

    def segment(value: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    unsigned = segment({"alg": "none", "kid": kid, "typ": "at+jwt"}) + f".{payload}."
    assert refused(check, unsigned) == "token_algorithm_refused"
    public = json.dumps(site.provider.keys.jwks()["keys"][0]).encode()
    confused = forge(site, {"alg": "HS256"}, {}, OctKey.import_key(public))
    assert refused(check, confused) == "token_algorithm_refused"
    rsa = forge(
        site,
        {"alg": "RS256", "kid": site.provider.keys.signing("RS256").kid},
        {},
        site.provider.keys.signing("RS256").private,
    )
    assert refused(check, rsa) == "token_algorithm_refused"


BAD_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.test"}, "token_issuer_wrong"),
    ({"aud": "https://elsewhere.test"}, "token_audience_wrong"),
    ({"exp": "tomorrow"}, "token_claim_malformed"),
    ({"scope": ["hub:messages"]}, "token_claim_malformed"),
    ({"admin": True}, "token_claim_unknown"),
    ({"client_id": None}, "token_claim_malformed"),
]


def test_each_claim_is_checked(site: Site) -> None:
    check = verifier(site)
    assert [(change, refused(check, forge(site, {}, change, None))) for change, _ in BAD_CLAIMS] == BAD_CLAIMS


def test_rubbish_is_refused_with_a_code(site: Site) -> None:
    check = verifier(site)
    for token in ("", "a.b", "a.b.c", "é.b.c", "x" * 9000, "bnVsbA.e30.", "e30.e30.e30"):
        assert refused(check, token).startswith("token_")


def test_with_liveness_a_logout_ends_the_access_token_at_once(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    relaxed, strict = verifier(site), verifier(site, check_liveness=True)
    strict.verify(tokens["access_token"])
    browser.get("/logout", id_token_hint=tokens["id_token"])
    assert refused(strict, tokens["access_token"]) == "token_revoked"
    relaxed.verify(tokens["access_token"])  # good until it expires: what is not checked must be known


def test_with_liveness_a_disabled_client_is_refused_at_once(site: Site) -> None:
    token, strict = machine_token(site), verifier(site, check_liveness=True)
    strict.verify(token)
    assert admin.disable_client(site.provider, "channel-agents")
    assert refused(strict, token) == "token_revoked"
    assert site.token({"grant_type": "client_credentials"}, ("channel-agents", SECRETS["agents"])).status_code == 401


# --- keys ----------------------------------------------------------------------------------------------------------


def elsewhere(site: Site) -> Provider:
    """The same provider in another process: the same database and key for fields, its own key cache."""
    given = site.provider
    return Provider.assemble(given.options, given.pool, site.clock, given.cipher, site.gateway)


def test_another_process_makes_no_second_key(site: Site) -> None:
    machine_token(site)
    other = elsewhere(site)
    other.keys.refresh()
    assert other.keys.signing("ES256").kid == site.provider.keys.signing("ES256").kid
    assert site.one("SELECT count(*) FROM sso.signing_key") == 2


def test_a_key_made_in_another_process_is_known_as_soon_as_a_token_names_it(site: Site) -> None:
    token = machine_token(site)
    verifier(site).verify(token)
    admin.rotate_key(site.provider, "ES256", at_once=True)
    client = load(site, "channel-agents")
    other = elsewhere(site)
    other.tokens.prepare()
    newer = other.tokens.client_access_token(client, ["hub:messages"])
    site.clock.advance(timedelta(seconds=2))  # far less than keys_reread_after
    verifier(site).verify(newer)


def load(site: Site, client_id: str) -> Client:
    with site.provider.pool.connection() as connection:
        client = clients.load(connection, client_id)
    assert client is not None
    return client


def test_published_keys_hold_no_private_part(site: Site) -> None:
    keys = httpx.get(f"{site.issuer}/jwks", trust_env=False).json()["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for key in keys for name in key}
