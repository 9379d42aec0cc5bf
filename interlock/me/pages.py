"""Rendering: the provider's own look (its style sheet), our templates, the language of the reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from interlock.console.pages import HEADERS, clock, day, station, yuan
from interlock.me import words
from interlock.signing_in import SignedIn

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "me_language"
_YEAR_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, in which language, at which path."""

    language: str
    person: SignedIn | None
    path: str
    asks_language: bool

    @classmethod
    def of(cls, request: Request, person: SignedIn | None) -> "Reader":
        asked = request.query_params.get("lang")
        language = words.choose_language(
            asked, request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language")
        )
        return cls(language, person, request.url.path, asked in words.LANGUAGES)


class Pages:
    """Makes answers. ``issuer``: the provider, whose style sheet and account pages are linked."""

    def __init__(self, issuer: str, secure: bool) -> None:
        self._secure = secure
        self._templates = Environment(
            loader=PackageLoader("interlock", "me/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"day": day, "clock": clock, "yuan": yuan}
        self._templates.globals |= {"station": station, "sso": issuer, "languages": words.LANGUAGES}

    def page(self, template: str, reader: Reader, data: Mapping[str, Any], status: int = 200) -> Response:
        """The page, with its headers."""
        language = reader.language
        html = self._templates.get_template(f"{template}.html").render(
            v=data,
            reader=reader,
            lang=language,
            say=lambda key, **values: words.say(key, language, **values),
            label=partial(words.label, language=language),
            channel=partial(words.channel, language=language),
        )
        response = HTMLResponse(html, status, HEADERS)
        response.headers["Content-Language"] = "zh-CN" if language == "zh" else "en"
        if reader.asks_language:
            response.set_cookie(
                LANGUAGE_COOKIE,
                language,
                max_age=_YEAR_SECONDS,
                path="/me",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )
        return response

    def sentence(self, reader: Reader, word: str, status: int) -> Response:
        """A page with one of our sentences, and the way back."""
        return self.page("sentence", reader, {"word": word}, status)

    def away(self, request: Request) -> Response:
        """While the database does not answer (RFC 9110 10.2.3)."""
        page = self.sentence(Reader.of(request, None), "away", 503)
        page.headers["retry-after"] = "1"
        return page
