"""private_key_jwt (RFC 7523): what proves a client, once, and what does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from sso.admin import Registration, register_client
from sso.client_keys import ClientKeys
from sso.fetching import FetchRefused, guarded_fetch
from sso.signed import SignatureRefused
from tests.sso.harness import SECRETS, Site
from tests.sso.signing import assertion, public

GRANT = {"grant_type": "client_credentials"}
KEY = ECKey.generate_key("P-256")
STRANGER = ECKey.generate_key("P-256")


@pytest.fixture
def keyed(site: Site) -> Site:
    register_client(
        site.provider, Registration("keyed", "钥匙", "Keyed", ["hub:orders"], client_credentials=True, jwks=public(KEY))
    )
    return site


def refused(site: Site, parameters: dict[str, str]) -> str:
    answered = site.token({**GRANT, **parameters})
    assert answered.status_code in (400, 401), answered.text
    return str(answered.json()["error"])


def test_a_client_proves_itself_by_its_key(keyed: Site) -> None:
    for audience in (keyed.issuer, f"{keyed.issuer}/token", [keyed.issuer]):
        answered = keyed.token({**GRANT, **assertion(keyed, "keyed", KEY, {"kid": KEY.thumbprint()}, aud=audience)})
        assert answered.status_code == 200, answered.text
        assert keyed.claims(answered.json()["access_token"])["sub"] == "client:keyed"


def test_an_assertion_is_good_once_also_for_eight_at_once(keyed: Site) -> None:
    sent = {**GRANT, **assertion(keyed, "keyed", KEY)}
    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(lambda _: keyed.token(sent).status_code, range(8)))
    assert statuses == [200] + [401] * 7


def test_a_jti_is_spent_even_when_the_request_fails(keyed: Site) -> None:
    sent = assertion(keyed, "keyed", KEY)
    assert keyed.token({**GRANT, **sent, "scope": "admin"}).json()["error"] == "invalid_scope"
    assert refused(keyed, sent) == "invalid_client"


BAD: dict[str, Callable[[Site], dict[str, str]]] = {
    "foreign key": lambda site: assertion(site, "keyed", STRANGER),
    "foreign key named like ours": lambda site: assertion(site, "keyed", STRANGER, {"kid": KEY.thumbprint()}),
    "unknown kid": lambda site: assertion(site, "keyed", KEY, {"kid": "other"}),
    "key in the header": lambda site: assertion(site, "keyed", STRANGER, {"jwk": STRANGER.as_dict(private=False)}),
    "key by address": lambda site: assertion(site, "keyed", KEY, {"jku": "https://evil.test/keys"}),
    "crit": lambda site: assertion(site, "keyed", KEY, {"crit": ["b64"], "b64": True}),
    "HS256 with the public key": lambda site: assertion(
        site, "keyed", OctKey.import_key(str(KEY.as_dict(private=False))), {"alg": "HS256"}
    ),
    "another algorithm": lambda site: assertion(site, "keyed", RSAKey.generate_key(2048), {"alg": "RS256"}),
    "another audience": lambda site: assertion(site, "keyed", KEY, aud="https://other.test"),
    "two audiences": lambda site: assertion(site, "keyed", KEY, aud=[site.issuer, "https://other.test"]),
    "no audience": lambda site: assertion(site, "keyed", KEY, aud=None),
    "another endpoint": lambda site: assertion(site, "keyed", KEY, aud=f"{site.issuer}/par"),
    "expired": lambda site: assertion(site, "keyed", KEY, exp=int(site.clock().timestamp())),
    "lives too long": lambda site: assertion(site, "keyed", KEY, exp=int(site.clock().timestamp()) + 3600),
    "no end": lambda site: assertion(site, "keyed", KEY, exp=None),
    "an end that is no number": lambda site: assertion(site, "keyed", KEY, exp="soon"),
    "an end beyond all time": lambda site: assertion(site, "keyed", KEY, exp=10**30),
    "made later": lambda site: assertion(site, "keyed", KEY, nbf=int(site.clock().timestamp()) + 30),
    "no jti": lambda site: assertion(site, "keyed", KEY, jti=None),
    "a jti that is no text": lambda site: assertion(site, "keyed", KEY, jti=7),
    "iss and sub differ": lambda site: assertion(site, "keyed", KEY, sub="channel-web"),
    "another client beside it": lambda site: {**assertion(site, "keyed", KEY), "client_id": "channel-web"},
    "unknown client": lambda site: assertion(site, "nobody", KEY),
    "client with a secret": lambda site: assertion(site, "channel-web", KEY),
    "wrong type": lambda site: {**assertion(site, "keyed", KEY), "client_assertion_type": "saml"},
    "not a token": lambda site: {**assertion(site, "keyed", KEY), "client_assertion": "a.b.c"},
    "named only": lambda site: {"client_id": "keyed"},
    "a secret": lambda site: {"client_id": "keyed", "client_secret": SECRETS["web"]},
}


def test_what_does_not_prove_a_client(keyed: Site) -> None:
    assert {name: refused(keyed, bad(keyed)) for name, bad in BAD.items()} == dict.fromkeys(BAD, "invalid_client")


def test_an_assertion_beside_a_secret_is_refused(keyed: Site) -> None:
    both = keyed.token({**GRANT, **assertion(keyed, "keyed", KEY)}, ("channel-web", SECRETS["web"]))
    assert both.json()["error"] == "invalid_request"


# --- keys that a client publishes ----------------------------------------------------------------------------------


class Published:
    """A client's key server: what it answers, and how often it was asked."""

    def __init__(self, *keys: ECKey) -> None:
        self.keys, self.asked, self.down = list(keys), 0, False

    def __call__(self, uri: str) -> Any:
        self.asked += 1
        if self.down:
            raise FetchRefused("down")
        return public(*self.keys)


