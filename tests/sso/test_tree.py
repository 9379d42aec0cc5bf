"""Sessions are a tree: who approves on a phone for a window, a call or an agent opens a child, and takes it along."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from sso import logout, sessions
from sso.logout import Drained
from sso.people import assurance
from sso.ports import digest
from sso.sessions import ParentEnded, Session
from tests.sso.harness import PASSWORD, Browser, Site

KINDS = ("window", "call", "agent", "app")


def signed_in(site: Site) -> tuple[Browser, UUID]:
    browser = site.browser()
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    cookie = digest(browser.http.cookies["sso_session"])
    return browser, site.one("SELECT session_id FROM sso.session WHERE cookie_digest = %s", cookie)


def person(site: Site) -> UUID:
    found: UUID = site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'")
    return found


def child(
    site: Site, parent_id: UUID | None, kind: str = "window", client_id: str | None = None, label: str = "北京南 3"
) -> UUID:
    with site.provider.pool.connection() as connection:
        now = site.clock()
        opened = sessions.open_child(
            connection,
            parent_id,
            person(site),
            kind,
            assurance.SINGLE_FACTOR,
            ["pop"],
            now,
            label,
            now,
            site.provider.options,
            site.provider.mint,
        )
        if client_id:
            sessions.join(connection, opened, client_id, now)
    return opened


def alive(site: Site, session_id: UUID) -> Session | None:
    with site.provider.pool.connection() as connection:
        return sessions.live(connection, session_id, site.clock(), site.provider.options)


def end(site: Site, session_id: UUID) -> bool:
    with site.provider.pool.connection() as connection:
        return logout.end_session(connection, session_id, "logged_out", site.clock(), site.provider.mint)


def test_the_end_of_a_session_is_the_end_of_everything_below_it_and_of_nothing_else(site: Site) -> None:
    _, phone = signed_in(site)
    _, laptop = signed_in(site)
    window, call = child(site, phone, "window"), child(site, phone, "call")
    agent = child(site, call, "agent")
    elsewhere = child(site, laptop, "window")
    assert end(site, call)
    assert [alive(site, each) is not None for each in (phone, window, call, agent)] == [True, True, False, False]
    assert end(site, phone)
    assert [alive(site, each) is not None for each in (phone, window, laptop, elsewhere)] == [False, False, True, True]
    assert not end(site, window)
    assert site.one("SELECT count(*) FROM sso.logout") == 2


def test_every_client_of_every_ended_session_is_told_of_its_own_session(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    phone = site.one("SELECT session_id FROM sso.session")
    window = child(site, phone, "window", "app")
    call = child(site, phone, "call", "web")
    browser.submit(browser.get("/signed-in"))
    assert site.deliver_logouts() == Drained(delivered=3, waiting=0, given_up=0)
    told = {(name, site.claims(token)["sid"]) for name in ("web", "app") for token in site.receivers[name].tokens}
    assert told == {("web", str(phone)), ("web", str(call)), ("app", str(window))}


def test_a_window_and_a_call_are_short_and_a_child_never_outlives_its_parent(site: Site) -> None:
    browser, phone = signed_in(site)
    opened = {kind: child(site, phone, kind) for kind in KINDS}
    site.clock.advance(timedelta(minutes=15))
    assert {kind for kind, each in opened.items() if alive(site, each)} == {"call", "agent", "app"}
    site.clock.advance(timedelta(minutes=15))
    assert {kind for kind, each in opened.items() if alive(site, each)} == {"agent", "app"}
    site.clock.advance(timedelta(minutes=30))
    assert {kind for kind, each in opened.items() if alive(site, each)} == {"app"}
    for _ in range(8):
        site.clock.advance(timedelta(hours=40))
        browser.get("/account")
    last = alive(site, child(site, phone, "app"))
    root = alive(site, phone)
    assert last is not None
    assert root is not None
    assert last.expires_at == root.expires_at


def test_nothing_is_opened_below_a_session_that_has_ended(site: Site) -> None:
    _, phone = signed_in(site)
    end(site, phone)
    with pytest.raises(ParentEnded):
        child(site, phone)
    with pytest.raises(ParentEnded):
        child(site, uuid4())
    assert alive(site, child(site, None, "window")) is not None  # a document shown on the spot needs no parent


def test_a_logout_never_misses_a_child_that_is_opened_at_the_same_moment(site: Site) -> None:
    for _ in range(20):
        _, phone = signed_in(site)
        gate = threading.Barrier(5)

        def open_one(parent: UUID = phone, gate: threading.Barrier = gate) -> UUID | None:
            gate.wait()
            try:
                return child(site, parent)
            except ParentEnded:
                return None

        def end_it(parent: UUID = phone, gate: threading.Barrier = gate) -> None:
            gate.wait()
            end(site, parent)

        with ThreadPoolExecutor(5) as threads:
            opening = [threads.submit(open_one) for _ in range(4)]
            threads.submit(end_it).result()
            opened = [each.result() for each in opening]
        assert [alive(site, each) for each in opened if each is not None] == [None] * sum(map(bool, opened))


def test_everywhere_and_one_logout_at_once_never_wait_for_each_other_in_a_circle(site: Site) -> None:
    for _ in range(10):
        _, phone = signed_in(site)
        calls = [child(site, phone, "call") for _ in range(3)]
        for each in calls:
            child(site, each, "agent")
        gate = threading.Barrier(4)

        def everywhere(gate: threading.Barrier = gate) -> int:
            gate.wait()
            with site.provider.pool.connection() as connection:
                return logout.end_all_sessions(
                    connection, person(site), "x", site.clock(), site.provider.options, site.provider.mint
                )

        def one(session_id: UUID, gate: threading.Barrier = gate) -> bool:
            gate.wait()
            return end(site, session_id)

        with ThreadPoolExecutor(4) as threads:
            all_of_them = threads.submit(everywhere)
            ending = [threads.submit(one, each) for each in (phone, *calls[:2])]
            assert all_of_them.result(timeout=20) >= 0
            assert sum(each.result(timeout=20) for each in ending) <= 3
        assert site.one("SELECT count(*) FROM sso.session WHERE ended_at IS NULL") == 0


def test_sessions_whose_time_is_over_are_ended_and_their_clients_told(site: Site) -> None:
    _, phone = signed_in(site)
    window = child(site, phone, "window", "app")
    provider = site.provider

    def sweep() -> int:
        return logout.end_overdue(provider.pool, site.clock, provider.options, provider.mint)

    assert sweep() == 0
    site.clock.advance(timedelta(minutes=15))
    assert sweep() == 1
    assert site.one("SELECT end_reason FROM sso.session WHERE session_id = %s", window) == "expired"
    assert site.deliver_logouts().delivered == 1
    assert alive(site, phone) is not None
    site.clock.advance(timedelta(days=2))
    assert (sweep(), sweep()) == (1, 0)


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_tree_and_ends_one_branch(site: Site) -> None:
    browser = site.browser(**{"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36"})
    browser.tokens("web")
    phone = site.one("SELECT session_id FROM sso.session")
    window = child(site, phone, "window", "app", "Beijing South, window 3")
    page = browser.get("/account/sessions")
    assert "Windows computer, Chrome" in page.text
    assert "Beijing South, window 3" in page.text
    assert page.text.index("Windows computer") < page.text.index("Beijing South")
    fields = {"form_token": browser.http.cookies["sso_form"], "session": str(window)}
    done = browser.post("/account/sessions/end", fields, Origin=site.provider.options.origin)
    assert done.status_code == 200
    assert 'role="status"' in done.text
    assert alive(site, window) is None
    assert alive(site, phone) is not None
    assert "Railway app" in done.text  # in the list of who is told


def test_only_ones_own_session_can_be_ended_here(site: Site) -> None:
    browser, phone = signed_in(site)
    stranger = site.browser()
    stranger.submit(stranger.get("/login"), login="operator", password="the-books-must-balance")
    page = stranger.get("/account/sessions")
    assert str(phone) not in page.text
    fields = {"form_token": stranger.http.cookies["sso_form"], "session": str(phone)}
    stranger.post("/account/sessions/end", fields, Origin=site.provider.options.origin)
    assert alive(site, phone) is not None
    without = browser.post("/account/sessions/end", {"session": str(phone)})
    assert without.status_code == 403
    assert alive(site, phone) is not None


def test_ending_the_session_of_this_very_browser_signs_out(site: Site) -> None:
    browser, phone = signed_in(site)
    fields = {"form_token": browser.http.cookies["sso_form"], "session": str(phone)}
    done = browser.post("/account/sessions/end", fields, Origin=site.provider.options.origin)
    assert done.status_code == 303
    assert "/signed-out?receipt=" in done.headers["location"]
    assert browser.get("/account/sessions").status_code == 303


def test_the_receipt_shows_who_was_told_and_who_is_tried_again(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    browser.redeem("app", browser.log_in("app", prompt="login"))
    site.receivers["app"].answers = [503] * 20
    out = browser.submit(browser.get("/logout"))
    address = out.headers["location"]
    stranger = site.browser()
    assert "About to be told" in stranger.http.get(address).text  # the receipt is enough: nobody is signed in
    site.deliver_logouts()
    page = stranger.http.get(address).text
    assert "Told, and it confirmed" in page
    assert "Not reachable yet: 1 tries" in page
    while due := site.one("SELECT min(next_attempt_at) FROM sso.logout_delivery WHERE state = 'waiting'"):
        site.clock.advance(due - site.clock())
        site.deliver_logouts()
    assert "Never answered" in stranger.http.get(address).text
    site.clock.advance(timedelta(hours=4))
    expired = stranger.http.get(address)
    assert expired.status_code == 200
    assert "Never answered" not in expired.text
    assert "tellings" not in stranger.get("/signed-out", receipt="guessed").text
