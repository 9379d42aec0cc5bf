"""What changed between two versions of the contract, as sentences, and whom each change breaks.

Two kinds of programs stand on a version, and a change can break either:

    readers    they read what the hub sends and validate it against the OLD schema:
               broken when the new schema allows what the old one refuses
    writers    they send documents made for the OLD schema (channels, and our own ledger: what it stored is read back):
               broken when the new schema refuses what the old one allows

A change that breaks somebody can be *answered*: writers by an upcaster (``schemas.upcasting.ANSWERS``), readers of an
addition by the reading rule below. What nothing answers is incompatible and needs another major version.

The comparison is structural and errs on the side of caution: two patterns that differ break both, unless one of them
names so few values that all can be tried.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

Schema = Mapping[str, Any]
Contract = Mapping[str, Schema]
"""Name of a type or definition, such as ``seat`` -> its JSON Schema (references are to other names)."""

Party = Literal["readers", "writers"]

READING_RULE = "a reader ignores fields it does not know and takes a code or kind it does not know as `unknown`"
"""Part of the contract since 1.0: what makes an addition harmless to readers within one major version."""


class Change(NamedTuple):
    """One difference. ``addition``: it only adds, so the reading rule answers for readers."""

    where: str
    what: str
    breaks: tuple[Party, ...] = ()
    addition: bool = False


class Verdict(NamedTuple):
    """A change with what answers it; ``incompatible`` lists the parties that nothing helps."""

    change: Change
    answers: tuple[str, ...]
    incompatible: tuple[Party, ...]


def contract_of(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """A version's files (name -> schema, each standing alone) as one table of named types and definitions."""
    titles = {schema.get("title"): name for name, schema in schemas.items()}
    found: dict[str, Schema] = {}
    for schema in schemas.values():
        for title, body in schema.get("$defs", {}).items():
            found.setdefault(titles.get(title, snake(title)), body)
    for name, schema in schemas.items():
        found[name] = {key: value for key, value in schema.items() if key not in {"$defs", "$schema", "$id"}}
    return found


def snake(title: str) -> str:
    """``WaitlistAlternative`` -> ``waitlist_alternative``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", title).lower()


def compare(old: Contract, new: Contract, taken: Collection[str] | None = None) -> list[Change]:
    """Every difference between two contracts, in order of name.

    ``taken``: the types of which others send documents (see :func:`reachable`); a change of any other type breaks no
    writer, because only the hub writes it. None: somebody may write each of them.
    """
    changes: list[Change] = []
    for name in sorted({*old, *new}):
        if name not in new:
            changes.append(Change(name, "is gone", ("readers", "writers")))
        elif name not in old:
            changes.append(Change(name, "is new"))
        else:
            changes += _compare(name, old[name], new[name])
    if taken is not None:
        changes = [change if change.where.split(".")[0] in taken else _without_writers(change) for change in changes]
    return list(dict.fromkeys(changes))


def _without_writers(change: Change) -> Change:
    return change._replace(breaks=tuple(party for party in change.breaks if party != "writers"))


def reachable(contract: Contract, roots: Collection[str]) -> frozenset[str]:
    """``roots`` and every type that a document of theirs can hold."""
    found: set[str] = set()
    waiting = [root for root in roots if root in contract]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [target for target in _references(contract[name]) if target in contract]
    return frozenset(found)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield snake(node["$ref"].rsplit("/", 1)[1])
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def judge(changes: Collection[Change], upcasters: Mapping[str, str], *, same_major: bool = True) -> list[Verdict]:
    """Each change with what answers it. ``upcasters``: place such as ``seat.position`` -> the step that lifts it."""
    verdicts = []
    for change in changes:
        answers: list[str] = []
        left: list[Party] = []
        for party in change.breaks:
            if party == "writers" and change.where in upcasters:
                answers.append(f"writers: upcaster {upcasters[change.where]}")
            elif party == "readers" and change.addition and same_major:
                answers.append("readers: the reading rule")
            else:
                left.append(party)
        verdicts.append(Verdict(change, tuple(answers), tuple(left)))
    return verdicts


# --- one schema against another --------------------------------------------------------------------------------------


def _compare(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Two schemas of one place: their alternatives first, then the keywords of those that are on both sides."""
    before, after = _alternatives(old), _alternatives(new)
    for key in [key for key in before if key not in after]:
        yield Change(where, f"can no longer be {key}", ("writers",))
    for key in [key for key in after if key not in before]:
        # A further kind of a choice of types is an addition; null where there was a value is not.
        yield Change(where, f"may now be {key}", ("readers",), addition=key.startswith("`") and len(before) > 1)
    for key in [key for key in before if key in after]:
        for rule in _RULES:
            yield from rule(where, before[key], after[key])
    if ("default" in old) != ("default" in new) or old.get("default") != new.get("default"):
        yield from _default(where, old, new)


