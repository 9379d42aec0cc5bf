"""DPoP (RFC 9449): tokens that only the holder of one key can use, and every way to cheat that we know of."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from sso.admin import Registration, register_client
from sso.tokens import TokenRefused
from tests.sso.harness import HUB, SECRETS, Browser, Pkce, Site, answer
from tests.sso.signing import encode, proof

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
JKT = KEY.thumbprint()
MACHINE = {"grant_type": "client_credentials"}


def post(site: Site, data: dict[str, str], headers: dict[str, str], auth: tuple[str, str] | None = None) -> Any:
    with httpx.Client(trust_env=False) as client:
        return client.post(f"{site.issuer}/token", data=data, headers=headers, auth=auth or httpx.USE_CLIENT_DEFAULT)


def machine(site: Site, headers: dict[str, str]) -> Any:
    return post(site, MACHINE, headers, ("channel-web", SECRETS["web"]))


def redeemed(site: Site, browser: Browser, code: str, headers: dict[str, str]) -> Any:
    data = {"grant_type": "authorization_code", "client_id": "web", "code": code, "code_verifier": Pkce().verifier}
    return post(site, {**data, "redirect_uri": "https://web.interlock.test/callback"}, headers)


def refreshed(site: Site, token: str, headers: dict[str, str]) -> Any:
    return post(site, {"grant_type": "refresh_token", "client_id": "web", "refresh_token": token}, headers)


def userinfo(site: Site, authorization: str, headers: dict[str, str] | None = None) -> httpx.Response:
    sent = {"Authorization": authorization, **(headers or {})}
    return httpx.get(f"{site.issuer}/userinfo", headers=sent, trust_env=False)


def test_a_family_is_bound_to_its_key_from_code_to_userinfo(site: Site) -> None:
    browser = site.browser()
    tokens = redeemed(site, browser, browser.log_in("web"), proof(site, KEY)).json()
    assert tokens["token_type"] == "DPoP"
    assert site.claims(tokens["access_token"])["cnf"] == {"jkt": JKT}
    assert refreshed(site, tokens["refresh_token"], {}).json()["error"] == "invalid_dpop_proof"
    assert refreshed(site, tokens["refresh_token"], proof(site, OTHER)).json()["error"] == "invalid_dpop_proof"
    # A thief without the key has neither got nor ended anything.
    second = refreshed(site, tokens["refresh_token"], proof(site, KEY)).json()
    assert (second["token_type"], site.claims(second["access_token"])["cnf"]) == ("DPoP", {"jkt": JKT})
    access = second["access_token"]
    good = proof(site, KEY, "/userinfo", method="GET", token=access)
    assert userinfo(site, f"DPoP {access}", good).status_code == 200
    assert userinfo(site, f"DPoP {access}", good).status_code == 401, "the proof was used before"


def test_a_bound_token_is_no_bearer_token_and_a_bearer_token_no_bound_one(site: Site) -> None:
    browser = site.browser()
    bound = redeemed(site, browser, browser.log_in("web"), proof(site, KEY)).json()["access_token"]
    bearer = site.browser().tokens("web")["access_token"]
    told = {
        "bound as bearer": userinfo(site, f"Bearer {bound}"),
        "bound as bearer with a proof": userinfo(
            site, f"Bearer {bound}", proof(site, KEY, "/userinfo", method="GET", token=bound)
        ),
        "bound without proof": userinfo(site, f"DPoP {bound}"),
        "bound with another key": userinfo(
            site, f"DPoP {bound}", proof(site, OTHER, "/userinfo", method="GET", token=bound)
        ),
        "bound with a proof for another token": userinfo(
            site, f"DPoP {bound}", proof(site, KEY, "/userinfo", method="GET", token=bearer)
        ),
        "bound with a proof for no token": userinfo(site, f"DPoP {bound}", proof(site, KEY, "/userinfo", method="GET")),
        "bearer as bound": userinfo(site, f"DPoP {bearer}", proof(site, KEY, "/userinfo", method="GET", token=bearer)),
    }
    assert {name: each.status_code for name, each in told.items()} == dict.fromkeys(told, 401)
    assert 'algs="ES256' in told["bound without proof"].headers["www-authenticate"]
    # The hub's verifier, which is shown a token and no proof, takes no bound token either.
    check = site.provider.verifier(HUB, check_liveness=True)
    assert check.verify(bound, jkt=JKT).jkt == JKT
    for jkt in (None, OTHER.thumbprint()):
        with pytest.raises(TokenRefused) as refused:
            check.verify(bound, jkt=jkt)
        assert refused.value.code == "token_key_not_proven"


BAD: dict[str, Callable[[Site], dict[str, str]]] = {
    "another method": lambda site: proof(site, KEY, htm="GET"),
    "another address": lambda site: proof(site, KEY, "/par"),
    "another host": lambda site: proof(site, KEY, htu="https://evil.test/sso/token"),
    "no address": lambda site: proof(site, KEY, htu=None),
    "an address that is none": lambda site: proof(site, KEY, htu="http://[::1"),
    "too old": lambda site: proof(site, KEY, iat=int(site.clock().timestamp()) - 61),
    "from the future": lambda site: proof(site, KEY, iat=int(site.clock().timestamp()) + 6),
    "at no time": lambda site: proof(site, KEY, iat=None),
    "at a time that is true": lambda site: proof(site, KEY, iat=True),
    "at no number": lambda site: proof(site, KEY, iat="now"),
    "no jti": lambda site: proof(site, KEY, jti=None),
    "an endless jti": lambda site: proof(site, KEY, jti="x" * 300),
    "a NUL in the jti": lambda site: proof(site, KEY, jti="a\x00b"),
    "another type": lambda site: proof(site, KEY, header={"typ": "JWT"}),
    "a further header": lambda site: proof(site, KEY, header={"kid": "x"}),
    "crit": lambda site: proof(site, KEY, header={"crit": ["kid"], "kid": "x"}),
    "a key that did not sign": lambda site: proof(site, KEY, header={"jwk": OTHER.as_dict(private=False)}),
    "the private key": lambda site: proof(site, KEY, header={"jwk": KEY.as_dict(private=True)}),
    "a shared secret": lambda site: {"DPoP": encode(shared(), {"jti": "1"}, OctKey.import_key("k" * 32))},
    "unsigned": lambda site: none(site),
    "a weak RSA key": lambda site: {"DPoP": encode(*weak(site))},
    "a point off the curve": lambda site: proof(site, KEY, header={"jwk": off_curve()}),
    "not a token": lambda site: {"DPoP": "x"},
    "rubbish": lambda site: {"DPoP": "e30.e30.e30"},
    "an empty proof": lambda site: {"DPoP": ""},
}


def shared() -> dict[str, Any]:
    return {"typ": "dpop+jwt", "alg": "HS256", "jwk": {"kty": "oct", "k": "a2s"}}


def none(site: Site) -> dict[str, str]:
    _, payload, _ = proof(site, KEY)["DPoP"].split(".")
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": KEY.as_dict(private=False)}
    return {"DPoP": base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode() + f".{payload}."}


def weak(site: Site) -> tuple[dict[str, Any], dict[str, Any], RSAKey]:
    with warnings.catch_warnings(action="ignore"):  # our library warns of it too
        key = RSAKey.generate_key(1024)
    claims = {"jti": "1", "htm": "POST", "htu": f"{site.issuer}/token", "iat": int(site.clock().timestamp())}
    return {"typ": "dpop+jwt", "alg": "RS256", "jwk": key.as_dict(private=False)}, claims, key


def off_curve() -> dict[str, Any]:
    jwk = dict(KEY.as_dict(private=False))
    return {**jwk, "x": jwk["y"], "y": jwk["x"]}


def test_what_proves_no_key(site: Site) -> None:
    told = {name: machine(site, bad(site)) for name, bad in BAD.items()}
    assert {name: (each.status_code, each.json()["error"]) for name, each in told.items()} == dict.fromkeys(
        BAD, (400, "invalid_dpop_proof")
    )


def test_two_proofs_are_refused(site: Site) -> None:
    with httpx.Client(trust_env=False) as client:
        pair = [("DPoP", proof(site, KEY)["DPoP"]), ("DPoP", proof(site, KEY)["DPoP"])]
        answered = client.post(f"{site.issuer}/token", data=MACHINE, headers=pair, auth=("channel-web", SECRETS["web"]))
    assert answered.json()["error"] == "invalid_dpop_proof"


def test_a_proof_is_good_once_also_for_eight_at_once(site: Site) -> None:
    sent = proof(site, KEY)
    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(lambda _: machine(site, sent).status_code, range(8)))
    assert statuses == [200] + [400] * 7


def test_query_and_fragment_of_the_address_do_not_matter(site: Site) -> None:
    assert machine(site, proof(site, KEY, "/token?a=b#c")).json()["token_type"] == "DPoP"


def test_a_code_may_be_bound_to_a_key_from_the_start(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web", dpop_jkt=JKT)
    assert redeemed(site, browser, code, {}).json()["error"] == "invalid_dpop_proof"
    again = answer(browser.authorize("web", dpop_jkt=JKT))["code"]
    assert redeemed(site, browser, again, proof(site, OTHER)).json()["error"] == "invalid_dpop_proof"
    last = answer(browser.authorize("web", dpop_jkt=JKT))["code"]
    assert redeemed(site, browser, last, proof(site, KEY)).json()["token_type"] == "DPoP"
    assert answer(browser.authorize("web", dpop_jkt="short"))["error"] == "invalid_request"


def test_a_client_that_registered_for_dpop_gets_no_bearer_tokens(site: Site) -> None:
    secret = "a-secret-of-a-client-with-dpop-0123456789"
    register_client(
        site.provider,
        Registration("bound", "绑定", "Bound", ["hub:orders"], secret, client_credentials=True, require_dpop=True),
    )
    assert post(site, MACHINE, {}, ("bound", secret)).json()["error"] == "invalid_dpop_proof"
    assert post(site, MACHINE, proof(site, KEY), ("bound", secret)).json()["token_type"] == "DPoP"
