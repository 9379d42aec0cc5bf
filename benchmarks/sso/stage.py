"""Both providers, running, with the same clients and the same person."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from benchmarks.intake.spending import cpu_seconds
from interlock.database import migrate
from interlock.engines import start_engines
from interlock.settings import Settings
from interlock.wiring import open_hub, sign_on
from sso import admin
from sso.admin import Registration
from tests.conformance import control, ours
from tests.conformance.parties import CODE, CREDENTIALS, PASSENGER, REFRESH, Party
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject

SWIFT = Party("swift", (CODE, REFRESH), scope="openid hub:orders")
"""A client whose ID tokens are signed by ES256 too."""
SERVER = Party("server", (CREDENTIALS,), scope="hub:orders")
"""The resource server that introspects."""

SLEEPERS = 8


def sleeper(number: int) -> str:
    """The login of a passenger who logs in again and again: one for each connection, or the lockout would step in."""
    return f"sleeper{number % SLEEPERS}"


@dataclass(frozen=True, slots=True)
class Side:
    """One provider: how it is spoken to, the process that serves, the processes that keep its state."""

    subject: Subject
    port: int
    pid: int
    store: tuple[int, ...] = ()

    def spent(self) -> tuple[float, float]:
        """CPU-seconds so far: of the server's process, of its store."""
        return cpu_seconds([self.pid]), cpu_seconds(self.store)


@contextmanager
def our_side(folder: Path, relying: Relying) -> Iterator[tuple[Side, Settings]]:
    """`interlock serve api`, as in service, over engines of its own."""
    engines = start_engines(folder)
    port = control.free_port()
    settings = Settings(
        data_dir=folder,
        database_url=SecretStr(engines.database_url),
        redis_url=SecretStr(engines.redis_url),
        port=port,
        public_url=f"http://127.0.0.1:{port}",
    )
    environment = os.environ | {
        "INTERLOCK_DATA_DIR": str(folder),
        "INTERLOCK_DATABASE_URL": engines.database_url,
        "INTERLOCK_REDIS_URL": engines.redis_url,
        "INTERLOCK_PORT": str(port),
        "INTERLOCK_PUBLIC_URL": settings.public_url,
        "INTERLOCK_STRANGERS_PER_MINUTE": "10000000",  # the load comes from one address
    }
    process = None
    try:
        migrate(engines.database_url)
        _furnish(settings, relying.address)
        command = [sys.executable, "-m", "interlock", "serve", "api"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        issuer = f"{settings.public_url}/sso"
        _wait(issuer, process)
        subject = Subject("ours", issuer, relying.address, relying, lambda _: None, lambda _, __: None)
        store = (engines.postgres.pid,) if engines.postgres else ()
        yield Side(subject, port, process.pid, store), settings
        subject.http.close()
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        engines.stop()


def _furnish(settings: Settings, relying: str) -> None:
    hub = open_hub(settings, "bench")
    try:
        provider = sign_on(hub)
        ours.furnish(provider, relying)
        admin.register_client(
            provider,
            Registration(
                SWIFT.client_id,
                SWIFT.client_id,
                SWIFT.client_id,
                SWIFT.scope.split(),
                secret=SWIFT.secret,
                redirect_uris=[SWIFT.callback],
                id_token_algorithm="ES256",
            ),
        )
        server = Registration(
            SERVER.client_id,
            SERVER.client_id,
            SERVER.client_id,
            SERVER.scope.split(),
            secret=SERVER.secret,
            client_credentials=True,
            resource=provider.options.hub_audience,
        )
        admin.register_client(provider, server)
        for number in range(SLEEPERS):
            admin.create_passenger(
                provider, sleeper(number), "旅客", PASSENGER.password, f"+86199{11_000_000 + number}"
            )
    finally:
        hub.close()


@contextmanager
def control_side(folder: Path, relying: Relying) -> Iterator[Side]:
    """node oidc-provider."""
    port = control.free_port()
    settings = control.told(port, relying.address)
    home = "https://relying.interlock.test"
    swift = {**control.metadata(SWIFT, home), "id_token_signed_response_alg": "ES256"}
    settings["clients"] += [swift, control.metadata(SERVER, home)]
    with control.process(folder, settings) as process:
        subject = Subject("control", settings["issuer"], home, relying, lambda _: None, lambda _, __: None)
        yield Side(subject, port, process.pid)
        subject.http.close()


def _wait(issuer: str, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"{issuer}/jwks", trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:  # not up yet
            time.sleep(0.1)
    raise SystemExit("the API process does not listen")


@contextmanager
def both() -> Iterator[tuple[list[Side], Settings]]:
    """Ours, and the control where Node and its package are."""
    with ExitStack() as stack:
        ours_at, control_at = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ilk-bench-"))) for _ in range(2)
        )
        relying = Relying()
        stack.callback(relying.close)
        side, settings = stack.enter_context(our_side(ours_at, relying))
        sides = [side]
        if absent := control.missing("oidc-provider"):
            print(json.dumps({"control": absent}))
        else:
            sides.append(stack.enter_context(control_side(control_at, relying)))
        yield sides, settings
