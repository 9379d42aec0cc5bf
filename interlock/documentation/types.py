"""One page for every type of the contract, and the page that lists them, from the published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from interlock.documentation.markdown import code, prose, table
from interlock.documentation.states import machine_section
from schemas.compatibility import READING_RULE, snake
from schemas.equivalents import NONE, SYSTEMS, equivalents
from schemas.examples import examples_of
from schemas.meanings import meaning
from schemas.model import SCHEMA_VERSION
from schemas.publish import PUBLISHED, generated
from schemas.releases import schemas_of
from schemas.states import MACHINES
from schemas.upcasting import VERSIONS

Schema = Mapping[str, Any]

CODE_LISTS: Mapping[tuple[str, str], str] = {
    ("*", "seat_class"): "seat_class",
    ("seat", "position"): "seat_position",
    ("seat", "berth"): "berth",
    ("document", "type"): "document_type",
    ("passenger", "type"): "ticket_type",
    ("order_passenger", "type"): "ticket_type",
    ("*", "ticket_type"): "ticket_type",
    ("*", "method"): "payment_method",
    ("*", "processor"): "processor",
    ("*", "channel"): "sales_channel",
    ("override", "reason"): "override_reason",
    ("ticket", "state"): "ticket_state",
    ("problem", "code"): "problems",
    ("rejection", "code"): "problems",
}
"""(type, field) -> the code list its values come from; ``*`` is any type."""

_SHOWN_LINES_MAX = 70


def types_page() -> str:
    """The published types, each with a page of its own."""
    rows = [
        (
            f"[{name}](types/{name}.md)",
            _since(name),
            code(generated(name)["$id"]),
            f"[file](../../schemas/published/{SCHEMA_VERSION}/{name}.json)",
            _about(generated(name)),
        )
        for name in PUBLISHED
    ]
    return (
        f"# Schemas\n\nThe canonical contract, version {SCHEMA_VERSION} (released before: {', '.join(VERSIONS[:-1])}),"
        " as JSON Schema 2020-12. Each file stands alone, is closed (what the contract has no word for goes to"
        " `extensions`) and marks personal data with `x-personal` and, where the ledger keeps it encrypted, `x-sealed`."
        " `interlock schema validate FILE` checks a document, `interlock schema diff 1.0` says what has changed since"
        " and whom it breaks ([how to change it](../how-to/change-the-contract.md)). The reading rule is part of it:"
        f" {READING_RULE}. Whole stories: [journeys](journeys.md).\n\n"
        + table(("type", "since", "$id", "schema", "what it is"), rows)
    )


def type_page(name: str) -> str:
    """One type: its fields, the parts that have no page of their own, its states, its equivalents, an example."""
    schema = generated(name)
    parts = [
        f"# {name}\n\n{_about(schema)}\n\n`{schema['$id']}`, since {_since(name)},"
        f" [JSON Schema](../../../schemas/published/{SCHEMA_VERSION}/{name}.json),"
        " [all types](../schemas.md).\n"
    ]
    if "properties" in schema:
        parts.append(f"## Fields\n\n{_fields(name, schema)}")
    else:
        parts.append(f"## One of\n\n{_choices(schema)}")
    for title, part in _own_parts(schema):
        parts.append(f"## {snake(title)}\n\n{_about(part)}\n\n{_fields(snake(title), part)}")
    if name in MACHINES:
        parts.append(machine_section(name))
    if elsewhere := _elsewhere(name):
        parts.append(elsewhere)
    parts.append(_examples(name))
    return "\n".join(parts)


def _about(schema: Schema) -> str:
    return prose(str(schema.get("description") or "What happened to an order, told by one system: one of these kinds."))


@cache
def _files() -> Mapping[str, str]:
    """title -> name, for the types that have a page."""
    return {str(generated(name)["title"]): name for name in PUBLISHED}


def _own_parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The definitions of a type that are published nowhere else: they are explained on its page."""
    direct = _reached(schema, schema)
    for title, part in schema.get("$defs", {}).items():
        if title not in _files() and title in direct and "properties" in part:
            yield title, part


def _reached(node: Any, root: Schema) -> set[str]:
    """Definitions that are reached without passing through a type with a page of its own."""
    found: set[str] = set()
    if isinstance(node, Mapping):
        if isinstance(reference := node.get("$ref"), str):
            title = reference.rsplit("/", 1)[1]
            if title not in _files():
                found |= {title} | _reached(root["$defs"][title], root)
        for key, part in node.items():
            if key != "$defs":
                found |= _reached(part, root)
    elif isinstance(node, list):
        for part in node:
            found |= _reached(part, root)
    return found


