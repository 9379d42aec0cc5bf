"""``make recon-days``: the days on a PostgreSQL of their own; ends with 1 at the first disagreement."""

import argparse
import sys
import tempfile
from pathlib import Path

from interlock.database import migrate, open_pool
from interlock.engines import PostgresOptions, start_postgres
from tests.reconciliation.days.play import Line, Play, table


def main() -> int:
    """Play, print a line per day, and what disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sales", type=int, default=8, help="sales a day")
    parser.add_argument("--go-on", action="store_true", help="after a disagreement too")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ilk-") as name:
        folder = Path(name)
        server = start_postgres(folder, PostgresOptions(fsync=False))
        try:
            migrate(server.url)
            with open_pool(server.url, "days", min_size=1, max_size=8) as pool:
                return _play(Play(pool, folder / "recon", wanted.seed, wanted.sales), wanted.days, wanted.go_on)
        finally:
            server.stop()


def _play(play: Play, days: int, go_on: bool) -> int:
    lines: list[Line] = []
    print(table([]))
    for line in play.run(days):
        lines.append(line)
        print(table([line]).splitlines()[1], flush=True)
        for said in line.disagreements:
            print(f"    {said}")
        if line.disagreements and not go_on:
            return 1
    if any(line.disagreements for line in lines):
        return 1
    print(f"{len(lines)} days, {sum(x.ran for x in lines)} runs: the auditor agrees after every act.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
