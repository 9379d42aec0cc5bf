"""An application of ours as a client of our own provider: authorization code with PKCE (RFC 7636), sealed cookies.

The browser goes through `/sso/authorize` as for any client. The code is redeemed in this process, by the handler of
`/sso/token` itself: no call to ourselves over the network, which a proxy or a busy thread pool could break. What
stays in the browser is one HttpOnly cookie that only we can open; every page verifies the access token in it, so a
logout anywhere, a lost role or a disabled account takes effect at the next click.

Used by the console (staff) and by `/me` (passengers).
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidTag
from starlette.requests import Request
from starlette.responses import Response

from hub.api import Principal
from hub.store.seal import Seal
from schemas.problems import ProblemError
from sso import Provider, TokenRefused, admin, clients
from sso.endpoints import token
from sso.incoming import Incoming, Parameters
from sso.people import identities
from sso.tokens import decode_own

LOGIN_SECONDS = 900
SESSION_SECONDS = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Application:
    """One of our own applications as the provider knows it. ``home``: the path below which all its pages are."""

    client_id: str
    name_zh: str
    name_en: str
    scopes: Sequence[str]
    home: str


class LoginFailed(Exception):
    """The login did not come to its end. ``word`` names the sentence that the person reads."""

    def __init__(self, word: str, detail: str = "") -> None:
        super().__init__(detail or word)
        self.word, self.detail = word, detail


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who looks at a page: verified for this request. ``form_token`` must come back with every form."""

    principal: Principal
    name: str
    form_token: str
    id_token: str


