"""Forged tokens at every door that reads one, and addresses of strangers: from outside, over HTTP.

One table of forgeries, four doors: an access token at userinfo, a client assertion and a DPoP proof at the token
endpoint, an id_token_hint at the logout. docs/reference/sso-security.md lists every item with its test.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from joserfc.jws import JWSRegistry

from sso import admin, logout
from sso.admin import Registration, register_client
from tests.sso.harness import SECRETS, Browser, Site
from tests.sso.signing import JWT_BEARER, assertion, proof, public
from tests.sso.test_registration import GOOD, call

MACHINE = {"grant_type": "client_credentials"}
CLIENT_KEY, STRANGER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
REGISTRY = JWSRegistry(algorithms=["ES256", "HS256"], strict_check_header=False)
EVIL = "https://evil.test/keys"


@dataclass
class Door:
    """Where a token is read: one that is good there now, the key that signed it, and who takes it (True) or not."""

    name: str
    token: Callable[[], str]
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
        "a kid of ours and a key of theirs": Forgery({"kid": CLIENT_KEY.thumbprint()}, stranger=True),
        "jku": Forgery({"jku": EVIL}),
        "jku to the key that signed": Forgery({"jku": EVIL, "kid": STRANGER.thumbprint()}, stranger=True),
        "jwk beside": Forgery({"jwk": STRANGER.as_dict(private=False), "kid": "x"}, stranger=True),
        "x5u": Forgery({"x5u": EVIL}),
        "unknown crit": Forgery({"crit": ["urn:evil:rule"], "urn:evil:rule": True}),
        "unencoded payload": Forgery({"crit": ["b64"], "b64": False}),
    }


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(token: str, key: ECKey, forgery: Forgery) -> str:
    """The same claims with another header and signature; a fresh jti, so that nothing is refused for being old."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    header, claims = header | forgery.header, claims | {"jti": secrets.token_urlsafe(16)}
    if header["alg"] not in ("ES256", "HS256"):
        return f"{segment(header)}.{segment(claims)}."
    if "crit" in header:  # signed by hand: our library will not make it
        signed = jws.serialize_compact({"alg": "ES256"}, b"x", key, registry=REGISTRY)
        assert signed
        made = f"{segment(header)}.{segment(claims)}"
        signature = ECKey.import_key(key.as_dict(private=True))
        return made + "." + raw_signature(signature, made.encode())
    by = STRANGER if forgery.stranger else OctKey.import_key(forgery.secret(key)) if forgery.secret else key
    return jws.serialize_compact(header, json.dumps(claims).encode(), by, registry=REGISTRY)


def userinfo(site: Site, token: str) -> bool:
    told = httpx.get(f"{site.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert told.status_code in (200, 401)
    return told.status_code == 200
