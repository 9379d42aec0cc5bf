"""The formats there are: those that come with Interlock, and the operator's own beside them.

An operator's document of the same name replaces the shipped one; both are checked when they are read.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from reconciliation.statements.document import FormatDocument


class FormatError(ValueError):
    """A document that is no format: every wrong place in one sentence."""


@dataclass(frozen=True, slots=True)
class Formats:
    """Documents by name. ``own``: the names that the operator's folder added or replaced; ``broken``: file -> what is
    wrong with a document there, which is then not used."""

    documents: dict[str, FormatDocument]
    own: tuple[str, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)

    def of(self, source: str) -> list[FormatDocument]:
        """The documents of a source's files, by name."""
        return [d for _, d in sorted(self.documents.items()) if d.source == source]

    def digest(self, source: str) -> str:
        """Changes when any document of the source does."""
        return hashlib.sha256("".join(d.digest for d in self.of(source)).encode()).hexdigest()


def load_format(text: str, name: str) -> FormatDocument:
    """A document from YAML or JSON text; raises FormatError that names ``name`` and each wrong place."""
    try:
        return FormatDocument.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise FormatError(f"{name} is neither YAML nor JSON: {error}") from error
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors())
        raise FormatError(f"{name}: {places}") from error


@cache
def shipped() -> tuple[FormatDocument, ...]:
    """The documents of the package."""
    entries = files("reconciliation.statements").joinpath("formats").iterdir()
    return tuple(
        load_format(entry.read_text(encoding="utf-8"), entry.name)
        for entry in sorted(entries, key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    )


@lru_cache(maxsize=64)
def _own(path: Path, modified_ns: int, size: int) -> FormatDocument:
    """An operator's document, read again when its file has changed."""
    return load_format(path.read_text(encoding="utf-8"), path.name)


def formats(folder: Path | None = None) -> Formats:
    """Every format; the operator's own of ``folder`` replace those of the same name."""
    found = {document.format: document for document in shipped()}
    own: list[str] = []
    broken: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
        if path.suffix in {".yaml", ".yml", ".json"}:
            try:
                at = path.stat()
                document = _own(path, at.st_mtime_ns, at.st_size)
            except (FormatError, UnicodeDecodeError) as error:
                # One wrong document must not stop the other processors' files; `formats check` tells of it.
                broken[path.name] = str(error)
                continue
            found[document.format] = document
            own.append(document.format)
    return Formats(found, tuple(own), broken)


def format_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a format document, as published in ``format.schema.json``."""
    schema = FormatDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Interlock statement format", **schema}


def schema_text() -> str:
    return json.dumps(format_schema(), ensure_ascii=False, indent=2) + "\n"
