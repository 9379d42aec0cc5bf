"""Somebody's browser, played over HTTP: keeps cookies, follows redirects, fills the forms it is shown."""

import html
import re
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx

REDIRECTS_MAX = 20
_FORM = re.compile(r'<form method="post" action="([^"]+)".*?</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class TourFailed(Exception):
    """A step of the tour did not go as it should; the sentence says which."""


class Browser:
    """One person's browser. Reads Chinese, as most passengers do."""

    def __init__(self) -> None:
        self._http = httpx.Client(follow_redirects=False, trust_env=False, headers={"accept-language": "zh-CN"})

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def visit(self, url: str) -> httpx.Response:
        """The page at which the redirects from ``url`` end."""
        return self._follow(self._http.get(url))

    def submit(self, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
        """Fill in the form of ``page`` whose address ends with ``action`` and send it; the page where that ends."""
        for target, inside in ((found[1], found[0]) for found in _FORM.finditer(page.text)):
            where = html.unescape(target)
            if where.endswith(action):
                fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(inside)} | typed
                return self._follow(self._http.post(urljoin(str(page.url), where), data=fields))
        raise TourFailed(f"{page.url} answers {page.status_code} and has no form for {action}")

    def post(self, url: str) -> httpx.Response:
        """A request that a channel's own page makes, with this browser's cookies."""
        return self._http.post(url)

    def _follow(self, response: httpx.Response) -> httpx.Response:
        for _ in range(REDIRECTS_MAX):
            if response.status_code not in (302, 303):
                return response
            response = self._http.get(urljoin(str(response.url), response.headers["location"]))
        raise TourFailed(f"redirected without end, last to {response.url}")


def told(answer: httpx.Response, what: str) -> dict[str, Any]:
    """The JSON of an answer that went well. Raises TourFailed."""
    if answer.status_code != 200 or not answer.headers.get("content-type", "").startswith("application/json"):
        raise TourFailed(f"{what}: {answer.url} answers {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())
