"""`make bench-sso` (see `benchmarks.sso`)."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from statistics import median

from rich.table import Table

from benchmarks.sso.load import play
from benchmarks.sso.stage import Side, both
from benchmarks.sso.talks import TALKS, Talk
from benchmarks.tables import show
from interlock.settings import Settings
from tests.conformance import control

CONNECTIONS = 8
WARMING_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Round:
    """One side, one row, some seconds: how many requests, and what they cost."""

    requests: int
    wrong: int
    cpu_s: float
    store_cpu_s: float
    p50_ms: float
    p95_ms: float

    @property
    def per_cpu_second(self) -> float:
        return self.requests / self.cpu_s

    @property
    def per_cpu_second_with_store(self) -> float:
        return self.requests / (self.cpu_s + self.store_cpu_s)


def measure(side: Side, talk: Talk, seconds: float) -> Round:
    play(side.port, [talk.make(side, 0)], WARMING_SECONDS, talk.wanted)
    talkers = [talk.make(side, number) for number in range(CONNECTIONS)]
    before = side.spent()
    result = play(side.port, talkers, seconds, talk.wanted)
    after = side.spent()
    return Round(
        len(result.latencies),
        result.wrong,
        after[0] - before[0],
        after[1] - before[1],
        result.percentile_ms(0.5),
        result.percentile_ms(0.95),
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sso", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each row, each side, each round")
    parser.add_argument("--only", default="", help="rows whose title begins so")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with both() as (sides, settings):
        talks = [talk for talk in TALKS if talk.title.startswith(options.only)]
        played: dict[str, dict[str, list[Round]]] = {talk.title: {} for talk in talks}
        for _ in range(options.rounds):
            for talk in talks:
                for side in sides if talk.control else sides[:1]:
                    rounds = played[talk.title].setdefault(side.subject.name, [])
                    rounds.append(measure(side, talk, options.seconds))
        if options.json:
            said = {
                title: {name: [asdict(each) for each in rounds] for name, rounds in row.items()}
                for title, row in played.items()
            }
            print(json.dumps(said, indent=2))
        _print(talks, played, settings)


def _print(talks: Sequence[Talk], played: Mapping[str, Mapping[str, Sequence[Round]]], settings: Settings) -> None:
    table = Table(
        title=f"requests for each CPU-second of the server's process, {CONNECTIONS} connections; median of rounds"
    )
    for head in ("", "ours", "with PostgreSQL", "node", "ours/node", "p50 / p95 ms", "bar", ""):
        table.add_column(head, justify="left" if not head else "right")
    for talk in talks:
        row = played[talk.title]
        ours, node = _median(row["ours"]), _median(row.get("control", []))
        p50, p95 = median(each.p50_ms for each in row["ours"]), median(each.p95_ms for each in row["ours"])
        met = (ours or 0) >= (talk.bar or 0) and (talk.bar_ms is None or p95 < talk.bar_ms)
        wrong = sum(each.wrong for rounds in row.values() for each in rounds)
        table.add_row(
            talk.title,
            f"{ours:,.0f}",
            f"{median(each.per_cpu_second_with_store for each in row['ours']):,.0f}",
            f"{node:,.0f}" if node else "-",
            f"{ours / node:.2f}" if ours and node else "-",
            f"{p50:.1f} / {p95:.1f}",
            f">= {talk.bar:,}" if talk.bar else f"p95 < {talk.bar_ms} ms",
            f"{wrong} WRONG" if wrong else "met" if met else "missed",
        )
    show(table)
    print(
        f"password hash: argon2id m={settings.argon2_memory_kib} KiB t={settings.argon2_passes}"
        f" p={settings.argon2_lanes}; ours: authlib {version('authlib')}, PostgreSQL with every commit on disk;"
        f" node: oidc-provider {control.version('oidc-provider')}, state in memory"
    )
    for title, row in played.items():
        print(f"  {title}: {'; '.join(_spent(name, rounds) for name, rounds in row.items())}")


def _spent(name: str, rounds: Sequence[Round]) -> str:
    requests, cpu_s = sum(each.requests for each in rounds), sum(each.cpu_s for each in rounds)
    store_cpu_s = sum(each.store_cpu_s for each in rounds)
    store = f" + {store_cpu_s:.1f} CPU-s of PostgreSQL" if store_cpu_s else ""
    return f"{name} {requests:,} requests in {cpu_s:.1f} CPU-s{store}"


def _median(rounds: Sequence[Round]) -> float | None:
    return median(each.per_cpu_second for each in rounds) if rounds else None


if __name__ == "__main__":
    main(sys.argv[1:])
