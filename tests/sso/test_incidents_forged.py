"""Forged tokens at every door that reads one, and addresses of strangers: from outside, over HTTP.

One table of forgeries, five doors: an access token at userinfo, a client assertion and a DPoP proof at the token
endpoint, an id_token_hint at the logout and at the authorization endpoint.

docs/reference/sso-security.md lists every item with its test.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from sso import admin
from sso.admin import Registration, register_client
from tests.sso.harness import SECRETS, Browser, Site, answer
from tests.sso.signing import JWT_BEARER, assertion, proof, public
from tests.sso.test_registration import GOOD, call

MACHINE = {"grant_type": "client_credentials"}
CLIENT_KEY, STRANGER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
EVIL = "https://evil.test/keys"


@dataclass
class Door:
    """Where a token is read: one that is good there now, the key that signed it, and who takes it (True) or not."""

    token: str
    key: ECKey
    takes: Callable[[str], bool]
    other_kind: str


@dataclass(frozen=True)
class Forgery:
    """What is changed in the header, and with which key it is signed then; `secret` makes an HS256 key of ours."""

    header: dict[str, Any]
    stranger: bool = False
    secret: Callable[[ECKey], bytes] | None = None


def pem(key: ECKey) -> bytes:
    return key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forgeries(other_kind: str) -> dict[str, Forgery]:
    """Every one is refused at every door; `other_kind`: the typ of a token that is for another door."""
    return {
        "alg none": Forgery({"alg": "none"}),
        "alg None": Forgery({"alg": "None"}),
        "HS256 with the public key as PEM": Forgery({"alg": "HS256"}, secret=pem),
        "HS256 with the public key as JWK": Forgery(
            {"alg": "HS256"}, secret=lambda key: json.dumps(key.as_dict(private=False)).encode()
        ),
        "wrong typ": Forgery({"typ": other_kind}),
        "foreign kid": Forgery({"kid": STRANGER.thumbprint()}, stranger=True),
        "foreign key": Forgery({}, stranger=True),
        "jku": Forgery({"jku": EVIL}),
        "jku to the key that signed": Forgery({"jku": EVIL, "kid": STRANGER.thumbprint()}, stranger=True),
        "jwk beside": Forgery({"jwk": STRANGER.as_dict(private=False), "kid": "x"}, stranger=True),
        "x5u": Forgery({"x5u": EVIL}),
        "unknown crit": Forgery({"crit": ["urn:evil:rule"], "urn:evil:rule": True}),
        "unencoded payload": Forgery({"crit": ["b64"], "b64": False}),
    }


def signature(algorithm: str, by: ECKey | bytes, signed: bytes) -> bytes:
    """JWS signatures by hand, because our library makes none of these."""
    if isinstance(by, bytes):
        return hmac.digest(by, signed, "sha256")
    if algorithm != "ES256":
        return b""
    private = by.private_key
    assert private is not None
    r, s = decode_dss_signature(private.sign(signed, ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def forged(token: str, key: ECKey, forgery: Forgery) -> str:
    """The same claims with another header and signature; a fresh jti, so that nothing is refused for being old."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    header, claims = header | forgery.header, claims | {"jti": secrets.token_urlsafe(16)}
    made = f"{text(json.dumps(header).encode())}.{text(json.dumps(claims).encode())}"
    by = STRANGER if forgery.stranger else forgery.secret(key) if forgery.secret else key
    return f"{made}.{text(signature(header['alg'], by, made.encode()))}"


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


# --- the doors -----------------------------------------------------------------------------------------------------


def at_userinfo(site: Site) -> Door:
    def takes(token: str) -> bool:
        bearer = {"Authorization": f"Bearer {token}"}
        return good(httpx.get(f"{site.issuer}/userinfo", headers=bearer, trust_env=False), 200, 401)

    return Door(site.browser().tokens("web")["access_token"], our_key(site), takes, "JWT")


