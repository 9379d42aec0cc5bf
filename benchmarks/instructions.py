"""Instructions that the calling thread spends in user space, counted by the processor (Linux, perf_event_open(2)).

A rate says as much about the neighbours on a machine as about the work; the number of instructions does not. It does
not see cache misses, so times are shown beside it. 1,000 thousand instructions are about 200 us of an idle core here.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

T = TypeVar("T")

_SYSCALL = {"x86_64": 298, "aarch64": 241}
_HARDWARE, _INSTRUCTIONS = 0, 1
_EXCLUDE_KERNEL_AND_HYPERVISOR = 1 << 5 | 1 << 6
_ROUNDS = 3


class _Attributes(ctypes.Structure):
    """``perf_event_attr`` in its first version; what is zero is off."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("sample_period", ctypes.c_uint64),
        ("sample_type", ctypes.c_uint64),
        ("read_format", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 2),
    )


@cache
def _counter() -> int | None:
    """A file descriptor that counts this thread's instructions; None where the kernel or the machine has none."""
    number = _SYSCALL.get(platform.machine()) if platform.system() == "Linux" else None
    if number is None:
        return None
    size = ctypes.sizeof(_Attributes)
    wanted = _Attributes(type=_HARDWARE, size=size, config=_INSTRUCTIONS, flags=_EXCLUDE_KERNEL_AND_HYPERVISOR)
    here, any_cpu, no_group = 0, -1, -1
    found = int(ctypes.CDLL(None).syscall(number, ctypes.byref(wanted), here, any_cpu, no_group, 0))
    return found if found >= 0 else None


def _count(counter: int) -> int:
    (counted,) = struct.unpack("q", os.read(counter, 8))
    return int(counted)


def thousands(work: Callable[[T], object], inputs: Sequence[T]) -> float | None:
    """Thousands of instructions for one call of ``work``, the mean over ``inputs``; the smallest of three rounds.

    A round before warms up. None where nobody counts.
    """
    counter = _counter()
    if counter is None:
        return None
    rounds = [_round(counter, work, inputs) for _ in range(_ROUNDS + 1)]
    return min(rounds[1:]) / len(inputs) / 1000


def _round(counter: int, work: Callable[[T], object], inputs: Sequence[T]) -> int:
    begun = _count(counter)
    for one in inputs:
        work(one)
    return _count(counter) - begun