def _choices(schema: Schema) -> str:
    rows = []
    for choice in schema.get("oneOf", schema.get("anyOf", ())):
        title = choice["$ref"].rsplit("/", 1)[1]
        kinds = _kind(schema["$defs"][title]["properties"].get("fact", {}))
        rows.append((_link(title), kinds, _about(schema["$defs"][title])))
    return table(("kind", "`fact`", "what happened"), rows)


def _fields(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(field),
            _kind(part),
            "yes" if field in required else "",
            _meaning(name, field, part),
            "sealed" if part.get("x-sealed") else "personal" if part.get("x-personal") else "",
            _since(name, field),
        )
        for field, part in schema["properties"].items()
    ]
    return table(("field", "form", "required", "meaning", "personal data", "since"), rows)


def _kind(part: Schema) -> str:
    """A field's form in words."""
    if "$ref" in part:
        return _link(part["$ref"].rsplit("/", 1)[1])
    if choices := part.get("anyOf") or part.get("oneOf"):
        forms = [_kind(choice) for choice in choices if choice.get("type") != "null"]
        return "fact, see [fact](fact.md)" if len(forms) > 3 else " or ".join(forms)
    if "const" in part:
        return code(str(part["const"]))
    if "enum" in part:
        return ", ".join(code(str(value)) for value in part["enum"])
    if part.get("type") == "array":
        return f"list of {_kind(part['items'])}{_bounds(part, 'minItems', 'maxItems')}"
    if part.get("type") == "object":
        return f"map of texts{_bounds(part, 'minProperties', 'maxProperties')}"
    form = {"date-time": "instant with offset", "date": "date", "uuid": "UUID"}.get(str(part.get("format")))
    if form is None:
        form = {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(str(part.get("type")), "")
    if pattern := part.get("pattern"):
        form += f" {code(pattern)}"
    return form + _bounds(part, "minLength", "maxLength") + _bounds(part, "minimum", "maximum")


def _bounds(part: Schema, low: str, high: str) -> str:
    """`(1 to 200)` and its like; nothing for no bounds."""
    first, last = part.get(low), part.get(high)
    if first is None and last is None:
        return ""
    if last is None:
        return f" (at least {first})"
    return f" (at most {last})" if first is None else f" ({first} to {last})"


def _link(title: str) -> str:
    name = _files().get(title)
    return f"[{name}]({name}.md)" if name else f"[{snake(title)}](#{snake(title)})"


def _meaning(name: str, field: str, part: Schema) -> str:
    said = meaning(name, field)
    words = [f"{said.zh}：{said.en}" if said else prose(str(part.get("description", "")))]
    if "default" in part and part["default"] is not None and part["default"] != []:
        words.append(f"left out: {code(json.dumps(part['default']))}")
    codes = CODE_LISTS.get((name, field)) or CODE_LISTS.get(("*", field))
    if codes == "problems":
        words.append("one of the [problems](../problems.md)")
    elif codes:
        words.append(f"code list [{codes}](../code-lists.md#{codes})")
    return "; ".join(filter(None, words))


def _since(name: str, field: str | None = None) -> str:
    """The first version that has this type, or this field of it."""
    for version in VERSIONS[:-1]:
        part = _part(version, name)
        if part is not None and (field is None or field in part.get("properties", {})):
            return version
    return SCHEMA_VERSION


def _part(version: str, name: str) -> Schema | None:
    released = schemas_of(version)
    if name in released:
        return released[name]
    return next(
        (
            part
            for schema in released.values()
            for title, part in schema.get("$defs", {}).items()
            if snake(title) == name
        ),
        None,
    )


def _elsewhere(name: str) -> str:
    rows = [
        (code(field), *("" if cells[system] == NONE else code(cells[system]) for system in SYSTEMS))
        for field, cells in equivalents(name).items()
        if any(cells[system] != NONE for system in SYSTEMS)
    ]
    if not rows:
        return ""
    names = ("OSDM", "NeTEx", *SYSTEMS[2:])
    return f"## What others call it\n\n{table(('field', *names), rows)}"


def _examples(name: str) -> str:
    """Links to every example, and the shortest in full when it is short."""
    found = examples_of(name)
    texts = {what: json.dumps(document, ensure_ascii=False, indent=2) for what, document in found.items()}
    links = [f"- [{what.replace('-', ' ')}](../../../schemas/examples/valid/{name}--{what}.json)" for what in found]
    shortest = min(texts.values(), key=len)
    parts = ["## Examples\n", "\n".join(links) + "\n"]
    if shortest.count("\n") < _SHOWN_LINES_MAX:
        parts.append(f"```json\n{shortest}\n```\n")
    return "\n".join(parts)
