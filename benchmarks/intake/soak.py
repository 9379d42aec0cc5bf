"""`make soak`: steady sales for some minutes, and the memory that the processes take, every ten seconds.

Sales come in one by one over HTTP and are told to the phone channel, whose system is a sink: the API process, the
worker (with its pool) and beat run as in service. Memory is flat when the last third of the run takes no more than the
middle third: the first one fills caches and pools.
"""

import argparse
import json
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from statistics import mean

import psutil

from benchmarks.delivery_traffic import Sink, open_sink
from benchmarks.intake import traffic
from benchmarks.intake.load import Call, play
from benchmarks.intake.stage import Stage, stage

EVERY_SECONDS = 10.0
AT_ONCE = 500
CONNECTIONS = 16
BAR_GROWTH = 0.05
WATCHED = ("api", "worker")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.intake.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    samples: list[dict[str, float]] = []
    with open_sink() as sink, stage(told=f"{sink.url}/hub") as played:
        over = threading.Event()
        sent = [0]
        sender = threading.Thread(target=_send, args=(played, over, sent), daemon=True)
        sender.start()
        for sample in _watch(played, sink, sent, options.minutes * 60):
            samples.append(sample)
            if not options.json:
                print(_line(sample), flush=True)
        over.set()
        sender.join()
    growth = {name: _growth([sample[name] for sample in samples]) for name in WATCHED}
    if options.json:
        print(json.dumps({"samples": samples, "growth": growth}, indent=2))
    else:
        print("the last third beside the middle third: " + ", ".join(f"{n} {g:+.1%}" for n, g in growth.items()))
    if max(growth.values()) > BAR_GROWTH:
        raise SystemExit(f"memory is not flat: more than {BAR_GROWTH:.0%}")


def _send(played: Stage, over: threading.Event, sent: list[int]) -> None:
    for turn in count():
        if over.is_set():
            return
        messages = traffic.sales(AT_ONCE, turn * AT_ONCE)
        path, headers = "/v1/channels/web/messages", played.headers()
        calls = [Call(path, headers | {"webhook-id": secrets.token_hex(8)}, raw) for raw in messages]
        result = play(played.hub_port, calls, CONNECTIONS)
        if result.refused:
            raise SystemExit(f"refused: {result.refused}")
        sent[0] += len(calls)


def _watch(played: Stage, sink: Sink, sent: list[int], seconds: float) -> Iterator[dict[str, float]]:
    begun = time.monotonic()
    for turn in count(1):
        time.sleep(max(0.0, begun + turn * EVERY_SECONDS - time.monotonic()))
        memory = {name: _resident_mb(played.processes[name]) for name in WATCHED}
        yield {"seconds": time.monotonic() - begun, "sent": sent[0], "delivered": sink.received} | memory
        if time.monotonic() - begun >= seconds:
            return


def _resident_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB; pages that they share count for each."""
    parent = psutil.Process(pid)
    return float(sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))) / 1e6


def _line(sample: dict[str, float]) -> str:
    memory = "  ".join(f"{name} {sample[name]:7.1f} MB" for name in WATCHED)
    return f"{sample['seconds']:6.0f} s  {sample['sent']:8,.0f} sent  {sample['delivered']:8,.0f} delivered  {memory}"


def _growth(series: list[float]) -> float:
    """How much more the last third takes than the middle one."""
    third = max(1, len(series) // 3)
    return mean(series[-third:]) / mean(series[-2 * third : -third] or series) - 1


if __name__ == "__main__":
    main(sys.argv[1:])
