"""`python -m benchmarks.chaos`: break things for a few minutes, then count. Status 1 unless everything is there."""

import argparse
import fcntl
import json
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.chaos.faults import KINDS
from benchmarks.chaos.run import ChaosOptions, Report, play
from interlock.demo.show import sayer
from interlock.demo.stage import free_ports
from interlock.engines.directory import DataDirectory
from interlock.settings import Settings

SHOWN_MAX = 20


def main(arguments: list[str]) -> int:
    options, as_json, data_dir = _options(arguments)
    console = Console(stderr=as_json)
    # A data directory of its own, which is left for who wants to look at it: nothing of the demo's is touched.
    folder = data_dir or Path(tempfile.mkdtemp(prefix="chaos-"))
    (port,) = free_ports(1)
    settings = Settings(data_dir=folder, port=port, public_url=f"http://127.0.0.1:{port}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = DataDirectory.prepare(folder)
    with (directory.run / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        engines = settings.engines()
        try:
            report = play(settings, engines, options, sayer(console))
        finally:
            engines.stop()
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2, default=str))
    else:
        show(console, report)
        console.print(f"Logs, journals and the database are in {directory.path}", soft_wrap=True)
    return 0 if report.ok else 1


def _options(arguments: list[str]) -> tuple[ChaosOptions, bool, Path | None]:
    default = ChaosOptions()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=default.minutes, help="how long the day takes at least")
    parser.add_argument("--orders", type=int, default=default.orders, help="how many orders (100 or more)")
    parser.add_argument("--seed", type=int, default=default.seed, help="what the day and its faults are made from")
    parser.add_argument("--faults", type=int, help="how many things break (20 a minute)")
    parser.add_argument("--data-dir", type=Path, help="where engines, logs and journals live (a new folder)")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    told = parser.parse_args(arguments)
    if told.orders < 100 or not 0 < told.minutes <= 120:
        parser.error("at least 100 orders, more than 0 and at most 120 minutes")
    return ChaosOptions(told.minutes, told.orders, told.seed, told.faults), told.json, told.data_dir


def show(console: Console, report: Report) -> None:
    """The tables, then every finding, at most twenty of a kind."""
    faults = Table("fault", "times", "requests hit", title="Faults injected  注入的故障", title_justify="left")
    for kind in KINDS:
        if report.injected[kind]:
            faults.add_row(kind, str(report.injected[kind]), str(report.hit[kind] or ""))
    faults.add_row("all", str(sum(report.injected.values())), str(sum(report.hit.values())))
    console.print(faults)
    accounts = report.accounts
    table = Table("what", "number", title="The reckoning  清点", title_justify="left")
    rows: list[tuple[str, object]] = [
        ("orders", report.orders),
        ("messages", accounts.messages),
        ("requests with an answer", accounts.requests),
        ("deliveries due (event and channel)", accounts.events),
        ("deliveries that came again, same id", accounts.again),
        ("late messages (as seeded)", accounts.late),
        ("lost", len(accounts.lost)),
        ("doubled", len(accounts.doubled)),
        ("out of order", len(accounts.disordered)),
        ("rows where truth and ledger differ", len(report.disagreements)),
        ("complaints of the standing checks", len(report.complaints)),
        ("replay gives the same digest", "yes" if report.digest == report.replayed_digest else "NO"),
    ]
    rows += [
        (f"first attempt, {channel}: median, 99th percentile", f"{median:.0f}, {last:.0f} ms")
        for channel, (median, last) in report.first_attempt_ms.items()
    ]
    for what, number in rows:
        table.add_row(what, str(number))
    console.print(table)
    for title, findings in (
        ("lost", accounts.lost),
        ("doubled", accounts.doubled),
        ("out of order", accounts.disordered),
        ("truth and ledger", report.disagreements),
        ("check", report.complaints),
    ):
        for finding in findings[:SHOWN_MAX]:
            console.print(f"[red]{title}:[/] {finding}", soft_wrap=True)
    seconds = f"{report.seconds:.0f} s, seed {report.options.seed}"
    if report.not_injected:
        console.print(f"{report.not_injected} faults were left out: there was no more time for them.")
    console.print(
        f"[green]nothing lost, nothing doubled, all in order[/] ({seconds})"
        if report.ok
        else f"[red]not well[/] ({seconds})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
