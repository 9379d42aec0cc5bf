"""Golden pairs: ``samples/NAME.native.<ext>`` beside ``samples/NAME.canonical.json``, readable side by side.

A native sample is written by hand or taken from a channel; its canonical half is generated, then reviewed by a
person. CI compares and never writes. A canonical file without a native one is an orphan and fails.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.kit.folding import event_of, order_of
from hub.ports import Adapter
from schemas.observation import Observation

CANONICAL = ".canonical.json"
_NATIVE = ".native."


@dataclass(frozen=True, slots=True)
class Pair:
    """One sample: its name and its two files; the canonical one may not exist yet."""

    name: str
    native: Path
    canonical: Path


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong with one sample, in words."""

    name: str
    what: str


def pairs(samples: Path) -> Iterator[Pair]:
    """The samples of a folder in order of name."""
    for native in sorted(samples.glob(f"*{_NATIVE}*")):
        name = native.name.split(_NATIVE)[0]
        yield Pair(name, native, samples / f"{name}{CANONICAL}")


def orphans(samples: Path) -> list[Path]:
    """Canonical files whose native half is gone."""
    known = {pair.canonical for pair in pairs(samples)}
    return sorted(path for path in samples.glob(f"*{CANONICAL}") if path not in known)


def canonical_text(adapter: Adapter, raw: bytes) -> str:
    """What the adapter makes of a native message, as the text of a canonical file.

    Observations carry ``delivered_losses``: what the channel's language could not say, were the hub to hand the
    same order back.
    """
    answer = adapter.parse(raw)
    content = answer.model_dump(mode="json", exclude_none=True)
    if isinstance(answer, Observation):
        order = order_of(answer)
        formatted = adapter.format(event_of(answer, order, adapter.profile), order)
        losses = formatted.losses if formatted else ()
        content["delivered_losses"] = [loss.model_dump(mode="json", exclude_none=True) for loss in losses]
    kind = "observation" if isinstance(answer, Observation) else "rejection"
    return json.dumps({kind: content}, ensure_ascii=False, indent=2) + "\n"


def generate(adapter: Adapter, samples: Path, *, force: bool = False) -> list[Path]:
    """Write the canonical halves that are missing, with ``force`` all of them; returns what was written."""
    written = []
    for pair in pairs(samples):
        if force or not pair.canonical.exists():
            pair.canonical.write_text(canonical_text(adapter, pair.native.read_bytes()), encoding="utf-8")
            written.append(pair.canonical)
    return written


def compare(adapter: Adapter, samples: Path) -> list[Difference]:
    """Every sample that is not as reviewed; never writes."""
    found = [Difference(path.name, "has no native half: delete it or restore the sample") for path in orphans(samples)]
    for pair in pairs(samples):
        if not pair.canonical.exists():
            found.append(Difference(pair.name, "has no canonical half: generate and review it"))
            continue
        expected = pair.canonical.read_text(encoding="utf-8")
        actual = canonical_text(adapter, pair.native.read_bytes())
        if expected != actual:
            found.append(Difference(pair.name, _first_difference(expected, actual)))
    return found


def _first_difference(expected: str, actual: str) -> str:
    for number, (want, have) in enumerate(zip(expected.splitlines(), actual.splitlines(), strict=False), 1):
        if want != have:
            return f"line {number}: reviewed {want.strip()!r}, now {have.strip()!r}"
    return "one is longer than the other"
