"""The conformance suite without a test runner: one line per promise, for ``interlock adapter check``."""

import inspect
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter

from adapters.kit.conformance import AdapterConformance
from adapters.kit.registry import Registered
from hub.ports import Extracting, Polled, Splitting

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
    suite = type("Suite", (_suite(found),), {"adapter": found.adapter, "samples": found.samples})()
    return [_score(suite, name) for name in vars(AdapterConformance) if name.startswith("test_")] + [
        _capability(found, port, words) for port, words in _CAPABILITIES
    ]


def _suite(found: Registered) -> type[AdapterConformance]:
    """The kit's suite, or the package's own ``conformance.Conformance`` where its wire needs another injection."""
    name = f"{found.package}.conformance"
    if not found.package or find_spec(name) is None:
        return AdapterConformance
    own: type[AdapterConformance] = import_module(name).Conformance
    return own


def _score(suite: AdapterConformance, name: str) -> Score:
    test = getattr(suite, name)
    promise = inspect.getdoc(test) or name
    started = perf_counter()
    try:
        test()
    except AssertionError as broken:
        return Score(promise, False, str(broken)[:300], _since(started))
    except Exception as error:  # the adapter's own: the scorecard must list it and go on
        return Score(promise, False, f"{type(error).__name__}: {error}"[:300], _since(started))
    return Score(promise, True, "", _since(started))


def _since(started: float) -> int:
    return round((perf_counter() - started) * 1000)


def _capability(found: Registered, port: type, words: str) -> Score:
    if isinstance(found.adapter, port):
        return Score(words, True)
    return Score(words, None, f"not declared: the adapter has no {port.__name__} methods")
