"""A signature is computed once; nothing else about a token is remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, KeySet

from sso.signatures import KEPT, Signatures
from sso.tokens import TokenRefused
from tests.sso.harness import HUB, Site


def test_a_remembered_token_is_still_checked_for_everything_else(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    check = site.provider.verifier(HUB, check_liveness=True)
    for _ in range(2):
        check.verify(tokens["access_token"])
    with pytest.raises(TokenRefused) as elsewhere:
        site.provider.verifier("https://elsewhere.test", check_liveness=False).verify(tokens["access_token"])
    assert elsewhere.value.code == "token_audience_wrong"
    browser.get("/logout", id_token_hint=tokens["id_token"])
    with pytest.raises(TokenRefused) as ended:
        check.verify(tokens["access_token"])
    assert ended.value.code == "token_revoked"
    site.clock.advance(timedelta(minutes=5))
    with pytest.raises(TokenRefused) as late:
        check.verify(tokens["access_token"])
    assert late.value.code == "token_expired"


def test_a_token_with_another_letter_is_another_token(site: Site) -> None:
    token = site.browser().tokens("web")["access_token"]
    check = site.provider.verifier(HUB, check_liveness=False)
    check.verify(token)
    head, payload, signature = token.split(".")
    for forged in (f"{head}.{payload}.{signature[:-2]}AA", f"{head}.{payload[:-4]}AAAA.{signature}"):
        with pytest.raises(TokenRefused):
            check.verify(forged)


def test_what_another_key_object_verified_is_verified_again() -> None:
    keys = [KeySet([ECKey.generate_key("P-256")]) for _ in range(2)]
    signatures = Signatures()
    signatures.note("a.b.c", keys[0])
    assert signatures.known("a.b.c", keys[0])
    assert not signatures.known("a.b.c", keys[1])
    assert not signatures.known("a.b.d", keys[0])


def test_the_oldest_is_forgotten_first() -> None:
    key, signatures = KeySet([ECKey.generate_key("P-256")]), Signatures()
    for number in range(KEPT + 1):
        signatures.note(f"{number}", key)
    assert not signatures.known("0", key)
    assert signatures.known("1", key)
    assert signatures.known(f"{KEPT}", key)
