"""The conformance suite without a test runner: one line per promise, for ``interlock adapter check``."""

import inspect
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from unittest import SkipTest

from adapters.kit.conformance import AdapterConformance, promises
from adapters.kit.conformance.fields import Fields
from adapters.kit.folding import order_of
from adapters.kit.registry import Registered
from hub.ports import Extracting, Polled, Splitting
from schemas.observation import Observation

_TIMES = 5
_CAPABILITIES = ((Splitting, "splits documents"), (Polled, "is polled"), (Extracting, "hands out its day"))


@dataclass(frozen=True, slots=True)
class Score:
    """One promise: kept, broken (``detail`` says how) or not declared (``kept`` is None)."""

    promise: str
    kept: bool | None
    detail: str = ""
    milliseconds: int = 0


def scorecard(found: Registered) -> list[Score]:
    """Run every promise on the adapter's samples; an exception of the adapter is a broken promise, not ours."""
    suite = _suite(found)
    kept = [_score(suite, name) for name in promises(type(suite))]
    return [*kept, *(_capability(found, port, words) for port, words in _CAPABILITIES), _parse_time(found, suite)]


def _suite(found: Registered) -> AdapterConformance:
    """The kit's suite over this adapter's samples, or the package's own ``conformance.Conformance``."""
    name = f"{found.package}.conformance"
    own: type[AdapterConformance] = AdapterConformance
    if found.package and find_spec(name) is not None:
        own = import_module(name).Conformance
    made: AdapterConformance = type("Suite", (own,), {"adapter": found.adapter, "samples": found.samples})()
    return made


def wire_of(found: Registered) -> Fields | None:
    """How this adapter's messages are opened field by field; None when nobody declared its columns."""
    try:
        return _suite(found).wire()
    except LookupError:
        return None


def _score(suite: AdapterConformance, name: str) -> Score:
    test = getattr(suite, name)
    promise = inspect.getdoc(test) or name
    started = perf_counter()
    try:
        test()
    except SkipTest as undeclared:
        return Score(promise, None, str(undeclared), _since(started))
    except AssertionError as broken:
        return Score(promise, False, str(broken)[:1500], _since(started))
    except Exception as error:  # the adapter's own: the scorecard must list it and go on
        return Score(promise, False, f"{type(error).__name__}: {error}"[:1500], _since(started))
    return Score(promise, True, "", _since(started))


def _since(started: float) -> int:
    return round((perf_counter() - started) * 1000)


def _capability(found: Registered, port: type, words: str) -> Score:
    if isinstance(found.adapter, port):
        return Score(words, True)
    return Score(words, None, f"not declared: the adapter has no {port.__name__} methods")


def _parse_time(found: Registered, suite: AdapterConformance) -> Score:
    """For information, never a promise: this machine may be busy. ``python -m benchmarks`` holds the bar."""
    name = "information: microseconds to parse a message of one ticket"
    messages = [
        (raw, len(order_of(seen).tickets))
        for _, raw in suite.natives()
        if isinstance(seen := found.adapter.parse(raw), Observation)
    ]
    single = [raw for raw, tickets in messages if tickets == 1]
    if not single:
        return Score(name, None, "no sample has exactly one ticket")
    best = min(_timed(found, raw) for raw in single for _ in range(_TIMES))
    return Score(name, None, f"{best * 1e6:.0f} at best, of {len(single)} samples")


def _timed(found: Registered, raw: bytes) -> float:
    started = perf_counter()
    found.adapter.parse(raw)
    return perf_counter() - started
