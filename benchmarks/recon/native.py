"""The same day as the other systems write it: the agents' extract (NDJSON) and a WeChat Pay trade bill (CSV).

    <folder>/native/<date>/agents.ndjson
    <folder>/native/<date>/wechat-bill.csv

Their forms: ``wire``. What they cannot say (``Case.native``) is undisturbed in them; the truth marks these cases.
"""

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.recon.shape import World
from benchmarks.recon.things import things_sql
from benchmarks.recon.views import side_sql
from benchmarks.recon.wire import BILL_HEADER, BILL_SUMMARY, BILL_TOTALS, agents_sql, bill_sql
from benchmarks.recon.world import chunks, invented, persons, prepare

_TEXT = "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x1f')"


def native_place(folder: Path, day: date) -> Path:
    """Where the native files of a date are."""
    return folder / "native" / day.isoformat()


def generate_native(folder: Path, world: World, blind: Callable[[str], str] = invented) -> Path:
    """Write both native files of both dates below ``folder``."""
    days = (world.eve, world.day)
    totals = {day: [0, 0, 0, 0] for day in days}
    for day in days:
        native_place(folder, day).mkdir(parents=True, exist_ok=True)
    with duckdb.connect(":memory:") as engine:
        prepare(engine, folder)
        persons(engine, blind)
        for number, orders in enumerate(chunks(world)):
            engine.execute(f"CREATE OR REPLACE TABLE things AS {things_sql(world, orders)}")
            for day in days:
                place = native_place(folder, day)
                said = side_sql(world, "agents", day, native=True)
                _text(engine, agents_sql(said), place / f"agents-{number:05d}.part")
                engine.execute(f"CREATE OR REPLACE TABLE bill AS {side_sql(world, 'wechat', day, native=True)}")
                _text(engine, bill_sql(), place / f"bill-{number:05d}.part")
                for position, part in enumerate(engine.execute(BILL_TOTALS).fetchone() or ()):
                    totals[day][position] += part
    for day in days:
        place = native_place(folder, day)
        _together(place / "agents.ndjson", sorted(place.glob("agents-*.part")))
        _together(
            place / "wechat-bill.csv",
            sorted(place.glob("bill-*.part")),
            f"\ufeff{BILL_HEADER}\r\n",
            _trailer(totals[day]),
        )
    return folder / "native"


def _text(engine: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    engine.execute(f"COPY ({query}) TO '{path}' {_TEXT}")


def _together(path: Path, pieces: Sequence[Path], before: str = "", after: str = "") -> None:
    with path.open("wb") as whole:
        whole.write(before.encode())
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
            piece.unlink()
        whole.write(after.encode())


def _trailer(totals: Sequence[int]) -> str:
    """The summary: lines, yuan paid, yuan given back, fees (five decimals)."""
    count, paid, back, fee = totals
    money = [_yuan(paid), _yuan(back), "0.00", f"{fee // 100_000}.{fee % 100_000:05d}", _yuan(paid), _yuan(back)]
    return f"{BILL_SUMMARY}\r\n`{',`'.join([str(count), *money])}\r\n"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
