"""The provider as a client sees it: what it publishes, its token endpoint, the tokens it signs.

OpenID Connect Discovery 1.0, OpenID Connect Core 1.0 section 3.1.3.7 (what of an ID token is checked), RFC 9449.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from simulators.login.proofs import ASSERTION_TYPE, client_assertion, dpop_proof, signed_request

ALGORITHMS = ["ES256", "RS256"]
LEEWAY_SECONDS = 30


class LoginRefused(Exception):
    """The provider, or a check of ours, says no. ``error`` is the code of RFC 6749 or of the check."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error


class ProviderClient:
    """One client's dealings with the provider. ``key``: its private key; without one the client is public.

    ``dpop``: the key that tokens are bound to, for a client that wants them bound.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key: ECKey | None = None,
        dpop: ECKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.client_id = issuer, client_id
        self._key, self._dpop, self._clock = key, dpop, clock
        self._metadata: dict[str, Any] | None = None

    async def metadata(self, http: aiohttp.ClientSession) -> dict[str, Any]:
        """The discovery document, read once. Raises LoginRefused when it is another issuer's."""
        if self._metadata is None:
            async with http.get(f"{self.issuer}/.well-known/openid-configuration") as response:
                told: dict[str, Any] = await response.json()
            if told.get("issuer") != self.issuer:
                raise LoginRefused("issuer_mismatch", str(told.get("issuer")))
            self._metadata = told
        return self._metadata

    async def post(self, http: aiohttp.ClientSession, endpoint: str, form: Mapping[str, str]) -> dict[str, Any]:
        """POST a form to the endpoint of this metadata name, with our proof of who we are; the answer's JSON.

        Raises LoginRefused with the OAuth error code.
        """
        return await self.post_to(http, str((await self.metadata(http))[endpoint]), form)

    async def post_to(self, http: aiohttp.ClientSession, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The same to an address that the metadata does not name."""
        sent = {**form, **self._proof()}
        async with http.post(url, data=sent, headers=self._bound("POST", url)) as response:
            body: dict[str, Any] = await response.json(content_type=None)
        if response.status >= 400:
            raise LoginRefused(str(body.get("error", response.status)), str(body.get("error_description", "")))
        return body

    def signed(self, parameters: dict[str, str]) -> dict[str, str]:
        """The same request as a JWT that we signed (RFC 9101), when this client has a key."""
        if self._key is None:
            return parameters
        jti = str(uuid.uuid4())
        return {"request": signed_request(self._key, self.client_id, self.issuer, self._clock(), jti, parameters)}

    async def tokens(self, http: aiohttp.ClientSession, **form: str) -> dict[str, Any]:
        """What the token endpoint gives for a grant. Raises LoginRefused (``authorization_pending`` ...)."""
        return await self.post(http, "token_endpoint", form)

    def authorization(self, method: str, url: str, access_token: str) -> dict[str, str]:
        """The headers with which a resource is asked; ``url`` without its query."""
        scheme = "Bearer" if self._dpop is None else "DPoP"
        return {"authorization": f"{scheme} {access_token}", **self._bound(method, url, access_token)}

    async def id_claims(self, http: aiohttp.ClientSession, id_token: str, nonce: str | None = None) -> dict[str, Any]:
        """The checked claims of an ID token for us. Raises LoginRefused."""
        claims = await self.signed_claims(http, id_token)
        if claims.get("aud") not in (self.client_id, [self.client_id]):
            raise LoginRefused("id_token_audience_wrong")
        if int(claims.get("exp", 0)) <= self._clock() - LEEWAY_SECONDS:
            raise LoginRefused("id_token_expired")
        if nonce is not None and claims.get("nonce") != nonce:
            raise LoginRefused("id_token_nonce_wrong")
        return claims

    async def person(self, http: aiohttp.ClientSession, access_token: str, sub: str) -> dict[str, Any]:
        """What the provider tells of the person (OpenID Connect Core 5.3); ``sub`` must be who the ID token named."""
        url = str((await self.metadata(http))["userinfo_endpoint"])
        async with http.get(url, headers=self.authorization("GET", url, access_token)) as response:
            told: dict[str, Any] = await response.json(content_type=None)
        if response.status != 200 or told.get("sub") != sub:
            raise LoginRefused("userinfo_refused", str(response.status))
        return told

    async def signed_claims(self, http: aiohttp.ClientSession, token: str) -> dict[str, Any]:
        """The claims of any token that the provider signed, whose issuer it is; nothing else is checked."""
        async with http.get((await self.metadata(http))["jwks_uri"]) as response:
            keys = KeySet.import_key_set(await response.json())
        try:
            claims = dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError) as error:
            raise LoginRefused("token_unverifiable", type(error).__name__) from error
        if claims.get("iss") != self.issuer:
            raise LoginRefused("token_issuer_wrong")
        return claims

    def _bound(self, method: str, url: str, access_token: str | None = None) -> dict[str, str]:
        if self._dpop is None:
            return {}
        return {"DPoP": dpop_proof(self._dpop, method, url, self._clock(), str(uuid.uuid4()), access_token)}

    def _proof(self) -> dict[str, str]:
        if self._key is None:
            return {"client_id": self.client_id}
        assertion = client_assertion(self._key, self.client_id, self.issuer, self._clock(), str(uuid.uuid4()))
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
