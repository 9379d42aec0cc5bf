"""What a person asked for: the address and query of a page, the fields of a form. One grammar for both.

Everything is text until it is asked for by its kind; what does not fit is the problem ``query_invalid``, in words.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

from schemas.problems import Pointer, ProblemError, problem

TEXT_MAX = 200
FORM_BYTES_MAX = 64_000
FORM_FIELDS_MAX = 200
FILE_FORM_BYTES_MAX = 32 * 1024 * 1024


class _Texts:
    """Named texts, read by kind."""

    def _raw(self, name: str) -> str:
        raise KeyError(name)

    def text(self, name: str) -> str | None:
        """The text without blanks around it, at most 200 characters of it; None for an empty one."""
        return self._raw(name).strip()[:TEXT_MAX] or None

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise invalid(name, "is a whole number")
        return int(text)

    def day(self, name: str) -> date | None:
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise invalid(name, "is a date such as 2026-01-09") from None

    def moment(self, name: str) -> datetime | None:
        """A time with its offset; what a browser's date field sends without one is Beijing time."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+")) if text else None
        except ValueError:
            raise invalid(name, "is a time such as 2026-01-09T14:03:00+08:00") from None
        return moment if moment is None or moment.tzinfo else datetime.fromisoformat(f"{moment.isoformat()}+08:00")


@dataclass(frozen=True, slots=True)
class Ask(_Texts):
    """What a page was asked for: parameters of its address and of its query."""

    path: Mapping[str, Any]
    query: Mapping[str, str]

    def _raw(self, name: str) -> str:
        return self.query.get(name, "")


@dataclass(frozen=True, slots=True)
class Form(_Texts):
    """The fields of a form that was sent, and the parameters of the address it was sent to."""

    path: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def _raw(self, name: str) -> str:
        return self.fields.get(name, ("",))[0]

    def long(self, name: str) -> str:
        """A text of any length that fits the form."""
        return self._raw(name).strip()

    def chosen(self, name: str) -> list[str]:
        """Every value that was ticked."""
        return list(self.fields.get(name, ()))

    def __contains__(self, name: str) -> bool:
        return name in self.fields


async def read_form(request: Request) -> Form:
    """The fields of a form; an unreadable or long one has none, and so no form token either."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _read_files(request)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES_MAX:
            return Form(request.path_params)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except ValueError:
        return Form(request.path_params)
    return Form(request.path_params, fields)


async def _read_files(request: Request) -> Form:
    """A form with a file in it (RFC 7578), of a length that is said before."""
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit() or int(length) > FILE_FORM_BYTES_MAX:
        return Form(request.path_params)
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    try:
        async with request.form(max_files=1, max_fields=FORM_FIELDS_MAX) as found:
            for name, value in found.multi_items():
                if isinstance(value, str):
                    fields.setdefault(name, []).append(value)
                else:
                    files[name] = await value.read()
    except HTTPException:  # Starlette's word for a body that is no form
        return Form(request.path_params)
    return Form(request.path_params, fields, files)


def invalid(name: str, what: str) -> ProblemError:
    """The problem of one field that cannot be read."""
    return ProblemError(problem("query_invalid", f"{name} {what}.", (Pointer(pointer=f"/body/{name}", expected=what),)))


def digest(value: Any) -> str:
    """A short mark of what a page showed: a form that carries it back was filled in over the same thing."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
