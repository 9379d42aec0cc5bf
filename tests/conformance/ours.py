"""Our provider as the subject: real HTTP, real PostgreSQL, the parties and people registered as an operator would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from interlock.clock import system_clock
from interlock.database import Pool
from sso import admin, logout, pings
from sso.admin import Registration
from sso.api import application
from sso.options import Argon2Options, SsoOptions
from sso.provider import Provider
from tests.conformance.browser import STEPS_MAX, Browser, forms
from tests.conformance.parties import (
    AGENCY,
    CIBA,
    CODE,
    CREDENTIALS,
    KEY,
    OTHER,
    PARTIES,
    PASSENGER,
    REFRESH,
    RESOURCE,
    Party,
)
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject
from tests.sso.harness import AesCipher, Gateway


class AheadClock:
    """The real time, and as far ahead of it as a test has waited."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.ahead


@contextmanager
def serving(make: Callable[[str], ASGIApp], host: str = "127.0.0.1") -> Iterator[str]:
    """An application behind a real HTTP server; `make` is told the origin it will have, which is answered too."""
    outer = Starlette()
    config = uvicorn.Config(outer, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server, bound = uvicorn.Server(config), config.bind_socket()
    origin = f"http://{host}:{bound.getsockname()[1]}"
    try:
        outer.mount("/sso", make(origin))
    except BaseException:
        bound.close()
        raise
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield origin
    finally:
        server.should_exit = True
        thread.join()


def assembled(origin: str, pool: Pool, clock: Callable[[], datetime], gateway: Gateway) -> Provider:
    """The provider's parts, with argon2's smallest cost: the checklist is about everything but its slowness."""
    options = SsoOptions(
        issuer=f"{origin}/sso",
        hub_audience=RESOURCE,
        secure_cookies=False,
        plain_http_hosts=frozenset({"127.0.0.1"}),  # where the tests' own endpoints are
        argon2=Argon2Options(memory_kib=8, passes=1, lanes=1),
    )
    return Provider.assemble(options, pool, clock, AesCipher(), gateway)


def registration(party: Party, relying: str) -> Registration:
    """A party in the form in which an operator registers it."""
    people = CODE in party.grants
    return Registration(
        party.client_id,
        party.client_id,
        party.client_id,
        party.scope.split(),
        secret=party.secret if party.auth.startswith("client_secret") else None,
        redirect_uris=[party.callback] if people else [],
        post_logout_redirect_uris=[party.goodbye] if people else [],
        backchannel_logout_uri=f"{relying}/logout/{party.client_id}" if people else None,
        client_credentials=CREDENTIALS in party.grants,
        channel="web" if CREDENTIALS in party.grants and not people else None,
        consent="explicit" if party.acts else "implicit",
        may_act=party.acts,
        resource=AGENCY if party.acts else None,
        audiences=[AGENCY] if party.acts else [],
        jwks={"keys": [KEY.as_dict(private=False)]} if party.auth == "private_key_jwt" else None,
        further_grants=[grant for grant in party.grants if grant not in (CODE, REFRESH, CREDENTIALS)],
        require_par=party.par,
        require_dpop=party.dpop,
        ciba_mode=("ping" if party.notified else "poll") if CIBA in party.grants else None,
        notification_uri=f"{relying}/notified" if party.notified else None,
    )


def furnish(provider: Provider, relying: str) -> None:
    """Everybody that the tests speak for."""
    for party in PARTIES.values():
        admin.register_client(provider, registration(party, relying))
    for person in (PASSENGER, OTHER):
        admin.create_passenger(provider, person.login, person.name, person.password, person.phone)


def decide_all(subject: Subject, decision: str, browser: Browser | None = None) -> None:
    """The passenger opens the page of waiting requests on their own phone and answers each the same."""
    page = f"{subject.issuer}/account/approvals"
    if browser is None:
        browser = subject.browser()
        browser.log_in(PARTIES["first"])
    for _ in range(STEPS_MAX):
        shown = browser.http.get(page)
        waiting = next((form for form in forms(shown) if "request" in form.fields), None)
        if waiting is None:
            return
        assert browser.send(waiting, decision=decision).response.status_code == 200
    raise AssertionError(f"requests still wait after {STEPS_MAX} answers: {shown.text[:2000]}")


@contextmanager
def running(pool: Pool, relying: Relying, further: Iterable[Registration] = ()) -> Iterator[Subject]:
    """Our column. `further`: clients beside those of the table."""
    clock, made = AheadClock(), []

    def make(origin: str) -> ASGIApp:
        provider = assembled(origin, pool, clock, Gateway())
        furnish(provider, relying.address)
        for each in further:
            admin.register_client(provider, each)
        made.append(provider)
        return application(provider)

    with serving(make) as origin:
        provider = made[0]

        def wait(seconds: float) -> None:
            clock.ahead += timedelta(seconds=seconds)
            subject.ahead = clock.ahead.total_seconds()

        def deliver() -> None:
            logout.deliver_logout_tokens(
                provider.pool, clock, logout.http_send, tokens=provider.tokens, options=provider.options
            )
            pings.deliver_pings(
                provider.pool, clock, pings.http_send_ping, cipher=provider.cipher, options=provider.options.approvals
            )

        def decide(auth_req_id: str, approve: bool) -> None:
            decide_all(subject, "approve" if approve else "refuse")

        def rotate() -> None:
            admin.rotate_key(provider, "RS256", at_once=True)

        subject = Subject("ours", f"{origin}/sso", relying.address, relying, wait, decide, deliver, rotate)
        subject.initial_access_token = admin.create_initial_access_token(
            provider, "the checklist", ["openid", "profile"], uses=20
        )
        yield subject
        subject.http.close()