class SignIn:
    """Makes and reads an application's cookies. ``verify`` is the hub API's own check of access tokens."""

    def __init__(
        self,
        application: Application,
        provider: Provider,
        seal: Seal,
        verify: Callable[[str], Principal],
        public_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._application = application
        self._provider, self._seal, self._verify, self._clock = provider, seal, verify, clock
        (at_token_endpoint,) = token.routes(provider)
        self._token_endpoint = at_token_endpoint.handle
        self._public_url = public_url
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._registered = False
        self.secure = public_url.startswith("https:")
        prefix = "__Host-" if self.secure else ""
        name = application.client_id
        self.session_cookie, self.login_cookie = f"{prefix}{name}_session", f"{prefix}{name}_login"

    # --- going to the provider and coming back ------------------------------------------------------------------

    def begin(self, back_to: str, **asked: str) -> tuple[str, str]:
        """(where to send the browser, the login cookie). ``back_to``: the page to show afterwards, a path of ours.

        ``asked``: more parameters of the authorization request (``max_age``, ``acr_values``).
        """
        self._register()
        mint = self._provider.mint
        state, verifier, nonce = mint.secret(), mint.secret(), mint.secret()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        question = {
            "response_type": "code",
            "client_id": self._application.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._application.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **asked,
        }
        kept = {"state": state, "verifier": verifier, "nonce": nonce, "back": self.own_path(back_to)}
        return (
            f"{self._provider.options.url('/authorize')}?{urlencode(question)}",
            self._sealed("login", kept | {"at": self._clock().timestamp()}),
        )

    def finish(self, query: Mapping[str, str], login_cookie: str | None) -> tuple[str, str]:
        """(the page to show, the session cookie) for the provider's answer. Raises :class:`LoginFailed`."""
        kept = self._opened("login", login_cookie)
        if kept is None or self._clock().timestamp() - kept["at"] > LOGIN_SECONDS:
            raise LoginFailed("login_stale")
        if not hmac.compare_digest(str(kept["state"]).encode(), query.get("state", "").encode()):
            raise LoginFailed("login_stale", "state")
        if query.get("iss") != self._provider.options.issuer:  # RFC 9207: the answer of another provider
            raise LoginFailed("login_stale", "iss")
        if "code" not in query:
            raise LoginFailed("login_refused", query.get("error", "")[:60])
        tokens = self._redeem(query["code"], kept["verifier"])
        claims = self._id_claims(tokens["id_token"], kept["nonce"])
        try:
            principal = self._verify(tokens["access_token"])
        except ProblemError as error:
            raise LoginFailed("login_refused", error.problem.detail) from error
        if principal.subject != claims.get("sub"):
            raise LoginFailed("login_refused", "sub")
        session = {
            "access": tokens["access_token"],
            "id": tokens["id_token"],
            "name": self._name(principal.subject),
            "form": self._provider.mint.secret(),
        }
        return kept["back"], self._sealed("session", session)

    def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "client_id": self._application.client_id,
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        asked = Incoming("POST", Parameters(()), Parameters(tuple(form.items())), {}, {})
        answer = self._token_endpoint(asked)
        body: dict[str, Any] = json.loads(bytes(answer.body))
        if answer.status_code != 200:
            raise LoginFailed("login_refused", str(body.get("error", ""))[:60])
        return body

    def _id_claims(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            _, claims = decode_own(token, self._provider.keys, frozenset({"jwt"}), frozenset({"ES256"}))
        except TokenRefused as error:
            raise LoginFailed("login_refused", error.code) from error
        expected = {"iss": self._provider.options.issuer, "aud": self._application.client_id, "nonce": nonce}
        if any(claims.get(name) != value for name, value in expected.items()):
            raise LoginFailed("login_refused", "id_token")
        return claims

    def _name(self, subject: str) -> str:
        with self._provider.pool.connection() as connection:
            identity = identities.load(connection, UUID(subject))
        return identity.display_name if identity else ""

    # --- every request ------------------------------------------------------------------------------------------

    def signed_in(self, session_cookie: str | None) -> SignedIn | None:
        """Who this is, verified now; None when the browser has to go to the provider (again)."""
        kept = self._opened("session", session_cookie)
        if kept is None:
            return None
        try:
            principal = self._verify(kept["access"])
        except ProblemError:
            return None  # a token that is good no more: nobody is signed in, and the page asks for a login
        return SignedIn(principal, kept["name"], kept["form"], kept["id"])

    def is_ours(self, request: Request, expected: str, sent: str) -> bool:
        """Whether a page of ours in this very session sent the form (CSRF): ``expected`` is the session's token."""
        return (
            bool(expected)
            and hmac.compare_digest(expected.encode(), sent.encode())
            and request.headers.get("origin") in (None, self._origin)
            and request.headers.get("sec-fetch-site") in (None, "same-origin")
        )

    def logout(self, session_cookie: str | None) -> str:
        """Where to send the browser so that the login ends everywhere (OpenID Connect RP-Initiated Logout 1.0)."""
        kept = self._opened("session", session_cookie)
        question = {"client_id": self._application.client_id, "post_logout_redirect_uri": self._goodbye_uri}
        if kept is not None:
            question["id_token_hint"] = kept["id"]
        self._register()
        return f"{self._provider.options.url('/logout')}?{urlencode(question)}"

    # --- the client's registration ------------------------------------------------------------------------------

    @property
    def _redirect_uri(self) -> str:
        return f"{self._public_url}{self._application.home}/callback"

    @property
    def _goodbye_uri(self) -> str:
        return f"{self._public_url}{self._application.home}/signed-out"

    def _register(self) -> None:
        """Register the application with the provider unless it is there already. On first use, not at start: a
        process may start before its database."""
        if self._registered:
            return
        application = self._application
        wanted = admin.Registration(
            application.client_id,
            application.name_zh,
            application.name_en,
            application.scopes,
            redirect_uris=[self._redirect_uri],
            post_logout_redirect_uris=[self._goodbye_uri],
            id_token_algorithm="ES256",
        )
        with self._provider.pool.connection() as connection:
            known = clients.load(connection, application.client_id)
        if known is None or (known.redirect_uris, known.scopes) != (wanted.redirect_uris, list(application.scopes)):
            admin.register_client(self._provider, wanted)
        self._registered = True

    # --- cookies and paths --------------------------------------------------------------------------------------

    def set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax")

    def drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def own_path(self, path: str) -> str:
        """``path`` if it is a page of this application, else its home: nobody is sent elsewhere after a login."""
        home = self._application.home
        own = path == home or path.startswith((f"{home}/", f"{home}?"))
        return path if own and "\\" not in path and path.isprintable() else home

    def _sealed(self, kind: str, values: Mapping[str, Any]) -> str:
        # Kind and application are sealed in: nothing else that this key ever sealed can be handed in as a session.
        clear = json.dumps({"cookie": self._kind(kind), **values}, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._seal.seal_bytes(clear)).decode()

    def _opened(self, kind: str, cookie: str | None) -> dict[str, Any] | None:
        try:
            values = json.loads(self._seal.open_bytes(base64.urlsafe_b64decode(cookie or "")))
        except (InvalidTag, binascii.Error, ValueError):
            return None  # not a cookie that we made; whoever sent it is a stranger
        return values if isinstance(values, dict) and values.get("cookie") == self._kind(kind) else None

    def _kind(self, kind: str) -> str:
        return f"{self._application.client_id} {kind}"