def as_assertion(site: Site) -> Door:
    keys = public(CLIENT_KEY)
    register_client(
        site.provider, Registration("keyed", "钥匙", "Keyed", ["hub:orders"], client_credentials=True, jwks=keys)
    )

    def takes(token: str) -> bool:
        sent = {**MACHINE, "client_assertion_type": JWT_BEARER, "client_assertion": token}
        return good(site.token(sent), 200, 401)

    header = {"kid": CLIENT_KEY.thumbprint()}
    token = assertion(site, "keyed", CLIENT_KEY, header)["client_assertion"]
    return Door(token, CLIENT_KEY, takes, "dpop+jwt")


def as_proof(site: Site) -> Door:
    def takes(token: str) -> bool:
        auth, headers = ("channel-web", SECRETS["web"]), {"DPoP": token}
        return good(
            httpx.post(f"{site.issuer}/token", data=MACHINE, auth=auth, headers=headers, trust_env=False), 200, 400
        )

    return Door(proof(site, CLIENT_KEY)["DPoP"], CLIENT_KEY, takes, "JWT")


def as_hint(site: Site, takes: Callable[[Browser, str], bool]) -> Door:
    """An ID token of ours, signed with the ES256 key whatever the client has registered."""
    browser = site.browser()
    claims, key = site.claims(browser.tokens("web")["id_token"]), our_key(site)
    header = {"alg": "ES256", "kid": site.provider.keys.signing("ES256").kid, "typ": "JWT"}
    made = ".".join(text(json.dumps(part).encode()) for part in (header, claims))
    token = f"{made}.{text(signature('ES256', key, made.encode()))}"
    return Door(token, key, lambda token: takes(browser, token), "logout+jwt")


def at_logout(site: Site) -> Door:
    return as_hint(site, lambda browser, token: good(browser.get("/logout", id_token_hint=token), 303, 400))


def at_authorize(site: Site) -> Door:
    return as_hint(
        site,
        lambda browser, token: "code" in answer(browser.authorize("web", prompt="none", id_token_hint=token)),
    )


def good(told: httpx.Response, taken: int, refused: int) -> bool:
    assert told.status_code in (taken, refused), told.text
    return told.status_code == taken


def our_key(site: Site) -> ECKey:
    key = site.provider.keys.signing("ES256").private
    assert isinstance(key, ECKey)
    return key


@pytest.mark.parametrize("door_of", [at_userinfo, as_assertion, as_proof, at_logout, at_authorize])
def test_a_forged_token_is_taken_at_no_door(site: Site, door_of: Callable[[Site], Door]) -> None:
    """RFC 8725: alg none, HS256 with the public key, another typ, foreign keys by kid, jku, jwk, x5u, unknown crit."""
    door = door_of(site)
    taken = [
        name
        for name, forgery in forgeries(door.other_kind).items()
        if door.takes(forged(door.token, door.key, forgery))
    ]
    assert taken == []
    assert door.takes(forged(door.token, door.key, Forgery({}))), "the same, made by the same hand, unchanged"


# --- once ----------------------------------------------------------------------------------------------------------


def test_an_assertion_is_good_once_at_all_endpoints_together(site: Site) -> None:
    door = as_assertion(site)
    sent = {"client_assertion_type": JWT_BEARER, "client_assertion": door.token}
    assert site.token({**MACHINE, **sent}).status_code == 200
    for path in ("/token", "/introspect", "/revoke", "/par"):
        told = httpx.post(site.issuer + path, data={**MACHINE, "token": "x", **sent}, trust_env=False)
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client"), path


def test_a_proof_is_good_once_for_all_clients_together(site: Site) -> None:
    sent, used = proof(site, CLIENT_KEY), []
    for client in ("web", "app", "web"):
        auth = (f"channel-{client}", SECRETS[client])
        told = httpx.post(f"{site.issuer}/token", data=MACHINE, auth=auth, headers=sent, trust_env=False)
        used.append(told.status_code)
    assert used == [200, 400, 400]


