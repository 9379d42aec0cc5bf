"""What every page of the console, of the provider and of a passenger tells a browser, and the cookies it is given.

Content Security Policy 3, RFC 6797 (HSTS is the proxy's business: it ends TLS), RFC 6265bis section 4.1.3 (prefixes).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from interlock.web import build_app
from interlock.wiring import Hub
from tests.console.conftest import hire
from tests.console.harness import PASSWORD, Browser, form
from tests.console.test_pages import PAGES

NEVER = ("'unsafe-inline'", "'unsafe-eval'", "*", "http:", "data:", "blob:")


def policy(header: str) -> dict[str, list[str]]:
    parts = [part.split() for part in header.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def check(answer: object, path: str) -> None:
    headers = answer.headers  # type: ignore[attr-defined]  # the test client's response has no public type
    said = policy(headers["content-security-policy"])
    assert said["default-src"] == ["'none'"], path
    assert said["frame-ancestors"] == ["'none'"], path
    assert said["base-uri"] == ["'none'"], path
    assert "form-action" in said, path
    for directive, sources in said.items():
        assert not set(sources) & set(NEVER), (path, directive)
    assert headers["x-content-type-options"] == "nosniff", path
    assert headers["x-frame-options"] == "DENY", path
    assert headers["referrer-policy"] in ("no-referrer", "same-origin"), path
    assert "no-store" in headers["cache-control"], path


def test_every_page_tells_the_browser_to_trust_nobody_else(operator: Browser) -> None:
    refused = operator.submit("/console/channels/web/switch", "/console/channels/web", act="pause")
    assert refused.status_code == 400
    check(refused, "an answer to a form")
    for path in (*PAGES, "/console/orders/nothing", "/console/signed-out"):
        check(operator.get(path), path)
        check(operator.json(path) if operator.json(path).status_code == 200 else operator.get(path), path)
    operator.http.cookies.clear()
    check(operator.get("/console"), "the login page of the provider")


def test_problems_and_redirects_are_not_kept_either(operator: Browser) -> None:
    missing = operator.json("/console/orders/nothing")
    assert missing.status_code == 404
    operator.http.cookies.clear()
    away = operator.http.get("/console/orders", follow_redirects=False)
    assert away.status_code == 303
    assert away.headers["cache-control"] == "no-store"
    assert away.headers["referrer-policy"] == "same-origin"


@pytest.fixture
def secure_site(hub: Hub) -> Iterator[TestClient]:
    object.__setattr__(hub, "settings", hub.settings.model_copy(update={"public_url": "https://hub.railway.example"}))
    hire(hub)
    with TestClient(build_app(hub), base_url="https://hub.railway.example") as client:
        yield client


def test_behind_tls_every_cookie_is_secure_and_bound_to_its_host(secure_site: TestClient) -> None:
    given: list[str] = []

    def keep(answer: object) -> None:
        given.extend(answer.headers.get_list("set-cookie"))  # type: ignore[attr-defined]

    secure_site.event_hooks["response"].append(keep)
    browser = Browser(secure_site)
    page = browser.get("/console", lang="en")
    action, fields = form(page.text)
    filled = {**fields, "login": "operator", "password": PASSWORD}
    shown = secure_site.post(action, data=filled, headers={"origin": "https://hub.railway.example"})
    assert shown.status_code == 200
    assert shown.url.path == "/console"
    browser.get("/console?lang=zh")
    names = {cookie.partition("=")[0] for cookie in given}
    assert {"__Host-console_session", "__Host-console_login", "console_language"} <= names
    for cookie in given:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        name = cookie.partition("=")[0]
        assert {"secure", "httponly"} <= parts, cookie.split("=")[0]
        assert parts & {"samesite=lax", "samesite=strict"}, name
        assert not any(part.startswith("domain=") for part in parts), name
        if name.startswith("__Host-"):
            assert "path=/" in parts, name
        elif name != "console_language":
            pytest.fail(f"{name} is not bound to its host")