def _alternatives(schema: Schema) -> dict[str, Schema]:
    """What a place may hold, by a word for it: a type, or the name of a definition."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return {key: part for choice in choices for key, part in _alternatives(choice).items()}
    if "$ref" in schema:
        return {f"`{snake(str(schema['$ref']).rsplit('/', 1)[1])}`": schema}
    kinds = schema.get("type", "anything")
    return {kind: schema for kind in ([kinds] if isinstance(kinds, str) else kinds)}


def _default(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    if "default" in old and "default" in new:
        what = f"means {_shown(new['default'])} when it is left out, it meant {_shown(old['default'])}"
        yield Change(where, what, ("writers",))


def _properties(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in dict.fromkeys((*before, *after)):
        place = f"{where}.{name}"
        if name not in after:
            closed = new.get("additionalProperties") is False
            # An optional field too: who read it finds nothing from now on, and takes that for "there is none".
            yield Change(place, "is gone", ("readers", "writers") if closed else ("readers",))
        elif name not in before:
            must = name in required_after
            what = "is new and required" if must else "is new"
            yield Change(place, what, ("readers", "writers") if must else ("readers",), addition=True)
        else:
            if name in required_after - required_before:
                yield Change(place, "is required now", ("writers",))
            if name in required_before - required_after:
                yield Change(place, "may be missing now", ("readers",))
            yield from _compare(place, before[name], after[name])


def _open(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare(f"{where}[]", before, after)
    elif before is not after:
        if after is False:
            yield Change(where, "refuses fields that it does not name", ("writers",))
        elif before is False:
            yield Change(where, "may now hold fields that it does not name", ("readers",))
        else:
            yield Change(where, "says something else of the fields that it does not name", ("readers", "writers"))


def _items(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    if "items" in old and "items" in new:
        yield from _compare(f"{where}[]", old["items"], new["items"])
    elif ("items" in old) != ("items" in new):
        yield Change(where, "says something else of its members", ("readers", "writers"))


def _values(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Enumerated values: one more breaks readers, one less breaks writers."""
    before, after = _enumerated(old), _enumerated(new)
    if before is None and after is None:
        return
    if before is None:
        yield Change(where, f"takes only {_list(after or ())}", ("writers",))
    elif after is None:
        yield Change(where, "may now be any value", ("readers",))
    else:
        if gone := [value for value in before if value not in after]:
            yield Change(where, f"now refuses {_list(gone)}", ("writers",))
        if more := [value for value in after if value not in before]:
            yield Change(where, f"may now be {_list(more)}", ("readers",), addition=True)


def _enumerated(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _pattern(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("pattern"), new.get("pattern")
    if before == after:
        return
    if before is None:
        yield Change(where, f"takes only what matches `{after}`", ("writers",))
    elif after is None:
        yield Change(where, "may now be any text", ("readers",))
    else:
        parties: list[Party] = []
        if not _within(after, before):
            parties.append("readers")
        if not _within(before, after):
            parties.append("writers")
        yield Change(where, f"takes `{after}`, it took `{before}`", tuple(parties))


_ONE_OF = re.compile(r"\^\[(\w)-(\w)\]\$")


def _within(inner: str, outer: str) -> bool:
    """Whether every text that ``inner`` matches also matches ``outer``, as far as that can be tried."""
    few = _ONE_OF.fullmatch(inner)
    if few is None:
        return False
    return all(re.search(outer, chr(point)) for point in range(ord(few[1]), ord(few[2]) + 1))


def _format(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    before, after = old.get("format"), new.get("format")
    if before == after:
        return
    if before is None:
        yield Change(where, f"must be a {after} now", ("writers",))
    elif after is None:
        yield Change(where, f"need not be a {before} any more", ("readers",))
    else:
        yield Change(where, f"is a {after}, it was a {before}", ("readers", "writers"))


_BOUNDS = {
    "minimum": (1, "at least"),
    "exclusiveMinimum": (1, "more than"),
    "minLength": (1, "characters at least"),
    "minItems": (1, "members at least"),
    "minProperties": (1, "fields at least"),
    "maximum": (-1, "at most"),
    "exclusiveMaximum": (-1, "less than"),
    "maxLength": (-1, "characters at most"),
    "maxItems": (-1, "members at most"),
    "maxProperties": (-1, "fields at most"),
}
"""keyword -> (1: a lower bound, -1: an upper one; in words)."""


def _bounds(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    for keyword, (sign, words) in _BOUNDS.items():
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        tighter = before is None or (after is not None and sign * after > sign * before)
        what = f"{words}: {'no bound' if after is None else after}, before: {'no bound' if before is None else before}"
        yield Change(where, what, ("writers",) if tighter else ("readers",))


def _other(where: str, old: Schema, new: Schema) -> Iterator[Change]:
    """Keywords that this comparison does not understand are never passed over."""
    for keyword in sorted({*old, *new} - _UNDERSTOOD):
        if old.get(keyword) != new.get(keyword):
            yield Change(where, f"`{keyword}` differs", ("readers", "writers"))
    for keyword, words in _MARKS.items():
        if bool(old.get(keyword)) != bool(new.get(keyword)):
            yield Change(where, f"is {words}{'' if new.get(keyword) else ' no more'}")


_MARKS = {"x-personal": "personal data", "x-sealed": "kept sealed", "deprecated": "deprecated"}
_SAY_NOTHING = {"title", "description", "default", "examples", "example", "$comment", "discriminator", "x-equivalents"}
_UNDERSTOOD = {
    *_SAY_NOTHING,
    *_MARKS,
    *_BOUNDS,
    *("type", "anyOf", "oneOf", "$ref", "properties", "required", "additionalProperties", "items"),
    *("enum", "const", "pattern", "format", "$defs", "$id", "$schema"),
}

Rule = Callable[[str, Schema, Schema], Iterator[Change]]
_RULES: tuple[Rule, ...] = (_properties, _open, _items, _values, _pattern, _format, _bounds, _other)


def _list(values: Collection[Any]) -> str:
    return ", ".join(map(_shown, values))


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value!r}"
