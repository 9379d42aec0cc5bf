"""`interlock schema diff OLD NEW`: what a change of the contract breaks, and for whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from interlock.cli.printing import fail
from schemas.compatibility import READING_RULE, Verdict, contract_of
from schemas.releases import TODAY, VersionMissing, schemas_of, today, verdicts
from schemas.upcasting import VERSIONS

Schemas = Mapping[str, Mapping[str, Any]]


def judged(old: str, new: str) -> list[Verdict]:
    """Both sides by version (`1.0`; `models`: as the code says now), or by file or folder of JSON Schemas."""
    before, old_version = _side(old)
    after, new_version = _side(new)
    if len(before) == len(after) == 1:
        # Two files are compared with each other, whatever they are called.
        after = dict(zip(before, after.values(), strict=True))
    return verdicts(contract_of(before), contract_of(after), old_version, new_version)


def _side(text: str) -> tuple[Schemas, str]:
    path = Path(text)
    if text == TODAY:
        return today(), VERSIONS[-1]
    if text in VERSIONS:
        try:
            return schemas_of(text), text
        except VersionMissing as error:
            fail(str(error.args[0]))
    if not path.exists():
        _unknown(text)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    found = {file.stem: _schema(file) for file in files}
    return found, next((version for schema in found.values() if (version := _version(schema))), VERSIONS[-1])


def _schema(file: Path) -> Mapping[str, Any]:
    try:
        loaded = json.loads(file.read_bytes())
    except ValueError as error:
        fail(f"{file} is not JSON: {error}")
    if not isinstance(loaded, dict):
        fail(f"{file} is no JSON Schema: it is not an object")
    return loaded


def _version(schema: Mapping[str, Any]) -> str:
    """The version in a published schema's `$id`, such as `/v1/schemas/1.0/seat.json`."""
    parts = str(schema.get("$id", "")).split("/")
    return parts[-2] if len(parts) > 2 else ""


def _unknown(text: str) -> NoReturn:
    fail(
        f"{text!r} is no version of the contract and no file or folder",
        f"Versions: {', '.join(VERSIONS)}; `{TODAY}` is what the models say now.",
    )


def sentences(found: Sequence[Verdict], old: str, new: str) -> list[str]:
    """Every change as a sentence that says whom it breaks and what answers it; the worst first."""
    return [_sentence(verdict, old, new) for verdict in sorted(found, key=_worst)]


def _worst(verdict: Verdict) -> tuple[bool, bool, bool]:
    return (not verdict.incompatible, "writers" not in verdict.change.breaks, not verdict.change.breaks)


def _sentence(verdict: Verdict, old: str, new: str) -> str:
    change = verdict.change
    parts = [f"`{change.where}` {change.what}."]
    if not change.breaks:
        parts.append("Breaks nobody.")
    for party in change.breaks:
        broken = party in verdict.incompatible
        parts.append(f"{'BREAKS' if broken else 'Would break'} {_whom(party, old, new)}.")
    parts += [f"Answered for {answer}." for answer in verdict.answers]
    return " ".join(parts)


def _whom(party: str, old: str, new: str) -> str:
    if party == "writers":
        return f"writers: documents made for {old} that do so are refused, the ledger's own stored ones too"
    return f"readers: channels and programs that validate what {new} sends against {old}"


def summary(found: Sequence[Verdict], old: str, new: str) -> str:
    """The last line: may this change be released as it is?"""
    broken = [verdict for verdict in found if verdict.incompatible]
    answered = [verdict for verdict in found if verdict.answers and not verdict.incompatible]
    if not found:
        return f"{old} and {new} say the same."
    if broken:
        places = ", ".join(f"`{verdict.change.where}`" for verdict in broken[:5])
        return (
            f"INCOMPATIBLE: {len(broken)} of {len(found)} changes break somebody and nothing answers them ({places})."
            " Write an upcaster, make the field optional, or release another major version."
        )
    return f"Compatible: {len(found)} changes, {len(answered)} answered. The reading rule: {READING_RULE}."


def plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs."""
    change = verdict.change
    return {
        "where": change.where,
        "what": change.what,
        "breaks": list(change.breaks),
        "answers": list(verdict.answers),
        "incompatible": list(verdict.incompatible),
    }
