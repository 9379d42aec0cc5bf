"""Which documents there are: those of the package, and the operator's own in ``<data_dir>/recon/definitions``.

An own document with the name of a shipped one replaces it. One that is wrong takes only its own pair out of the day,
never the others: it is listed under ``broken``, with every fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from reconciliation.definitions.model import Definition, View
from reconciliation.definitions.reading import SUFFIXES, DocumentError, Finding, parse_document, read_document

SCHEMA_NAME = "definition.schema.json"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Documents by name. ``origins``: where each comes from; ``replaced``: shipped ones that an own one stands for."""

    pairs: Mapping[str, Definition]
    views: Mapping[str, View]
    origins: Mapping[str, str]
    replaced: tuple[str, ...] = ()
    broken: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)


@cache
def shipped() -> Catalogue:
    """The documents of the package."""
    folder = files("reconciliation").joinpath("definitions")
    entries = [e for e in folder.iterdir() if e.name.endswith(SUFFIXES) and e.name != SCHEMA_NAME]
    found = [parse_document(entry.read_bytes(), entry.name) for entry in entries]
    return _catalogue(found, dict.fromkeys((d.name for d in found), "shipped"))


def catalogue(folder: Path | None = None) -> Catalogue:
    """The shipped documents with those of an operator's ``folder``, which need not exist."""
    base = shipped()
    if folder is None or not folder.is_dir():
        return base
    documents: dict[str, Definition | View] = {**base.pairs, **base.views}
    origins = dict(base.origins)
    broken: dict[str, tuple[Finding, ...]] = {}
    own = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.name != SCHEMA_NAME)
    for path in own:
        try:
            if origins.get(path.stem) not in {None, "shipped"}:
                said = f"{Path(origins[path.stem]).name} has the same name"
                raise DocumentError([Finding(path.name, "/name", "error", said, "Remove one of the two files.")])
            documents[path.stem] = read_document(path)
        except DocumentError as error:
            documents.pop(path.stem, None)
            broken[path.stem] = (*broken.get(path.stem, ()), *error.findings)
        origins[path.stem] = str(path)
    replaced = tuple(sorted(path.stem for path in own if path.stem in base.origins))
    return _catalogue(list(documents.values()), origins, replaced, broken)


def _catalogue(
    documents: Sequence[Definition | View],
    origins: Mapping[str, str],
    replaced: tuple[str, ...] = (),
    broken: Mapping[str, tuple[Finding, ...]] | None = None,
) -> Catalogue:
    in_order = sorted(documents, key=lambda d: d.name)
    return Catalogue(
        pairs={d.name: d for d in in_order if isinstance(d, Definition)},
        views={d.name: d for d in in_order if isinstance(d, View)},
        origins=origins,
        replaced=replaced,
        broken=broken or {},
    )


def definitions(folder: Path | None = None) -> Mapping[str, Definition]:
    """The pairs by name; with ``folder``, the operator's own among them."""
    return catalogue(folder).pairs


def views(folder: Path | None = None) -> Mapping[str, View]:
    """The views by name."""
    return catalogue(folder).views


def chosen(names: Sequence[str] | None, folder: Path | None = None) -> tuple[Definition, ...]:
    """The pairs of these names, or all; raises KeyError for a name that does not exist."""
    known = definitions(folder)
    return tuple(known[name] for name in names) if names else tuple(known.values())


def load(path: Path) -> Definition:
    """A pair from a file; raises DocumentError naming each wrong place."""
    found = read_document(path)
    if isinstance(found, View):
        raise DocumentError([Finding(path.name, "/pairs", "error", "this is a view", "A pair has left and right.")])
    return found