def test_published_keys_are_read_once_and_again_for_a_new_kid(keyed: Site) -> None:
    server, uri, newer = Published(KEY), "https://client.test/jwks", ECKey.generate_key("P-256")
    held = ClientKeys(server, keyed.clock)
    for _ in range(3):
        held.learn(uri, KEY.thumbprint())
    assert server.asked == 1
    server.keys.append(newer)
    keyed.clock.advance(timedelta(seconds=31))
    held.learn(uri, newer.thumbprint())
    assert {key["kid"] for key in held.known(uri)["keys"]} == {KEY.thumbprint(), newer.thumbprint()}
    for _ in range(5):
        held.learn(uri, "somebody guesses")
    assert server.asked == 2
    server.down = True
    keyed.clock.advance(timedelta(minutes=11))
    held.learn(uri, KEY.thumbprint())
    assert server.asked == 3
    assert held.known(uri)["keys"]  # a key server that is away takes nobody's keys


def test_a_client_whose_keys_were_never_read_is_refused(keyed: Site) -> None:
    server = Published()
    server.down = True
    held = ClientKeys(server, keyed.clock)
    held.learn("https://client.test/jwks", None)
    with pytest.raises(SignatureRefused):
        held.known("https://client.test/jwks")


PRIVATE = [
    "http://example.com/jwks",
    "https://127.0.0.1/jwks",
    "https://[::1]/jwks",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://localhost/jwks",
    "https://[::ffff:127.0.0.1]/jwks",
    "https://[64:ff9b::7f00:1]/jwks",
    "https://[2002:7f00:1::]/jwks",
    "https://224.0.0.1/",
    "https://100.64.0.1/",
    "file:///etc/passwd",
    "https:///nowhere",
]


def test_no_private_address_is_ever_fetched(site: Site) -> None:
    fetch = guarded_fetch(site.provider.options)
    for uri in PRIVATE:
        with pytest.raises(FetchRefused):
            fetch(uri)


def test_a_named_host_is_fetched_and_a_redirect_is_not_followed(site: Site) -> None:
    from dataclasses import replace

    named = replace(site.provider.options, plain_http_hosts=frozenset({"127.0.0.1"}))
    fetch = guarded_fetch(named)
    assert fetch(f"{site.issuer}/jwks") == httpx.get(f"{site.issuer}/jwks", trust_env=False).json()
    with pytest.raises(FetchRefused, match="not 200"):
        fetch(f"{site.issuer}/account")


def test_learning_from_many_threads_asks_once(site: Site) -> None:
    server = Published(KEY)
    held, gate = ClientKeys(server, site.clock), threading.Barrier(4)

    def learn(_: int) -> None:
        gate.wait()
        held.learn("https://client.test/jwks", KEY.thumbprint())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(learn, range(4)))
    assert server.asked == 1
