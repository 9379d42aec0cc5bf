"""`make bench-hub`: the hub's intake and its floor in turn, in one run, on engines of its own.

Bars (HUB.md, "Budget"): single native POST at 64 connections at least 40 % of the floor and p99 under 100 ms; NDJSON of
500 a request at least 25 % of its floor.
"""

import argparse
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from benchmarks.intake import floor, traffic
from benchmarks.intake.load import Call, Result, play
from hub.store import channels
from hub.store import timetable as hub_timetable
from interlock.database import migrate
from interlock.engines import start_engines
from interlock.settings import Settings
from interlock.wiring import open_hub, sign_on
from schemas.timetable import timetable_document
from simulators import timetable
from sso.admin import Demo, seed_demo

CONNECTIONS = 64
LINES = 500


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second of both sides, in one round, and the hub's p50 and p99 in milliseconds."""

    floor: float
    hub: float
    p50_ms: float
    p99_ms: float

    @property
    def ratio(self) -> float:
        return self.hub / self.floor


@dataclass(frozen=True, slots=True)
class Stage:
    """Both servers, listening."""

    floor_port: int
    hub_port: int
    token: str


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.intake.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--single", type=int, default=3000, help="single messages a round")
    parser.add_argument("--bulk", type=int, default=5000, help="lines of NDJSON a round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with stage() as both:
        supply = _supply(options.rounds * 2 * (options.single + options.bulk) + 2 * 200)
        _single(both, supply, 200)
        singles = [_single(both, supply, options.single) for _ in range(options.rounds)]
        bulks = [_bulk(both, supply, options.bulk) for _ in range(options.rounds)]
    _print({"single POST, 64 connections": singles, "NDJSON, 500 a request": bulks}, as_json=options.json)


def _supply(count: int) -> Iterator[bytes]:
    return iter(traffic.sales(count))


def _single(both: Stage, supply: Iterator[bytes], count: int) -> Round:
    bare = play(both.floor_port, [Call("/one", {}, next(supply)) for _ in range(count)], CONNECTIONS)
    calls = [
        Call("/v1/channels/web/messages", _headers(both.token) | {"webhook-id": secrets.token_hex(8)}, next(supply))
        for _ in range(count)
    ]
    return _round(count, bare, play(both.hub_port, calls, CONNECTIONS))


def _bulk(both: Stage, supply: Iterator[bytes], count: int) -> Round:
    bare_calls, calls = [], []
    for _ in range(count // LINES):
        bare_calls.append(Call("/many", {}, b"".join(next(supply) + b"\n" for _ in range(LINES))))
        ids = [secrets.token_hex(8) for _ in range(LINES)]
        body = traffic.envelopes([next(supply) for _ in range(LINES)], ids)
        calls.append(Call("/v1/channels/web/messages/bulk", _headers(both.token), body))
    bare = play(both.floor_port, bare_calls, 2)
    return _round(count, bare, play(both.hub_port, calls, 2))


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "content-type": "application/json"}


def _round(count: int, bare: Result, hub: Result) -> Round:
    if bare.refused or hub.refused:
        raise SystemExit(f"refused: floor {bare.refused}, hub {hub.refused}: this measures nothing")
    return Round(count / bare.seconds, count / hub.seconds, hub.percentile(0.5) * 1000, hub.percentile(0.99) * 1000)


@contextmanager
def stage() -> Iterator[Stage]:
    """Engines, a migrated database with the timetable, the web channel connected, both servers up."""
    with tempfile.TemporaryDirectory(prefix="ilk-bench-") as folder:
        engines = start_engines(Path(folder))
        running: list[subprocess.Popen[bytes]] = []
        try:
            migrate(engines.database_url)
            floor_port, hub_port = _free_port(), _free_port()
            settings = Settings(
                data_dir=Path(folder),
                database_url=SecretStr(engines.database_url),
                redis_url=SecretStr(engines.redis_url),
                port=hub_port,
                public_url=f"http://127.0.0.1:{hub_port}",
            )
            secret = seed(settings)
            environment = os.environ | {
                floor.DATABASE: engines.database_url,
                "INTERLOCK_DATA_DIR": folder,
                "INTERLOCK_DATABASE_URL": engines.database_url,
                "INTERLOCK_REDIS_URL": engines.redis_url,
                "INTERLOCK_PORT": str(hub_port),
                "INTERLOCK_PUBLIC_URL": settings.public_url,
            }
            uvicorn = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--port"]
            running.append(
                subprocess.Popen([*uvicorn, str(floor_port), "benchmarks.intake.floor:application"], env=environment)
            )
            running.append(subprocess.Popen([sys.executable, "-m", "interlock", "serve", "api"], env=environment))
            _wait(floor_port)
            _wait(hub_port)
            yield Stage(floor_port, hub_port, _token(settings.public_url, secret))
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
            engines.stop()


def seed(settings: Settings) -> str:
    """The web channel, its client and the timetable; returns the client's secret."""
    secret = secrets.token_urlsafe(32)
    hub = open_hub(settings, "bench")
    try:
        with hub.pool.connection() as connection:
            signing = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            channels.register(connection, "web", None, signing, hub.seal, hub.clock())
            document = json.dumps(timetable.document(traffic.FIRST_DAY, days=traffic.DAYS))
            hub_timetable.load(connection, timetable_document.validate_json(document).trains)
        seed_demo(sign_on(hub), Demo(applications={}, channel_secrets={"web": secret}))
    finally:
        hub.close()
    return secret


def _token(hub_url: str, secret: str) -> str:
    basic = base64.b64encode(f"channel-web:{secret}".encode()).decode()
    request = urllib.request.Request(
        f"{hub_url}/sso/token",
        b"grant_type=client_credentials&scope=hub%3Amessages",
        {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"},
    )
    with urllib.request.urlopen(request) as response:
        token: str = json.load(response)["access_token"]
    return token


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(port: int, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens on port {port} after {seconds:.0f} s")


def _print(found: dict[str, list[Round]], *, as_json: bool) -> None:
    summary = {
        name: {
            "floor_per_second": median(r.floor for r in rounds),
            "hub_per_second": median(r.hub for r in rounds),
            "ratio": median(r.ratio for r in rounds),
            "p50_ms": median(r.p50_ms for r in rounds),
            "p99_ms": max(r.p99_ms for r in rounds),
        }
        for name, rounds in found.items()
    }
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    table = Table(title=f"Intake beside its floor, load {os.getloadavg()[0]:.1f}", title_justify="left")
    for column in ("", "floor/s", "hub/s", "hub : floor", "p50 ms", "p99 ms (worst round)"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in summary.items():
        table.add_row(
            name,
            f"{row['floor_per_second']:,.0f}",
            f"{row['hub_per_second']:,.0f}",
            f"{row['ratio']:.0%}",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
        )
    Console().print(table)
    print("medians of the rounds; of NDJSON, p50 and p99 are of a whole request of 500 messages")


if __name__ == "__main__":
    main(sys.argv[1:])
