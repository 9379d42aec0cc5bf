"""Rendering a page: language, cookies, the form token and the headers that every page carries."""

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from sso.endpoints.authorize import Answer
from sso.incoming import RETRY_AFTER_SECONDS, Incoming
from sso.options import SsoOptions
from sso.pages.words import LOCALES, choose_locale, say
from sso.ports import Minter

SESSION, FORM, LANGUAGE = "session", "form", "language"


class Pages:
    """Makes HTML answers. Knows the templates and the cookies, nothing of logins."""

    def __init__(self, options: SsoOptions, mint: Minter) -> None:
        self._options, self._mint = options, mint
        self._templates = Environment(
            loader=PackageLoader("sso", "pages/templates"), autoescape=True, undefined=StrictUndefined
        )

    # --- cookies ------------------------------------------------------------------------------------------------

    def cookie_name(self, noun: str) -> str:
        """`__Host-` where cookies are secure, so that no sibling host can plant one (RFC 6265bis)."""
        return f"__Host-sso_{noun}" if self._options.secure_cookies else f"sso_{noun}"

    def cookie(self, incoming: Incoming, noun: str) -> str | None:
        """The value the browser sent."""
        return incoming.cookies.get(self.cookie_name(noun)) or None

    def set_cookie(self, response: Response, noun: str, value: str) -> None:
        """Set one of our cookies: HttpOnly, for the whole host, for as long as a session may last.

        SameSite=Lax, because people arrive from the channels' sites; forms are guarded by `form_is_ours`.
        """
        response.set_cookie(
            self.cookie_name(noun),
            value,
            max_age=int(self._options.session_lifetime.total_seconds()),
            path="/",
            secure=self._options.secure_cookies,
            httponly=True,
            samesite="lax",
        )

    def drop_session(self, response: Response) -> None:
        """Forget the session cookie."""
        response.delete_cookie(
            self.cookie_name(SESSION), path="/", secure=self._options.secure_cookies, httponly=True, samesite="lax"
        )

    # --- forms --------------------------------------------------------------------------------------------------

    def form_is_ours(self, incoming: Incoming) -> bool:
        """Whether a POST came from a page of ours in this browser (CSRF, also login CSRF).

        The form carries what only our page and the HttpOnly cookie know; where the browser names the origin, it must
        be ours.
        """
        expected, sent = self.cookie(incoming, FORM), incoming.form.get("form_token")
        origin = incoming.headers.get("origin")
        site = incoming.headers.get("sec-fetch-site")
        return (
            expected is not None
            and sent is not None
            and hmac.compare_digest(expected.encode(), sent.encode())
            and origin in (None, self._options.origin)
            and site in (None, "same-origin")
        )

    # --- pages --------------------------------------------------------------------------------------------------

    def locale(self, incoming: Incoming) -> str:
        """The language this person reads."""
        return choose_locale(
            incoming.query.get("ui_locales"),
            self.cookie(incoming, LANGUAGE),
            incoming.headers.get("accept-language"),
            self._options.default_locale,
        )

    def render(
        self,
        name: str,
        incoming: Incoming,
        *,
        status: int = 200,
        form_targets: Sequence[str] = (),
        script: bool = False,
        switch: str | None = None,
        **values: Any,
    ) -> Response:
        """The page `name`. `form_targets`: redirect URIs that a form here may end at; `switch`: the page's own URL
        (path and query without ui_locales), to be offered in the other language."""
        locale = self.locale(incoming)
        token = self.cookie(incoming, FORM)
        fresh = token is None or len(token) != 43
        if token is None or fresh:
            token = self._mint.secret()
        html = self._templates.get_template(f"{name}.html").render(
            say=lambda key, **filled: say(key, locale, **filled),
            locale=locale,
            locales=LOCALES,
            base=self._options.issuer,
            form_token=token,
            switch=None if switch is None else self._options.url(switch) + ("&" if "?" in switch else "?"),
            **values,
        )
        response = HTMLResponse(html, status, _headers(form_targets, script=script))
        response.headers["Content-Language"] = locale
        if fresh:
            self.set_cookie(response, FORM, token)
        if incoming.query.get("ui_locales"):
            self.set_cookie(response, LANGUAGE, locale)
        return response

    def error(self, incoming: Incoming, code: str, sentence: str, status: int = 400) -> Response:
        """An error for the person; `sentence` names an entry of the words."""
        return self.render("error", incoming, status=status, code=code, sentence=sentence)

    def away(self, incoming: Incoming) -> Response:
        """While the database is away a person sees a page; nothing that was typed is lost by sending it again."""
        page = self.error(incoming, "not_ready", "error_away", 503)
        page.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return page

    def go(self, path: str) -> RedirectResponse:
        """303 to a page of ours."""
        return self.redirect(self._options.url(path))

    @staticmethod
    def redirect(url: str) -> RedirectResponse:
        """303, never 302 or 307: the browser must not post credentials onwards (RFC 9700 section 4.12)."""
        return RedirectResponse(url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})

    def answer(self, incoming: Incoming, answer: Answer) -> Response:
        """Send the client its answer the way it asked for."""
        if answer.response_mode == "form_post":
            return self.render("form_post", incoming, form_targets=[answer.redirect_uri], script=True, answer=answer)
        return self.redirect(answer.location)


def _headers(form_targets: Sequence[str], *, script: bool) -> dict[str, str]:
    # A browser holds form-action against every redirect after a post, so the client's origin has to be in it.
    targets = " ".join(["'self'", *dict.fromkeys(_source(uri) for uri in form_targets)])
    policy = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "script-src 'self'" if script else "script-src 'none'",
        f"form-action {targets}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def _source(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def with_handle(path: str, handle: str | None, **more: str) -> str:
    """A path of ours that keeps the interaction's handle, if there is one."""
    pairs = [*([("i", handle)] if handle else []), *more.items()]
    return path + ("?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs) if pairs else "")
