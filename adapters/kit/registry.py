"""Adapters by name, through the entry-point group ``interlock.channels``: ours and anybody's."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from hub.ports import Adapter

GROUP = "interlock.channels"


@dataclass(frozen=True, slots=True)
class Registered:
    """An adapter, its package and where its samples lie."""

    name: str
    adapter: Adapter
    samples: Path
    package: str = ""


class AdapterUnknown(KeyError):
    """No installed package registers this name."""


@cache
def registered() -> dict[str, Registered]:
    """Every adapter that is installed, by name. Raises ``TypeError`` for an entry point that is no adapter."""
    found = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        adapter = point.load()
        if not isinstance(adapter, Adapter):
            raise TypeError(f"entry point {point.name} = {point.value} is no adapter: see hub.ports.Adapter")
        module = import_module(point.module)
        samples = Path(str(module.__file__)).parent / "samples"
        found[point.name] = Registered(point.name, adapter, samples, point.module)
    return found


def adapter_named(name: str) -> Registered:
    """The adapter of a channel; raises ``AdapterUnknown`` naming those there are."""
    try:
        return registered()[name]
    except KeyError as error:
        raise AdapterUnknown(f"no adapter {name!r}; installed are: {', '.join(registered())}") from error
