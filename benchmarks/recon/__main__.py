"""`python -m benchmarks.recon`: make a world, score an engine's answer, or measure our own.

generate FOLDER --rows 2000000            a world with its truth and native files
score FOLDER found.parquet                an engine's answer against the truth of that world; exit 1 if not perfect
bench --rows 2000000                      the whole table (`make bench-recon`)
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.recon.bench import Asked, measure, write_json
from benchmarks.recon.direct import ENGINES, Direct
from benchmarks.recon.measuring import Meter
from benchmarks.recon.native import generate_native
from benchmarks.recon.report import bar_table, bars, cost_table, ruler_table, stage_table
from benchmarks.recon.score import Score, score, score_table
from benchmarks.recon.shape import World
from benchmarks.recon.world import generate
from benchmarks.tables import show


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    actions = {"generate": _generate, "score": _score, "engine": _engine, "bench": _bench}
    return actions[options.action](options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.recon", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("generate", help="make a world")
    make.add_argument("folder", type=Path)
    found = actions.add_parser("score", help="score an engine's answer")
    found.add_argument("folder", type=Path, help="the world")
    found.add_argument("found", type=Path, help="Parquet or CSV: business_date, definition, kind, key[, state, amount]")
    found.add_argument("--native", action="store_true", help="the engine read the native files")
    alone = actions.add_parser("engine", help="an engine of ours alone")
    alone.add_argument("--engine", choices=sorted(ENGINES), default="duckdb")
    bench = actions.add_parser("bench", help="measure our own engine")
    bench.add_argument(
        "--work", type=Path, help="a folder for everything; default: a temporary one, removed at the end"
    )
    bench.add_argument("--ways", nargs="+", choices=("canonical", "native"), default=["canonical", "native"])
    bench.add_argument("--no-datacompy", action="store_true")
    bench.add_argument("--policy", action="store_true", help="let a policy without rules look at every break too")
    bench.add_argument("--beside", type=Path, help="the --json of a run of another size, for the bar on linear cost")
    for one in (make, alone, bench):
        one.add_argument("--rows", type=int, default=2_000_000, help="rows of the hub's day, about")
        one.add_argument("--seed", type=int, default=1)
        one.add_argument("--rate", type=float, default=0.001, help="share of orders with each case")
    for one in (found, alone, bench):
        one.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _generate(options: argparse.Namespace) -> int:
    world = World(options.rows, options.seed, options.rate)
    generate(options.folder, world, say=print)
    generate_native(options.folder, world)
    return 0


def _score(options: argparse.Namespace) -> int:
    read = pq.read_table if options.found.suffix == ".parquet" else pa_csv.read_csv
    result = score(options.folder / "truth.parquet", read(options.found), native=options.native)
    return _told(result, f"{options.found} against {options.folder}", options.json)


def _engine(options: argparse.Namespace) -> int:
    world = World(options.rows, options.seed, options.rate)
    with tempfile.TemporaryDirectory(prefix="ilk-bench-") as work:
        folder = generate(Path(work) / "world", world, say=_say)
        meter = Meter()
        found = Direct(folder, world, Path(work), ENGINES[options.engine], stage=meter.lap).both_days()
        meter.stop()
        result = score(folder / "truth.parquet", found)
    show(cost_table(meter.costs, f"{options.engine} alone, both dates of a world of {world.rows:,} rows"))
    return _told(result, f"truth, {options.engine}", options.json)


def _told(result: Score, title: str, path: Path | None) -> int:
    """Print a score, keep it, and say by the exit code whether it is perfect."""
    show(score_table(result, title))
    if path is not None:
        path.write_text(json.dumps(result.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if result.perfect else 1


def _bench(options: argparse.Namespace) -> int:
    world = World(options.rows, options.seed, options.rate)
    with tempfile.TemporaryDirectory(prefix="ilk-bench-", dir=options.work) as work:
        result = measure(Path(work), world, Asked(options.ways, not options.no_datacompy, options.policy), _say)
    for way in options.ways:
        show(stage_table(result.ways[way], result.hub_rows))
        show(score_table(result.ways[way].score, f"truth, from {way} input"))
    show(ruler_table(result))
    before = json.loads(options.beside.read_bytes()) if options.beside else None
    kept = list(bars(result, before))
    show(bar_table(kept))
    if options.json:
        write_json(result, options.json)
    return 0 if all(found.score.perfect for found in result.ways.values()) else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
