"""CPU time that processes spend: what a message costs, whatever else the machine does at that moment."""

from collections.abc import Iterable

import psutil


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and their children so far."""
    return sum(sum(process.cpu_times()[:2]) for pid in pids for process in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