# --- addresses of strangers (SSRF) ---------------------------------------------------------------------------------


@dataclass
class House:
    """A port of ours that nobody may be led to, under a name that looks like the world's."""

    listening: socket.socket
    uri: str

    def visited(self) -> bool:
        try:
            self.listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The name's DNS answer is a private address: what an attacker's name server says."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    resolve = socket.getaddrinfo

    def rebound(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if host == "keys.timetable.test" else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    yield House(listening, f"https://keys.timetable.test:{listening.getsockname()[1]}/here")
    listening.close()


@pytest.fixture
def leave(site: Site) -> str:
    return admin.create_initial_access_token(site.provider, "timetable", ["openid"], uses=20)


def test_the_keys_of_a_stranger_are_not_fetched_from_our_house(site: Site, house: House, leave: str) -> None:
    more = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": house.uri}
    client = call(site, "POST", "/clients", leave, GOOD | {"scope": "openid"} | more)
    assert client.status_code == 201, client.text
    sent = {"grant_type": "refresh_token", "refresh_token": "x"}
    told = site.token({**sent, **assertion(site, client.json()["client_id"], CLIENT_KEY, {"kid": "any"})})
    assert (told.status_code, told.json()["error"]) == (401, "invalid_client")
    assert not house.visited()


def test_no_logout_of_a_stranger_is_told_to_our_house(site: Site, house: House, leave: str) -> None:
    """With the real sender that the task uses."""
    more = {"scope": "openid", "backchannel_logout_uri": house.uri}
    client = call(site, "POST", "/clients", leave, GOOD | more).json()
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.client SET consent = 'implicit' WHERE client_id = %s", (client["client_id"],))
    browser = site.browser()
    assert browser.log_in(client["client_id"], redirect_uri=GOOD["redirect_uris"][0], scope="openid")
    browser.submit(browser.get("/logout"))
    told = site.deliver_logouts()
    assert (told.delivered, house.visited()) == (0, False)
    assert site.one("SELECT last_error FROM sso.logout_delivery") == "the address leads to a private network"


PRIVATE = ["https://10.0.0.1/x", "https://169.254.169.254/latest/meta-data", "https://[fd00::1]/x"]
WORSE = ["http://timetable.test/x", "https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "file:///etc/x"]


def test_a_private_address_that_a_stranger_names_is_never_spoken_to(site: Site, leave: str) -> None:
    """The socket itself is watched: whoever tries to reach beyond this machine in a test fails (500 here)."""
    keys = {"scope": "openid", "token_endpoint_auth_method": "private_key_jwt"}
    for address in WORSE:
        for more in ({**keys, "jwks_uri": address}, {"scope": "openid", "backchannel_logout_uri": address}):
            assert call(site, "POST", "/clients", leave, GOOD | more).status_code == 400, more
    for address in PRIVATE:
        client = call(site, "POST", "/clients", leave, GOOD | keys | {"jwks_uri": address}).json()
        sent = {"grant_type": "refresh_token", "refresh_token": "x"}
        told = site.token({**sent, **assertion(site, client["client_id"], CLIENT_KEY, {"kid": "any"})})
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client"), address


def test_no_stranger_is_ever_pinged(site: Site, leave: str) -> None:
    """Notification addresses are for clients with a contract, which the operator registers."""
    ping = {
        "backchannel_client_notification_endpoint": "https://timetable.test/ping",
        "backchannel_token_delivery_mode": "ping",
    }
    client = call(site, "POST", "/clients", leave, GOOD | {"scope": "openid"} | ping)
    assert client.status_code == 400 or not ping.keys() & client.json().keys()
    assert site.one("SELECT count(*) FROM sso.client WHERE notification_uri IS NOT NULL") == 0
    asked = {"grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"]}
    assert call(site, "POST", "/clients", leave, GOOD | {"scope": "openid"} | asked).status_code == 400
