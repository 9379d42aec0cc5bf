"""One-time artefacts under parallel redemption at two processes, and when a process is killed in the middle.

`make races` plays 1,000 rounds of each and prints the table; the tests play a few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import aiohttp
import pytest
import redis

from interlock.wiring import open_hub, sign_on
from sso import admin
from sso.admin import Registration
from sso.options import Argon2Options
from sso.people.passwords import Passwords
from tests.conformance import ours
from tests.conformance.parties import KEY, PARTIES
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject, good, refused
from tests.processes.artefacts import ARTEFACTS, RACERS_PASSWORD, Shot, Stage, code, refresh_token
from tests.processes.house import House

PARALLEL = 8
KILLED = 60
LANES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, in the words of the artefact: what was gained, if anything; status 0: nobody answered."""

    status: int
    gained: str | None


@pytest.fixture(scope="module")
def stage(two_doors: House, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The house with the checklist's parties and as many passengers as there are rounds."""
    relying = Relying()
    hub = open_hub(two_doors.settings, "races")
    provider = sign_on(hub)
    ours.furnish(provider, relying.address)
    keys = {"keys": [KEY.as_dict(private=False)]}
    admin.register_client(
        provider,
        Registration(
            "signing", "signing", "signing", ["hub:messages"], jwks=keys, client_credentials=True, channel="web"
        ),
    )
    subject = Subject(
        "ours", provider.options.issuer, relying.address, relying, lambda seconds: None, lambda request, approve: None
    )
    made = Stage(two_doors, provider, subject)
    rounds = request.config.getoption("--redemptions")
    made.phones = [f"+86199{number:08d}" for number in range(1_000, 1_000 + rounds)]
    quick = replace(provider, passwords=Passwords(Argon2Options(memory_kib=8, passes=1, lanes=1)))
    for number, phone in enumerate(made.phones):
        admin.create_passenger(quick, f"racer{number}", "赛跑者", RACERS_PASSWORD, phone)
    yield made
    subject.close_browsers()
    subject.http.close()
    hub.close()
    relying.close()


async def fire(http: aiohttp.ClientSession, house: House, door: int, shot: Shot) -> Answer:
    address = house.url(door) + shot.path
    try:
        async with http.request(
            shot.method, address, data=shot.form or None, headers=shot.headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, shot.gained(answer.status, headers, text))
    except (aiohttp.ClientError, ConnectionError):
        return Answer(0, None)


class Volleys:
    """The same shot from eight connections at once, at both doors in turn; the connections stay open for the next."""

    def __init__(self, house: House) -> None:
        self._house, self._runner = house, asyncio.Runner()
        self._http = self._runner.run(_opened())

    def __enter__(self) -> Volleys:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.close())
        self._runner.close()

    def fire(self, shot: Shot) -> list[Answer]:
        return self._runner.run(self._all(shot))

    async def _all(self, shot: Shot) -> list[Answer]:
        each = (fire(self._http, self._house, number % 2, shot) for number in range(PARALLEL))
        return list(await asyncio.gather(*each))


async def _opened() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


def tally(volleys: Sequence[Sequence[Answer]]) -> tuple[int, int, int]:
    """(rounds redeemed once, rounds with a double, rounds where nobody got anything)."""
    gains = [len({answer.gained for answer in answers if answer.gained}) for answers in volleys]
    return sum(gain == 1 for gain in gains), sum(gain > 1 for gain in gains), sum(gain == 0 for gain in gains)


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_eight_at_once_gain_it_once(stage: Stage, artefact: str, request: pytest.FixtureRequest) -> None:
    rounds: int = request.config.getoption("--redemptions")
    with Volleys(stage.house) as both:
        volleys = [both.fire(ARTEFACTS[artefact](stage)) for _ in range(rounds)]
    once, doubles, none = tally(volleys)
    answers = [answer for answers in volleys for answer in answers]
    errors = sum(answer.status == 0 or answer.status >= 500 for answer in answers)
    print(f"\n{artefact:15} {rounds:6} x {PARALLEL}  once {once:6}  doubles {doubles}  none {none}  errors {errors}")
    assert (once, doubles, none, errors) == (rounds, 0, 0, 0)


async def killed_while_redeeming(stage: Stage, shots: Sequence[Shot]) -> list[Answer]:
    """Redeem at the second door in lanes; its process is killed once a third is answered."""
    answers: list[Answer | None] = [None] * len(shots)
    waiting = iter(range(len(shots)))
    answered = 0

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def lane() -> None:
            nonlocal answered
            for number in waiting:
                answers[number] = await fire(http, stage.house, 1, shots[number])
                answered += 1
                if answered == len(shots) // 3:
                    stage.house.kill(1)

        await asyncio.gather(*(lane() for _ in range(LANES)))
    return [answer for answer in answers if answer is not None]


def test_a_process_killed_between_consuming_and_issuing_leaves_nothing_usable_twice(stage: Stage) -> None:
    shots = [make(stage) for _ in range(KILLED // 2) for make in (code, refresh_token)]
    try:
        before = asyncio.run(killed_while_redeeming(stage, shots))
        assert any(answer.gained for answer in before)
        assert any(answer.status == 0 for answer in before), "somebody was under way when it was killed"

        async def again() -> list[Answer]:
            async with aiohttp.ClientSession() as http:
                return [await fire(http, stage.house, 0, shot) for shot in [*shots, *shots]]

        after = asyncio.run(again())
        for answers in zip(before, after[:KILLED], after[KILLED:], strict=True):
            assert len({answer.gained for answer in answers if answer.gained}) <= 1
    finally:
        stage.house.open(1)


def test_valkey_flushed_logs_nobody_in_or_out(stage: Stage) -> None:
    """What counts is in PostgreSQL: sessions, codes, families and what has become of them."""
    subject, leaver = stage.subject, stage.subject.browser()
    staying = subject.tokens(browser=stage.browser)["refresh_token"]
    ended = subject.tokens(browser=leaver)
    used = code(stage)
    leave = leaver.open(
        subject.endpoint("end_session_endpoint"),
        id_token_hint=ended["id_token"],
        post_logout_redirect_uri=PARTIES["first"].goodbye,
    )
    assert leaver.agree(leave).sent_to == PARTIES["first"].goodbye
    with Volleys(stage.house) as both:
        assert any(answer.gained for answer in both.fire(used))

    with redis.Redis.from_url(stage.house.settings.engines().redis_url) as client:
        client.flushdb()

    assert stage.browser.ask(PARTIES["first"], prompt="none").code
    assert leaver.ask(PARTIES["first"], prompt="none").error == "login_required"
    good(subject.refresh(PARTIES["first"], staying))
    refused(subject.refresh(PARTIES["first"], ended["refresh_token"]), "invalid_grant")
    with Volleys(stage.house) as both:
        assert not any(answer.gained for answer in both.fire(used))
