"""The lock: per identity and method, the same for every way; what it pauses, for how long, and what it leaves open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from sso import admin
from sso.people import lockout
from tests.sso.asking import person
from tests.sso.harness import PASSWORD, Site

MINUTES = timedelta(minutes=1)


def guess(site: Site, subject: str, method: str = lockout.PASSWORD) -> float | None:
    """One counted attempt; for how many minutes the method is locked, if it is."""
    with site.provider.pool.connection() as connection:
        until = lockout.take_attempt(connection, subject, method, site.clock(), site.provider.options)
    return (until - site.clock()) / MINUTES if until else None


def locked(site: Site, who: UUID) -> bool:
    with site.provider.pool.connection() as connection:
        return lockout.locked(connection, who, site.clock()) is not None


@pytest.mark.parametrize("method", lockout.PROOFS)
def test_a_paused_method_locks_the_person_for_every_way_without_a_proof(site: Site, method: str) -> None:
    liwei, operator = person(site, "liwei"), person(site, "operator")
    for _ in range(4):
        guess(site, lockout.subject_of(liwei), method)
    assert not locked(site, liwei)
    guess(site, lockout.subject_of(liwei), method)
    assert locked(site, liwei)
    assert not locked(site, operator)
    site.clock.advance(15 * MINUTES)
    assert not locked(site, liwei)


def test_other_counters_pause_what_they_count_and_lock_nobody(site: Site) -> None:
    liwei = person(site, "liwei")
    for _ in range(5):
        assert guess(site, lockout.subject_of(liwei), "user_code") is None
    assert guess(site, lockout.subject_of(liwei), "user_code") == 15
    assert not locked(site, liwei)


def test_each_lock_without_a_right_attempt_lasts_twice_as_long_up_to_a_bound(site: Site) -> None:
    subject, lasted = lockout.subject_of(person(site, "liwei")), []
    for _ in range(9):
        for _ in range(5):
            guess(site, subject)
        lasted.append(guess(site, subject))
        site.clock.advance(timedelta(minutes=lasted[-1] or 0))
    assert lasted == [15, 30, 60, 120, 240, 480, 960, 960, 960]
    with site.provider.pool.connection() as connection:
        lockout.forgive(connection, subject, lockout.PASSWORD)
    for _ in range(5):
        guess(site, subject)
    assert guess(site, subject) == 15


def test_parallel_attempts_are_all_counted(site: Site) -> None:
    subject = lockout.subject_of(person(site, "liwei"))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: guess(site, subject), range(8)))
    assert answers.count(None) == 5


def test_an_operator_who_sets_the_password_unlocks_and_may_leave_nothing_else(site: Site) -> None:
    liwei = person(site, "liwei")
    browser = site.browser()
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    token = browser.get("/account/security").text.partition('name="form_token" value="')[2][:43]
    browser.post("/account/security/recovery-codes", {"form_token": token})
    for _ in range(5):
        guess(site, lockout.subject_of(liwei))
    assert admin.set_password(site.provider, "liwei", PASSWORD)
    assert not locked(site, liwei)
    assert site.one("SELECT count(*) FROM sso.recovery_code") == 10
    assert admin.set_password(site.provider, "liwei", PASSWORD, alone=True)
    assert site.one("SELECT count(*) FROM sso.recovery_code") == 0
