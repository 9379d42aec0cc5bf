"""Rendering: templates with their words, the headers every page carries, and the language of the reader."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi.encoders import jsonable_encoder
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from hub.api.failures import answer
from interlock.console import words
from interlock.console.login import FINANCE, OPERATE, PERSONAL, Staff
from schemas.money import Money, format_decimal
from schemas.problems import Problem
from schemas.stations import station_name

STATIC = Path(__file__).parent / "static"
BEIJING = ZoneInfo("Asia/Shanghai")
LANGUAGE_COOKIE = "console_language"
_YEAR_SECONDS = 365 * 86_400

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language, Cookie",
}

TABS = (
    ("board", "/console"),
    ("orders", "/console/orders"),
    ("messages", "/console/messages"),
    ("cases", "/console/cases"),
    ("deadletters", "/console/deadletters"),
    ("recon", "/console/recon"),
    ("books", "/console/books"),
    ("files", "/console/files"),
    ("channels", "/console/channels"),
    ("logouts", "/console/logouts"),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, in which language, at which address."""

    language: str
    staff: Staff | None
    path: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, staff: Staff | None) -> "Reader":
        language = words.choose_language(
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("accept-language"),
        )
        return cls(language, staff, request.url.path.removesuffix(".json"), dict(request.query_params))

    def address(self, **changed: str | None) -> str:
        """This page's address with some parameters changed, or left out (None)."""
        query = {k: v for k, v in {**self.query, **changed}.items() if v is not None and v != ""}
        return self.path + (f"?{urlencode(query)}" if query else "")

    def twin(self) -> str:
        """The address of this page as JSON."""
        return self.address().replace(self.path, f"{self.path}.json", 1)


class Pages:
    """Makes answers. Knows templates and words, nothing of the ledger."""

    def __init__(self, secure: bool) -> None:
        self._secure = secure
        self._templates = Environment(
            loader=PackageLoader("interlock", "console/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "at": at,
            "day": day,
            "clock": clock,
            "yuan": yuan,
            "ms": milliseconds,
            "pretty": pretty,
            "inline": inline,
        }
        self._templates.globals |= {
            "tabs": TABS,
            "languages": words.LANGUAGES,
            "station": station,
            "words": words.WORDS,
        }

    def html(self, template: str, reader: Reader, data: Mapping[str, Any]) -> str:
        """The page or fragment ``template`` over ``data``, as text."""
        return self._templates.get_template(f"{template}.html").render(
            v=data,
            reader=reader,
            staff=reader.staff,
            lang=reader.language,
            say=partial(words.say, language=reader.language),
            label=partial(words.label, language=reader.language),
            channel=partial(words.channel_name, language=reader.language),
            complaint=partial(words.complaint, language=reader.language),
            operates=reader.staff is not None and reader.staff.may(OPERATE),
            finances=reader.staff is not None and reader.staff.may(FINANCE),
            may_look=reader.staff is not None and reader.staff.may(PERSONAL),
        )

    def page(self, template: str, reader: Reader, data: Mapping[str, Any], status: int = 200) -> Response:
        """The whole page, with its headers."""
        response = HTMLResponse(self.html(template, reader, data), status, HEADERS)
        response.headers["Content-Language"] = "zh-CN" if reader.language == "zh" else "en"
        if reader.query.get("lang") in words.LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE,
                reader.language,
                max_age=_YEAR_SECONDS,
                path="/console",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )
        return response

    @staticmethod
    def twin(data: Mapping[str, Any]) -> Response:
        """The same data as JSON."""
        return JSONResponse(jsonable_encoder(data), headers=HEADERS)

    def problem(self, reader: Reader, body: Problem, wants_json: bool) -> Response:
        """A problem as a page that says what to do, or as RFC 9457."""
        if wants_json:
            return answer(body)
        sentence = words.label(body.code, reader.language)
        page = self.page("problem", reader, {"sentence": sentence, "problem": body.model_dump()}, body.status)
        if body.status == 503:
            page.headers["retry-after"] = "1"
        return page


# --- how values read ------------------------------------------------------------------------------------------------


def _local(value: datetime | str | None) -> datetime | None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(BEIJING) if moment is not None else None


def at(value: datetime | str | None) -> str:
    """Month, day and time in Beijing, to the second."""
    moment = _local(value)
    return f"{moment:%m-%d %H:%M:%S}" if moment else ""


def clock(value: datetime | str | None) -> str:
    """Time of day in Beijing."""
    moment = _local(value)
    return f"{moment:%H:%M:%S}" if moment else ""


def day(value: datetime | str | None) -> str:
    """Date and time in Beijing, to the minute."""
    moment = _local(value)
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def yuan(value: int | Mapping[str, Any] | None) -> str:
    """Fen, or a money object, in yuan with two decimals; empty when there is none."""
    if value is None:
        return ""
    amount = value["amount"] if isinstance(value, Mapping) else value
    return format_decimal(Money(amount=amount))


def milliseconds(value: float | None) -> str:
    """A duration as people read it."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def pretty(value: Any) -> str:
    """JSON as people read it: in the order it came, every character itself."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def inline(value: Any) -> str:
    """JSON on one line, for a small value inside a row."""
    return json.dumps(value, ensure_ascii=False, default=str)


def station(telecode: str) -> str:
    """A station's name, or its telecode."""
    return station_name(telecode) or telecode
