"""A provider under test, as its relying parties see it: an issuer, its metadata, HTTP, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.conformance.browser import VERIFIER, Browser, Outcome
from tests.conformance.parties import CODE, KEY, PARTIES, PASSENGER, REFRESH, Party, Person
from tests.conformance.relying import Relying

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["ES256", "RS256"]


@dataclass
class Subject:
    """One column of the table.

    relying: the address under which this provider reaches the tests' own endpoints. `wait` lets time pass, `decide`
    is the person's answer on their own phone to a CIBA request, `deliver` sends the logout tokens that are due,
    `rotate` makes the provider sign with a new key (None: this column cannot from outside).
    """

    name: str
    issuer: str
    relying: str
    listening: Relying
    wait: Callable[[float], None]
    decide: Callable[[str, bool], None]
    deliver: Callable[[], None] = lambda: None
    rotate: Callable[[], None] | None = None
    initial_access_token: str | None = None
    mode: str = "query"
    ahead: float = 0.0
    browsers: list[Browser] = field(default_factory=list)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def __post_init__(self) -> None:
        self.metadata: Mapping[str, Any] = self.http.get(f"{self.issuer}/.well-known/openid-configuration").json()

    # --- what is offered ----------------------------------------------------------------------------------------

    def endpoint(self, name: str) -> str:
        """The endpoint's address."""
        assert name in self.metadata, f"not offered: {name}"
        return str(self.metadata[name])

    def offers(self, name: str, value: str) -> None:
        """The metadata's list `name` holds `value`."""
        assert value in self.metadata.get(name, []), f"not offered: {value} in {name}"

    def now(self) -> float:
        return time.time() + self.ahead

    # --- a person's side ----------------------------------------------------------------------------------------

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.issuer, self.metadata, self.mode))
        return self.browsers[-1]

    def close_browsers(self) -> None:
        while self.browsers:
            self.browsers.pop().http.close()

    # --- a party's side -----------------------------------------------------------------------------------------

    def post(self, address: str, party: Party, data: Mapping[str, str], **headers: str) -> httpx.Response:
        """A form, posted by a party that authenticates in its way."""
        credentials, extra = httpx.Auth(), {}
        if party.auth == "client_secret_basic":
            credentials = httpx.BasicAuth(party.client_id, party.secret)
        elif party.auth == "private_key_jwt":
            extra = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion(party)}
        else:
            extra = {"client_id": party.client_id}
            if party.auth == "client_secret_post":
                extra["client_secret"] = party.secret
        return self.http.post(address, data={**extra, **data}, auth=credentials, headers=headers)

    def assertion(self, party: Party, **changed: Any) -> str:
        """A client assertion (RFC 7523 section 3)."""
        now = int(self.now())
        claims = {
            **{"iss": party.client_id, "sub": party.client_id, "aud": self.issuer},
            **{"iat": now, "exp": now + 60, "jti": str(uuid.uuid4())},
            **changed,
        }
        return jwt.encode({"alg": "ES256", "kid": KEY.kid}, claims, KEY, algorithms=["ES256"])

    def token(self, party: Party, data: Mapping[str, str], **headers: str) -> httpx.Response:
        return self.post(self.endpoint("token_endpoint"), party, data, **headers)

    def redeem(self, party: Party, code: str, **more: str) -> httpx.Response:
        """The token request for a code; `DPoP` among `more` is a header, the rest are parameters."""
        headers = {"DPoP": more.pop("DPoP")} if "DPoP" in more else {}
        data = {"grant_type": CODE, "code": code, "redirect_uri": party.callback, "code_verifier": VERIFIER, **more}
        return self.token(party, data, **headers)

    def refresh(self, party: Party, refresh_token: str, **more: str) -> httpx.Response:
        return self.token(party, {"grant_type": REFRESH, "refresh_token": refresh_token, **more})

    def tokens(
        self, party: Party = PARTIES["first"], person: Person = PASSENGER, browser: Browser | None = None, **more: str
    ) -> dict[str, Any]:
        """The whole code flow; the tokens of its end."""
        asked = {"scope": "openid", **more}
        return good(self.redeem(party, (browser or self.browser()).log_in(party, person, **asked).code))

    def userinfo(self, access_token: str, scheme: str = "Bearer", **headers: str) -> httpx.Response:
        header = {"Authorization": f"{scheme} {access_token}", **headers}
        return self.http.get(self.endpoint("userinfo_endpoint"), headers=header)

    def claims(self, token: str, **expected: Any) -> dict[str, Any]:
        """The claims of a token whose signature the published keys prove, within its time."""
        published = KeySet.import_key_set(self.http.get(self.metadata["jwks_uri"]).json())
        claims = dict(jwt.decode(token, published, algorithms=ALGORITHMS).claims)
        assert claims["iss"] == self.issuer
        assert claims["iat"] <= self.now() + 2
        assert claims["exp"] > self.now()
        assert {name: claims.get(name) for name in expected} == expected
        return claims


def good(response: httpx.Response) -> dict[str, Any]:
    """The body of a token response that succeeded."""
    assert response.status_code == 200, response.text
    assert "no-store" in response.headers["cache-control"]
    return dict(response.json())


def refused(response: httpx.Response, *errors: str) -> None:
    """The response is a refusal with one of `errors`."""
    assert response.status_code in (400, 401, 403), response.text
    assert response.json().get("error") in errors, response.text


def refused_outcome(outcome: Outcome, *errors: str) -> None:
    """The party is told one of `errors`, or the person sees an error page and the party is told nothing."""
    assert outcome.is_error_page or outcome.error in errors, (outcome.parameters, outcome.response.text[:500])
    assert "code" not in outcome.parameters


class Prover:
    """Makes DPoP proofs (RFC 9449 section 4) with a key of its own."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.key = subject, ECKey.generate_key("P-256")

    def proof(self, address: str, method: str = "POST", access_token: str | None = None, **changed: Any) -> str:
        claims: dict[str, Any] = {"jti": str(uuid.uuid4()), "htm": method, "htu": address}
        claims["iat"] = int(self.subject.now())
        if access_token is not None:
            claims["ath"] = _base64url(hashlib.sha256(access_token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        header |= changed.pop("header", {})
        key = changed.pop("key", self.key)
        said = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode(header, said, key, algorithms=["ES256"])


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
