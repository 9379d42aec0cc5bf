"""Examples that are validated in CI: documents that are valid, documents that are not, and whole stories.

    valid/<type>--<what>.json      a document of that type
    invalid/<type>--<what>.json    {type, fails_at, because, document}: the pointer at which it must fail
    journeys/<name>.json           {title, shows, steps}: what channels said, what was decided, the order afterwards

The reference pages and the AsyncAPI document show them; `tests/schemas` replays the journeys through the real ledger.
Every person in them is invented: resident ids are of region 99, which nobody has.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def examples(kind: str) -> Mapping[str, dict[str, Any]]:
    """Every file of ``valid``, ``invalid`` or ``journeys``: name without ``.json`` -> content, in order of name."""
    folder = files("schemas").joinpath(f"examples/{kind}")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    return {n.removesuffix(".json"): json.loads(folder.joinpath(n).read_text(encoding="utf-8")) for n in names}


def examples_of(name: str) -> Mapping[str, dict[str, Any]]:
    """The valid examples of one published type: what each shows -> the document."""
    return {key.split("--", 1)[1]: value for key, value in examples("valid").items() if key.split("--")[0] == name}


__all__ = ["examples", "examples_of"]
