"""Keys are published before they sign and kept after they retire: nobody ever meets a token that they cannot verify."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sso import admin, clients
from sso.clients import Client
from sso.keys import ALGORITHMS
from sso.provider import Provider
from sso.tokens import TokenRefused
from tests.sso.harness import HUB, Site, answer

MINUTE = timedelta(minutes=1)


def process(site: Site) -> Provider:
    """The same provider in another process: the same database and key for fields, its own key cache."""
    given = site.provider
    return Provider.assemble(given.options, given.pool, site.clock, given.cipher, site.gateway)


def machine(provider: Provider) -> Client:
    with provider.pool.connection() as connection:
        client = clients.load(connection, "channel-agents")
    assert client is not None
    return client


def signed(provider: Provider, client: Client) -> str:
    provider.tokens.prepare()
    return provider.tokens.client_access_token(client, ["hub:messages"])


def published(provider: Provider) -> dict[str, str]:
    """kid -> algorithm, as `/jwks` answers now."""
    provider.keys.refresh()
    return {key["kid"]: key["alg"] for key in provider.keys.jwks()["keys"]}


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


class Relying:
    """A client that keeps the key set for as long as it may and never asks before that."""

    def __init__(self, provider: Provider, keeps: timedelta) -> None:
        self._provider, self._keeps = provider, keeps
        self._keys, self._read_at = KeySet([]), datetime.min.replace(tzinfo=UTC)

    def verify(self, token: str) -> bool:
        now = self._provider.clock()
        if now - self._read_at >= self._keeps:
            self._provider.keys.refresh()
            self._keys, self._read_at = KeySet.import_key_set(self._provider.keys.jwks()), now  # type: ignore[arg-type]
        try:
            jwt.decode(token, self._keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            return False
        return True


def test_a_key_lives_through_its_states(site: Site) -> None:
    old = kid_of(signed(site.provider, machine(site.provider)))
    new = admin.rotate_key(site.provider, "ES256")

    def states() -> dict[str, str]:
        return {key.kid: key.state for key in admin.list_keys(site.provider) if key.algorithm == "ES256"}

    assert states() == {old: "signing", new: "next"}
    site.clock.advance(MINUTE)
    assert set(published(site.provider)) >= {old, new}
    assert kid_of(signed(site.provider, machine(site.provider))) == old
    site.clock.advance(9 * MINUTE)
    assert states() == {old: "retired", new: "signing"}
    assert kid_of(signed(site.provider, machine(site.provider))) == new
    site.clock.advance(timedelta(hours=24))
    assert states() == {old: "past", new: "signing"}
    assert old not in published(site.provider)


def test_no_verification_fails_around_a_rotation_whoever_keeps_the_keys_for_how_long(site: Site) -> None:
    """Two processes of ours, clients that keep the key set for the five minutes that `/jwks` allows, half an hour."""
    processes = [process(site), process(site)]
    client, reader = machine(site.provider), process(site)
    waiting = [Relying(processes[0], 5 * MINUTE), Relying(processes[1], 5 * MINUTE)]
    verifier = reader.verifier(HUB, check_liveness=False)
    tokens: list[str] = []
    used: set[str] = set()
    for half_minute in range(60):
        if half_minute in (7, 33):
            admin.rotate_key(site.provider, "ES256")
        tokens = [*tokens[-8:], *(signed(each, client) for each in processes)]
        used |= {kid_of(token) for token in tokens}
        for token in tokens:
            assert all(each.verify(token) for each in waiting), half_minute
            verifier.verify(token)
        site.clock.advance(timedelta(seconds=30))
    assert len(used) == 3


def test_rotation_under_load_fails_no_verification(site: Site) -> None:
    """The same with threads and the real clock, everything a few hundred times faster."""
    ahead, keeps = timedelta(seconds=1.2), timedelta(seconds=0.4)
    options = replace(site.provider.options, key_publish_ahead=ahead, keys_reread_after=timedelta(seconds=0.2))
    given = site.provider
    providers = [
        Provider.assemble(options, given.pool, lambda: datetime.now(UTC), given.cipher, site.gateway) for _ in range(2)
    ]
    client, stop = machine(site.provider), threading.Event()
    kids: set[str] = set()

    def work(number: int) -> tuple[int, int]:
        relying = Relying(providers[number % 2], keeps)
        verified = failed = 0
        while not stop.is_set():
            token = signed(providers[(number + 1) % 2], client)
            kids.add(kid_of(token))
            good = relying.verify(token)
            verified, failed = verified + good, failed + (not good)
            time.sleep(0.002)
        return verified, failed

    with ThreadPoolExecutor(4) as threads:
        working = [threads.submit(work, number) for number in range(4)]
        for _ in range(2):
            admin.rotate_key(providers[0], "ES256")
            time.sleep(ahead.total_seconds() + 0.3)
        stop.set()
        counted = [each.result() for each in working]
    assert sum(failed for _, failed in counted) == 0
    assert sum(verified for verified, _ in counted) > 100
    assert len(kids) == 3


def test_a_second_rotation_waits_for_the_first_and_parallel_ones_make_one_key(site: Site) -> None:
    site.provider.keys.refresh()
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: admin.rotate_key(site.provider, "ES256"), range(8)))
    assert len(made) == 1
    site.clock.advance(10 * MINUTE)
    assert admin.rotate_key(site.provider, "ES256") not in made


def test_an_emergency_does_not_wait_and_passes_over_the_key_that_did(site: Site) -> None:
    waiting = admin.rotate_key(site.provider, "ES256")
    urgent = admin.rotate_key(site.provider, "ES256", at_once=True)
    other = process(site)
    assert kid_of(signed(other, machine(other))) == urgent
    site.clock.advance(timedelta(hours=1))
    assert kid_of(signed(other, machine(other))) == urgent
    assert waiting != urgent


@pytest.mark.parametrize("next_one_waits", [False, True])
def test_a_withdrawn_key_is_believed_nowhere_and_another_one_signs(site: Site, next_one_waits: bool) -> None:
    token = signed(site.provider, machine(site.provider))
    verifier = site.provider.verifier(HUB, check_liveness=False)
    verifier.verify(token)
    expected = admin.rotate_key(site.provider, "ES256") if next_one_waits else None
    assert admin.withdraw_key(site.provider, kid_of(token))
    assert not admin.withdraw_key(site.provider, kid_of(token))
    assert not admin.withdraw_key(site.provider, "no-such-key")
    site.clock.advance(MINUTE)
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.code == "token_key_unknown"
    newer = kid_of(signed(site.provider, machine(site.provider)))
    assert newer == expected or (expected is None and newer != kid_of(token))
    assert kid_of(token) not in published(site.provider)


def test_withdrawing_the_key_that_waits_leaves_the_one_that_signs(site: Site) -> None:
    signing = kid_of(signed(site.provider, machine(site.provider)))
    waiting = admin.rotate_key(site.provider, "ES256")
    assert admin.withdraw_key(site.provider, waiting)
    site.clock.advance(timedelta(hours=1))
    assert kid_of(signed(site.provider, machine(site.provider))) == signing
    assert waiting not in published(site.provider)


def test_an_id_token_of_a_key_long_gone_still_logs_out_and_nothing_else(site: Site) -> None:
    browser = site.browser()
    tokens = browser.tokens("web")
    for algorithm in ALGORITHMS:
        admin.rotate_key(site.provider, algorithm)
    for _ in range(2):
        site.clock.advance(timedelta(hours=40))
        assert "code" in answer(browser.authorize("web", prompt="none"))
    with pytest.raises(TokenRefused) as refused:
        site.provider.verifier(HUB, check_liveness=False).verify(tokens["access_token"])
    assert refused.value.code == "token_key_unknown"
    out = browser.get("/logout", id_token_hint=tokens["id_token"])
    assert out.status_code == 303
    assert answer(browser.authorize("web", prompt="none"))["error"] == "login_required"


def test_the_key_set_may_be_kept_for_less_time_than_a_key_is_published_ahead(site: Site) -> None:
    kept = httpx.get(f"{site.issuer}/jwks", trust_env=False).headers["cache-control"]
    seconds = int(kept.partition("max-age=")[2])
    options = site.provider.options
    assert timedelta(seconds=seconds) + options.keys_reread_after < options.key_publish_ahead
    assert options.access_token_lifetime < options.key_overlap
