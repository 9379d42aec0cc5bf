"""What a run has measured, as tables: stages, rulers, bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks.recon.bench import COMPARING, Result, WayCost
from benchmarks.recon.cases import CHANNEL, PROCESSOR
from benchmarks.recon.measuring import GIB, Cost

NATIVE_SECONDS = 300.0
FULL_DAY = 20_000_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise: what was measured, what it may be, whether it is kept; None: not measured in this run."""

    promise: str
    measured: str
    kept: bool | None

    @property
    def word(self) -> str:
        return {True: "kept", False: "MISSED", None: "-"}[self.kept]


def stage_table(found: WayCost, rows: int) -> Table:
    """Every stage of every pair: seconds, CPU, memory, rows of the hub per CPU second."""
    table = Table(
        "pair", "stage", title=f"the day from {found.way} input, {rows:,} rows in the hub, {found.breaks:,} breaks"
    )
    for name in ("wall s", "CPU s", "GiB at most", "rows/CPU s"):
        table.add_column(name, justify="right")
    for cost in found.costs:
        pair, stage = cost.name.split(" ", 1)
        table.add_row(pair, stage, *_figures(cost), f"{rows / cost.cpu_s:,.0f}" if cost.cpu_s else "-")
    table.add_section()
    wall, cpu = found.whole
    table.add_row(
        "all", "without policy", f"{wall:.2f}", f"{cpu:.2f}", f"{_most(found.costs):.2f}", f"{rows / cpu:,.0f}"
    )
    return table


def cost_table(costs: tuple[Cost, ...], title: str) -> Table:
    """Stretches of time, with what they took."""
    table = Table("stage", title=title)
    for name in ("wall s", "CPU s", "GiB at most"):
        table.add_column(name, justify="right")
    for cost in costs:
        table.add_row(cost.name, *_figures(cost))
    return table


def _figures(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.wall_s:.2f}", f"{cost.cpu_s:.2f}", f"{cost.gib_max:.2f}"


def _most(costs: tuple[Cost, ...]) -> float:
    return max((cost.gib_max for cost in costs), default=0.0)


def ruler_table(result: Result) -> Table:
    """Our comparisons beside the rulers of the same run; ratios are of CPU, which neighbours leave alone."""
    table = Table("pair", title="three comparisons beside the rulers (match and classify; ratio of CPU seconds)")
    for name in ("ours wall s", "ours CPU s", "bare join wall s", "bare join CPU s", "ours / bare", "datacompy CPU s",
                 "datacompy / ours"):  # fmt: skip
        table.add_column(name, justify="right")
    ours = result.ways.get("canonical") or result.ways.get("native")
    for name, join in result.joins.items():
        wall, cpu = ours.total(COMPARING, (name,)) if ours else (0.0, 0.0)
        other = result.datacompy.get(name)
        table.add_row(
            name, f"{wall:.2f}", f"{cpu:.2f}", f"{join.wall_s:.2f}", f"{join.cpu_s:.2f}", _ratio(cpu, join.cpu_s),
            f"{other.cpu_s:.2f}" if other else "-", _ratio(other.cpu_s, cpu) if other else "-",
        )  # fmt: skip
    if result.floor:
        table.caption = (
            f"reading and hashing hub and channel once: {result.floor.wall_s:.2f} s, CPU {result.floor.cpu_s:.2f} s"
        )
    return table


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if other else "-"


def bars(result: Result, before: dict[str, Any] | None = None) -> Iterator[Bar]:
    """The promises of the issue, with what this run says of them. ``before``: the JSON of a run of another size."""
    canonical, native = result.ways.get("canonical"), result.ways.get("native")
    if canonical is not None:
        wall, cpu = canonical.total(COMPARING)
        join_wall = sum(cost.wall_s for cost in result.joins.values())
        join_cpu = sum(cost.cpu_s for cost in result.joins.values())
        said = f"{cpu / join_cpu:.2f}x in CPU, {wall / join_wall:.2f}x in wall time"
        yield Bar("three comparisons within 2x of the bare joins", said, cpu <= 2 * join_cpu and wall <= 2 * join_wall)
        most = canonical.bytes_max([*COMPARING, "identify", "persist"]) / GIB
        yield Bar("from Parquet under 2 GB (all processes)", f"{most:.2f} GiB", most * GIB < 2e9)
        yield _datacompy_bar(result, canonical)
        yield Bar("truth score perfect, from rows", _told(canonical), canonical.score.perfect)
    if native is not None:
        wall, _ = native.whole
        full = result.world.rows >= FULL_DAY
        yield Bar(
            "native files to persisted run, 20 M rows in 5 min",
            f"{wall:.1f} s",
            wall <= NATIVE_SECONDS if full else None,
        )
        yield Bar("truth score perfect, from native files", _told(native), native.score.perfect)
    if before is not None and canonical is not None:
        yield _linear_bar(result, canonical, before)


def _told(found: WayCost) -> str:
    names = ("seeded", "found", "wrong_kind", "missed", "invented")
    return ", ".join(f"{found.score.total(name):,} {name.replace('_', ' ')}" for name in names)


def _datacompy_bar(result: Result, ours: WayCost) -> Bar:
    promise = "at least 15x faster than datacompy (Polars) at 2 M"
    if not result.datacompy:
        return Bar(promise, "not run: only up to 2 M rows, and `make .venv/.installed-bench`", None)
    _, cpu = ours.total(COMPARING, (CHANNEL, PROCESSOR))
    wall, _ = ours.total(COMPARING, (CHANNEL, PROCESSOR))
    their_cpu = sum(cost.cpu_s for cost in result.datacompy.values())
    their_wall = sum(cost.wall_s for cost in result.datacompy.values())
    ratio, wall_ratio = their_cpu / cpu, their_wall / wall
    return Bar(promise, f"{ratio:.1f}x in CPU, {wall_ratio:.1f}x in wall time", min(ratio, wall_ratio) >= 15)


def _linear_bar(result: Result, ours: WayCost, before: dict[str, Any]) -> Bar:
    """Cost per row, of the whole way, against the run of another size."""
    _, cpu = ours.whole
    earlier = before["ways"]["canonical"]["whole"][1] / before["hub_rows"]
    ratio = (cpu / result.hub_rows) / earlier
    return Bar(
        f"linear: CPU per row as with {before['hub_rows']:,} rows, give or take a quarter",
        f"{ratio:.2f}x",
        ratio <= 1.25,
    )


def bar_table(found: list[Bar]) -> Table:
    table = Table("promise", "measured", "", title="bars")
    for bar in found:
        table.add_row(bar.promise, bar.measured, bar.word)
    return table
