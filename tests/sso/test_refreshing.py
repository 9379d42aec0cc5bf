"""A refresh that two tabs and a lost answer survive, and a thief does not (RFC 9700 4.14.2)."""

from __future__ import annotations

from datetime import timedelta

from joserfc.jwk import ECKey

from tests.sso.harness import Site
from tests.sso.signing import proof
from tests.sso.test_dpop import redeemed, refreshed

LATE = timedelta(seconds=10)


def revoked(site: Site) -> str | None:
    return site.one("SELECT revoke_reason FROM sso.token_grant ORDER BY created_at DESC")  # type: ignore[no-any-return]


def test_two_tabs_get_the_same_child_and_go_on_from_it(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")["refresh_token"]
    one = browser.refresh("web", first).json()
    site.clock.advance(timedelta(seconds=9))
    two = browser.refresh("web", first).json()
    assert one["refresh_token"] == two["refresh_token"]
    assert one["access_token"] != two["access_token"]
    assert browser.refresh("web", two["refresh_token"]).status_code == 200
    assert revoked(site) is None
    assert site.one("SELECT max(generation) FROM sso.refresh_token") == 2


def test_reusing_a_graceful_refresh_token_above_the_count_limit_invalidates_all(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")["refresh_token"]
    statuses = [browser.refresh("web", first).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 400]
    assert revoked(site) == "refresh_token_reused"


def test_after_the_grace_a_second_use_invalidates_all(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")["refresh_token"]
    child = browser.refresh("web", first).json()["refresh_token"]
    site.clock.advance(LATE)
    assert browser.refresh("web", first).json()["error"] == "invalid_grant"
    assert browser.refresh("web", child).json()["error"] == "invalid_grant"
    assert revoked(site) == "refresh_token_reused"


def test_only_the_most_recent_token_generation_is_valid(site: Site) -> None:
    """Once somebody has gone on from the child, the parent is used up for good, grace or not."""
    browser = site.browser()
    first = browser.tokens("web")["refresh_token"]
    child = browser.refresh("web", first).json()["refresh_token"]
    assert browser.refresh("web", child).status_code == 200
    assert browser.refresh("web", first).json()["error"] == "invalid_grant"
    assert revoked(site) == "refresh_token_reused"


def test_the_grace_asks_for_the_same_key(site: Site) -> None:
    browser, key, other = site.browser(), ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    first = redeemed(site, browser, browser.log_in("web"), proof(site, key)).json()["refresh_token"]
    assert refreshed(site, first, proof(site, key)).status_code == 200
    assert refreshed(site, first, proof(site, other)).json()["error"] == "invalid_dpop_proof"
    assert refreshed(site, first, {}).json()["error"] == "invalid_dpop_proof"
    assert refreshed(site, first, proof(site, key)).status_code == 200
    assert revoked(site) is None


def test_nobody_can_foretell_a_child(site: Site) -> None:
    """The child follows from its parent by a key of ours: known to us, and to nobody who holds the parent."""
    browser = site.browser()
    first = browser.tokens("web")["refresh_token"]
    child = browser.refresh("web", first).json()["refresh_token"]
    assert child == site.provider.tokens.next_secret(first)
    assert len(child) >= 43
    assert first not in child


def test_a_refresh_that_is_refused_for_its_scope_is_used_up_with_grace(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web", scope="openid")["refresh_token"]
    assert browser.refresh("web", first, scope="openid phone").json()["error"] == "invalid_scope"
    assert browser.refresh("web", first).status_code == 400


def test_a_thief_without_the_key_cannot_end_a_bound_family_as_another_client_either(site: Site) -> None:
    browser, key = site.browser(), ECKey.generate_key("P-256")
    first = redeemed(site, browser, browser.log_in("web"), proof(site, key)).json()["refresh_token"]
    assert browser.refresh("app", first).json()["error"] == "invalid_dpop_proof"
    assert refreshed(site, first, proof(site, key)).status_code == 200
