"""The relay beside its peers, in one run: `python -m benchmarks.delivery [--orders N] [--rounds N] [--json]`.

    aiohttp     aiohttp posts the relay's signed bodies, 64 at once: no database, no order, no form
    post        the relay's own client does the same
    native      the pump's own drains, from the event log to the recorded attempt, for one channel by one process
    envelope    the same as CloudEvents
    shared      native for four channels of one process: an order is read and folded once for all
    worker      native for four channels by two processes, as a worker has them

The sink is an HTTP server in a process of its own. Rounds alternate; the median counts. Then sales come in from another
process at half the rate at which this machine takes them in (batches of 50), while this process drains: the delay is
from an event's commit to its first attempt. Once more with a backfill in the bulk lane. Compare ratios inside one run;
the load of the machine is printed.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.delivery_delays import Delays, backfill, delays
from benchmarks.delivery_rounds import TOLD, Rate, bodies, fill, open_stage, peer_aiohttp, peer_wire, relay, worker

BAR_PER_SECOND = 4000
BAR_P99_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; see the module."""

    orders: int
    load_before: float
    load_after: float
    intake: float
    aiohttp: Rate
    post: Rate
    native: Rate
    envelope: Rate
    shared: Rate
    worker: float
    alone: Delays
    backfill: int
    beside_backfill: Delays

    @property
    def slower(self) -> float:
        """How much later the slowest of a hundred live events is told when a backfill is under way."""
        return self.beside_backfill.p99_ms / max(self.alone.p99_ms, 0.001)


def measure(orders: int, rounds: int, seconds: float, backfilled: int) -> Figures:
    """Fill the log, then peers and relays in turn, then delays under a paced load."""
    load_before = os.getloadavg()[0]
    with open_stage() as stage:
        intake = fill(stage, orders)
        said = bodies(stage, min(orders, 2000))
        rates: dict[str, list[Rate]] = {name: [] for name in ("aiohttp", "post", "native", "envelope", "shared")}
        workers = []
        for _ in range(rounds):
            rates["aiohttp"].append(peer_aiohttp(stage, said))
            rates["post"].append(peer_wire(stage, said))
            rates["native"].append(relay(stage, TOLD[:1]))
            rates["envelope"].append(relay(stage, TOLD[:1], "cloudevents"))
            rates["shared"].append(relay(stage, TOLD))
            workers.append(worker(stage))
        alone = delays(stage, intake / 2, seconds)
        backfill(stage, backfilled)
        beside = delays(stage, intake / 2, seconds)
    middle = {name: _middle(found) for name, found in rates.items()}
    load_after = os.getloadavg()[0]
    return Figures(
        orders, load_before, load_after, intake, **middle, worker=median(workers), alone=alone, backfill=backfilled,
        beside_backfill=beside,
    )  # fmt: skip


def _middle(found: list[Rate]) -> Rate:
    return Rate(median(rate.per_second for rate in found), median(rate.cpu_us for rate in found))


def report(found: Figures) -> str:
    """The figures as sentences, the bars beside them."""
    kept = {True: "kept", False: "MISSED"}
    peer, alone, beside = found.aiohttp.per_second, found.alone, found.beside_backfill
    rates = (
        ("aiohttp", found.aiohttp, "the peer: only posts"),
        ("post", found.post, "our client: only posts"),
        ("native", found.native, "one channel, one process"),
        ("envelope", found.envelope, "the same as CloudEvents"),
        ("shared", found.shared, "four channels, one process"),
    )
    return "\n".join(
        (
            f"load average {found.load_before:.1f} before, {found.load_after:.1f} after; {os.cpu_count()} CPUs",
            *(
                f"{name:9}{rate.per_second:7,.0f}/s {rate.per_second / peer:5.0%} of aiohttp"
                f" {rate.cpu_us:5.0f} us CPU  {what}"
                for name, rate, what in rates
            ),
            f"worker   {found.worker:7,.0f}/s {found.worker / peer:5.0%} of aiohttp              "
            f"four channels, two processes; bar {BAR_PER_SECOND:,}/s {kept[found.worker >= BAR_PER_SECOND]}",
            f"intake   {found.intake:7,.0f}/s by one process; then paced at {alone.paced:,.0f}/s"
            f" and {beside.paced:,.0f}/s of {found.intake / 2:,.0f}/s wanted",
            f"delay    p50 {alone.p50_ms:.0f} ms, p99 {alone.p99_ms:.0f} ms from commit to first attempt;"
            f" bar {BAR_P99_MS:.0f} ms {kept[alone.p99_ms < BAR_P99_MS]}",
            f"backfill p50 {beside.p50_ms:.0f} ms, p99 {beside.p99_ms:.0f} ms while {beside.bulk_delivered:,} of"
            f" {found.backfill:,} bulk events went out: {found.slower:.2f} times the p99 without",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the paced load")
    parser.add_argument("--backfill", type=int, default=100_000, help="events in the bulk lane")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the engine is stopped also then
    found = measure(chosen.orders, chosen.rounds, chosen.seconds, chosen.backfill)
    print(json.dumps(asdict(found), indent=2) if chosen.json else report(found))


if __name__ == "__main__":
    main()
