"""`make bench-hub`: the hub's intake and its floor in turn, in one run, on engines of its own.

Bars (HUB.md, "Budget"): single native POST at 64 connections at least 40 % of the floor and p99 under 100 ms; NDJSON of
500 a request at least 25 % of its floor.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from benchmarks.intake import traffic
from benchmarks.intake.load import Call, Result, play
from benchmarks.intake.spending import cpu_seconds
from benchmarks.intake.stage import Stage, stage
from benchmarks.tables import show

CONNECTIONS = 64
LINES = 500


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second of both sides, in one round, and the hub's p50 and p99 in milliseconds.

    CPU in microseconds a message, of the server with its PostgreSQL.
    """

    floor: float
    hub: float
    floor_cpu_us: float
    hub_cpu_us: float
    p50_ms: float
    p99_ms: float

    @property
    def ratio(self) -> float:
        return self.hub / self.floor

    @property
    def cpu_ratio(self) -> float:
        return self.floor_cpu_us / self.hub_cpu_us


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.intake.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--single", type=int, default=3000, help="single messages a round")
    parser.add_argument("--bulk", type=int, default=5000, help="lines of NDJSON a round")
    parser.add_argument("--workers", type=int, default=1, help="API processes, of the hub and of the floor alike")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with stage(options.workers) as both:
        supply = _supply(options.rounds * 2 * (options.single + options.bulk) + 2 * 200)
        _single(both, supply, 200)
        singles = [_single(both, supply, options.single) for _ in range(options.rounds)]
        bulks = [_bulk(both, supply, options.bulk) for _ in range(options.rounds)]
    processes = f"{options.workers} API process{'es' if options.workers > 1 else ''}"
    _print(processes, {"single, 64 connections": singles, "NDJSON of 500": bulks}, as_json=options.json)


def _supply(count: int) -> Iterator[bytes]:
    return iter(traffic.sales(count))


def _single(both: Stage, supply: Iterator[bytes], count: int) -> Round:
    bare_calls = [Call("/one", {}, next(supply)) for _ in range(count)]
    headers = both.headers()
    calls = [
        Call("/v1/channels/web/messages", headers | {"webhook-id": secrets.token_hex(8)}, next(supply))
        for _ in range(count)
    ]
    return _round(both, count, bare_calls, calls, CONNECTIONS)


def _bulk(both: Stage, supply: Iterator[bytes], count: int) -> Round:
    bare_calls, calls, headers = [], [], both.headers()
    for _ in range(count // LINES):
        bare_calls.append(Call("/many", {}, b"".join(next(supply) + b"\n" for _ in range(LINES))))
        ids = [secrets.token_hex(8) for _ in range(LINES)]
        body = traffic.envelopes([next(supply) for _ in range(LINES)], ids)
        calls.append(Call("/v1/channels/web/messages/bulk", headers, body))
    return _round(both, count, bare_calls, calls, 2)


def _round(both: Stage, count: int, bare_calls: list[Call], calls: list[Call], connections: int) -> Round:
    bare, bare_cpu = _spent(both, "floor", lambda: play(both.floor_port, bare_calls, connections))
    hub, hub_cpu = _spent(both, "api", lambda: play(both.hub_port, calls, connections))
    if bare.refused or hub.refused:
        raise SystemExit(f"refused: floor {bare.refused}, hub {hub.refused}: this measures nothing")
    return Round(
        floor=count / bare.seconds,
        hub=count / hub.seconds,
        floor_cpu_us=bare_cpu / count * 1e6,
        hub_cpu_us=hub_cpu / count * 1e6,
        p50_ms=hub.percentile(0.5) * 1000,
        p99_ms=hub.percentile(0.99) * 1000,
    )


def _spent(both: Stage, server: str, work: Callable[[], Result]) -> tuple[Result, float]:
    """What ``work`` gave, and the CPU seconds that this server and PostgreSQL spent meanwhile."""
    pids = [both.processes[server], both.processes["postgres"]]
    before = cpu_seconds(pids)
    result = work()
    return result, cpu_seconds(pids) - before


def _print(processes: str, found: dict[str, list[Round]], *, as_json: bool) -> None:
    summary = {
        name: {
            "floor_per_second": median(r.floor for r in rounds),
            "hub_per_second": median(r.hub for r in rounds),
            "ratio": median(r.ratio for r in rounds),
            "floor_cpu_us": median(r.floor_cpu_us for r in rounds),
            "hub_cpu_us": median(r.hub_cpu_us for r in rounds),
            "cpu_ratio": median(r.cpu_ratio for r in rounds),
            "p50_ms": median(r.p50_ms for r in rounds),
            "p99_ms": max(r.p99_ms for r in rounds),
        }
        for name, rounds in found.items()
    }
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    table = Table(title=f"Intake beside its floor, {processes}, load {os.getloadavg()[0]:.1f}", title_justify="left")
    cpu = ("floor us", "hub us", "by CPU")
    for column in ("", "floor/s", "hub/s", "hub : floor", *cpu, "p50 ms", "p99 ms"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in summary.items():
        table.add_row(
            name,
            f"{row['floor_per_second']:,.0f}",
            f"{row['hub_per_second']:,.0f}",
            f"{row['ratio']:.0%}",
            f"{row['floor_cpu_us']:,.0f}",
            f"{row['hub_cpu_us']:,.0f}",
            f"{row['cpu_ratio']:.0%}",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
        )
    show(table)
    print("medians of the rounds (p99: the worst); of NDJSON, p50 and p99 are of a whole request of 500 messages")
    print("us: CPU of the server and PostgreSQL for a message, which other work on the machine changes least")


if __name__ == "__main__":
    main(sys.argv[1:])
