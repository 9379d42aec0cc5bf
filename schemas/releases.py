"""The versions of the contract that have been published, and what changed from one to another.

A released version is frozen: its files never change (a test holds a digest of each). Today's version is compared with
every released one in CI; nothing incompatible may be left without an upcaster.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.compatibility import Contract, Verdict, compare, contract_of, judge, reachable
from schemas.publish import PUBLISHED, generated
from schemas.upcasting import UPCASTERS, VERSIONS

TAKEN = ("observation", "timetable", "fact")
"""The roots of what others write: adapters' observations, the railway's timetable, and the facts that are stored."""


TODAY = "models"
"""In place of a version: what the models say now, published or not."""


class VersionMissing(KeyError):
    """No such version has been published."""


@cache
def schemas_of(version: str) -> Mapping[str, Mapping[str, Any]]:
    """The committed files of a version: name -> schema. Raises ``VersionMissing``."""
    folder = files("schemas").joinpath(f"published/{version}")
    if version not in VERSIONS or not folder.is_dir():
        raise VersionMissing(f"no version {version!r}; there are: {', '.join(VERSIONS)}")
    names = sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json"))
    return {name: json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8")) for name in names}


def today() -> Mapping[str, Mapping[str, Any]]:
    """The schemas as the models say them now."""
    return {name: generated(name) for name in PUBLISHED}


def difference(old: str, new: str) -> list[Verdict]:
    """What ``new`` changed against ``old``, whom that breaks, and what answers it. Raises ``VersionMissing``."""
    before, after = contract_of(schemas_of(old)), contract_of(schemas_of(new))
    return verdicts(before, after, old, new)


def verdicts(before: Contract, after: Contract, old: str, new: str) -> list[Verdict]:
    """The same of two contracts that say of themselves which versions they are."""
    # A part of a contract does not show who writes it: then somebody may write all of it.
    whole = set(TAKEN) <= before.keys() & after.keys()
    taken = reachable(before, TAKEN) | reachable(after, TAKEN) if whole else None
    same_major = old.split(".")[0] == new.split(".")[0]
    return judge(compare(before, after, taken), upcasters(old, new), same_major=same_major)


def upcasters(old: str, new: str) -> dict[str, str]:
    """place -> the upcaster between the two versions that lifts documents over the change there."""
    if not {old, new} <= set(VERSIONS):
        return {}
    between = VERSIONS[VERSIONS.index(old) : VERSIONS.index(new)]
    steps = [step for step in UPCASTERS if step.written in between]
    return {place: f"{step.written} -> {step.reads} ({step.name})" for step in steps for place in step.answers}
