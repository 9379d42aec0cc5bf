"""A document from its bytes: JSON or YAML, every fault with its place, none thrown at the first.

A key that stands twice is a fault: both formats would silently take the last. YAML is read as of version 1.2: in 1.1
the word ``on`` would be a truth value and an unquoted 23:00 the number 1380.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from reconciliation.definitions.model import Definition, View

SUFFIXES = (".json", ".yaml", ".yml")
Document = Definition | View


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a document, or a thing that is valid but unwise. ``place`` is a JSON pointer into it."""

    file: str
    place: str
    severity: Literal["error", "warning"]
    said: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


class DocumentError(ValueError):
    """A document is wrong; ``findings`` says each place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f"{f.file} {f.place}: {f.said}" for f in self.findings))


def read_document(path: Path) -> Document:
    """A pair or a view from a file named after it. Raises DocumentError with every fault, OSError."""
    return _parsed(path.read_bytes(), path.name)


def parse_document(raw: bytes, file: str) -> Document:
    """The same from bytes; ``file`` gives the format by its ending and the name by its stem."""
    content = _content(raw, file)
    model: type[Document] = View if "pairs" in content else Definition
    try:
        found = model.model_validate({key: value for key, value in content.items() if key != "$schema"})
    except ValidationError as error:
        raise DocumentError(_finding(file, one) for one in error.errors(include_url=False)) from error
    if Path(file).stem != found.name:
        said = f"the document is called {found.name!r}, its file {file!r}"
        raise DocumentError([Finding(file, "/name", "error", said, "Name the file after the document.")])
    return found


@lru_cache(maxsize=256)
def _parsed(raw: bytes, file: str) -> Document:
    # Every round of the schedule reads the folder again; what it reads has seldom changed.
    return parse_document(raw, file)


def _content(raw: bytes, file: str) -> Mapping[str, Any]:
    try:
        text = raw.decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_once) if file.endswith(".json") else _yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentError([_not_read(file, error)]) from error
    if not isinstance(content, dict):
        said = f"the document is a {type(content).__name__}, expected names and values"
        raise DocumentError([Finding(file, "", "error", said, "Begin with `name: ...`.")])
    return content


def _not_read(file: str, error: Exception) -> Finding:
    kind = "JSON" if file.endswith(".json") else "YAML"
    return Finding(file, "", "error", f"this is no {kind}: {error}", "Correct the line it names.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands twice")
        found[key] = value
    return found


def _yaml(text: str) -> Any:
    waiting = [yaml.compose(text, Loader=_Yaml12)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            _once([(str(key), None) for key in keys])
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return yaml.load(text, Loader=_Yaml12)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """YAML's own rules for what a bare word is, without those of 1.1 that YAML 1.2 has dropped."""
    replaced = {"tag:yaml.org,2002:bool": "true|false", "tag:yaml.org,2002:int": "[-+]?[0-9]+"}
    return {
        first: [(tag, re.compile(f"^(?:{replaced[tag]})$") if tag in replaced else rule) for tag, rule in rules]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Yaml12: Any = type("_Yaml12", (yaml.SafeLoader,), {"yaml_implicit_resolvers": _resolvers()})


_REMEDIES: Mapping[str, str] = {
    "extra_forbidden": "Remove it, or correct its spelling.",
    "missing": "Add it.",
    "literal_error": "Take one of the words it names.",
    "union_tag_invalid": "Take one of the passes it names.",
    "union_tag_not_found": "Say which pass it is: `pass: exact`.",
    "string_pattern_mismatch": "Use small letters, digits and hyphens, beginning with a letter.",
    "too_short": "Name at least one.",
}


def _finding(file: str, error: Any) -> Finding:
    place = "".join(f"/{part}" for part in error["loc"])
    said = str(error["msg"]).removeprefix("Value error, ")
    given = "" if error["type"] in {"missing", "value_error"} else f" (found {error['input']!r})"
    remedy = _REMEDIES.get(error["type"], "Correct the value; `definition.schema.json` describes every field.")
    return Finding(file, place, "error", said[:1].lower() + said[1:] + given[:200], remedy)
