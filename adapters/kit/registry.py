"""Adapters by name, through the entry-point group ``interlock.channels``: ours and anybody's. Or from a folder."""

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hub.ports import Adapter

GROUP = "interlock.channels"
_FROM_FOLDERS: set[str] = set()
"""Packages that came from folders: another folder's package of that name may take their place."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An adapter, its package and where its samples lie."""

    name: str
    adapter: Adapter
    samples: Path
    package: str = ""


class AdapterUnknown(KeyError):
    """No installed package registers this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class AdapterBroken(Exception):
    """A package registers an adapter that cannot be used; the sentence says which one and why."""


@cache
def registered() -> dict[str, Registered]:
    """Every adapter that is installed, by name. Raises ``AdapterBroken`` for one that cannot be used."""
    points: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        other = points.setdefault(point.name, point)
        if (other.value, _owner(other)) != (point.value, _owner(point)):
            both = " and ".join(f"{_owner(p)} ({p.value})" for p in (other, point))
            raise AdapterBroken(f"two packages register a channel {point.name!r}: {both}; uninstall one of them")
    return {name: loaded(point, f"package {_owner(point)}") for name, point in points.items()}


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def loaded(point: EntryPoint, whose: str) -> Registered:
    """The adapter of an entry point; raises ``AdapterBroken``, whatever its import does."""
    what = f"channel {point.name!r} of {whose} ({point.value})"
    try:
        adapter = point.load()
        module = import_module(point.module)
    except Exception as error:  # a stranger's module may raise anything: the operator must hear which and why
        raise AdapterBroken(f"{what} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(adapter, Adapter):
        raise AdapterBroken(f"{what} is no adapter: it lacks profile, parse or format (hub.ports.Adapter)")
    if adapter.profile.channel != point.name:
        raise AdapterBroken(f"{what} registers as {point.name!r}, but its profile says {adapter.profile.channel!r}")
    return Registered(point.name, adapter, Path(str(module.__file__)).parent / "samples", point.module)


def adapter_named(name: str) -> Registered:
    """The adapter of a channel; raises ``AdapterUnknown`` naming those there are."""
    try:
        return registered()[name]
    except KeyError as error:
        raise AdapterUnknown(f"no adapter {name!r}; installed are: {', '.join(registered())}") from error


def adapter_at(folder: Path) -> Registered:
    """The adapter in a folder that nobody installed: its ``pyproject.toml`` names the entry point.

    Raises ``AdapterBroken``. The folder is on the import path only while its package is imported, and a package of
    the same name from elsewhere is never taken for it.
    """
    declaration = folder / "pyproject.toml"
    if not declaration.is_file():
        raise AdapterBroken(f"{folder} has no pyproject.toml: `interlock adapter new` writes one")
    try:
        project = tomllib.loads(declaration.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AdapterBroken(f"{declaration} cannot be read: {error}") from error
    points = project.get("entry-points", {}).get(GROUP, {})
    if len(points) != 1:
        raise AdapterBroken(f'{declaration} names {len(points)} channels under entry-points."{GROUP}"; one is needed')
    ((name, value),) = points.items()
    point = EntryPoint(name, str(value), GROUP)
    source = next((folder / part for part in ("src", ".") if (folder / part / _top(point)).is_dir()), folder)
    with _importable(source.resolve(), _top(point)):
        return loaded(point, str(folder))


def _top(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


@contextmanager
def _importable(source: Path, package: str) -> Iterator[None]:
    """``source`` first on the import path; its package is read anew, and leaves no compiled files behind."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        origin = getattr(sys.modules[name], "__file__", None)
        if not (origin and Path(origin).is_relative_to(source)) and package not in _FROM_FOLDERS:
            raise AdapterBroken(f"a package must not be called {package!r}: that name is taken by another one")
        del sys.modules[name]
    _FROM_FOLDERS.add(package)
    compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(source))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(source))
        sys.dont_write_bytecode = compiled
