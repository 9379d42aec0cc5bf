"""redirect_uri is compared as it stands (RFC 9700 2.1): no change that a person or a parser would call equal passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sso.clients import Client, check_client_uri
from sso.options import SsoOptions

WEB = "https://web.interlock.test/callback"
NATIVE = "http://127.0.0.1/callback"
CLIENT = Client("c", "c", "c", ["none"], None, [WEB], [], None, ["authorization_code"], ["openid"], None, "ES256")
APP = replace(CLIENT, redirect_uris=[NATIVE, "test.interlock.app:/callback"])

TRICKS = [
    WEB + "/",
    WEB + "?",
    WEB + "?x=1",
    WEB + "#",
    WEB + "/../callback",
    WEB.upper(),
    WEB.replace("callback", "Callback"),
    WEB.replace("callback", "%63allback"),
    WEB.replace("/callback", "/x%2e%2e/callback"),
    WEB.replace("/callback", "//callback"),
    WEB.replace("/callback", "\\callback"),
    WEB.replace("https://", "https://user@"),
    WEB.replace("https://", "https://user:pass@"),
    WEB.replace(".test/", ".test:443/"),
    WEB.replace(".test/", ".test./"),
    WEB.replace(".test/", ".test.evil.test/"),
    WEB.replace("https://", "https://evil.test\\@"),
    WEB.replace("https", "http"),
    " " + WEB,
    WEB + " ",
    WEB + "\x00",
    WEB.replace("interlock", "inter\u200block"),
    WEB.replace("interlock", "ıntıllock"),
    "//web.interlock.test/callback",
    "https://[web.interlock.test/callback",
    "https://web.interlock.test:port/callback",
    "",
]


@pytest.mark.parametrize("uri", TRICKS)
def test_nothing_that_looks_the_same_is_the_same(uri: str) -> None:
    assert not CLIENT.check_redirect_uri(uri)


@given(st.text())
@example(WEB)
@settings(max_examples=200, deadline=None)
def test_only_the_registered_text_passes(uri: str) -> None:
    assert CLIENT.check_redirect_uri(uri) == (uri == WEB)


@given(st.integers(0, len(WEB)), st.text(max_size=3), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_no_change_of_a_few_characters_passes(place: int, put: str, taken: int) -> None:
    changed = WEB[:place] + put + WEB[place + taken :]
    assume(changed != WEB)
    assert not CLIENT.check_redirect_uri(changed)


@given(st.integers(0, len(NATIVE)), st.text(max_size=6), st.integers(0, 3))
@example(16, ":51004", 0)
@example(16, ":51004x", 0)
@example(16, ":٣", 0)
@example(16, ":1@evil.test", 0)
@example(16, ".evil.test", 0)
@settings(max_examples=300, deadline=None)
def test_of_a_native_app_only_the_port_may_vary(place: int, put: str, taken: int) -> None:
    changed = NATIVE[:place] + put + NATIVE[place + taken :]
    rest = changed.removeprefix("http://127.0.0.1").removesuffix("/callback")
    port_only = (
        changed.startswith("http://127.0.0.1")
        and changed.endswith("/callback")
        and (rest == "" or (rest[0] == ":" and rest[1:].isascii() and rest[1:].isdigit()))
    )
    assert APP.check_redirect_uri(changed) == port_only


@pytest.mark.parametrize(
    "uri",
    [
        "http://web.interlock.test/callback",
        "https://user@web.interlock.test/callback",
        "https://web.interlock.test/callback#f",
        "https://web.interlock.test/ä",
        "https://web.interlock.test/a b",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "/callback",
    ],
)
def test_what_may_not_even_be_registered(uri: str) -> None:
    options = SsoOptions(issuer="https://hub.interlock.test/sso", hub_audience="https://hub.interlock.test/v1")
    with pytest.raises(ValueError, match=r"allowed|use https"):
        check_client_uri(uri, options, custom_scheme=True)
