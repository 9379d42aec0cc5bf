"""Pages made from the contract's own tables: settings, problems, code lists."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

from interlock.documentation.markdown import code, table
from interlock.settings import Settings

_CHANNELS = ("web", "app", "phone", "agents", "windows")
_NO_CROSS_WALK = {"outcomes", "problems", "stations"}


def settings_page() -> str:
    """Every environment variable."""
    prefix = str(Settings.model_config["env_prefix"])
    rows = [
        (code(f"{prefix}{name}".upper()), code(_default(field.default)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\nRead once from the environment when a process starts; nothing else reads it. An empty value"
        " counts as unset. `interlock doctor` shows the values in force, secrets masked.\n\n"
        + table(("variable", "default", "meaning"), rows)
    )


def _default(value: Any) -> str:
    return "" if value is None else str(value)


def code_lists_page() -> str:
    """Every cross-walk between our codes and the channels'."""
    parts = [
        "# Code lists\n\nThe tables that translate between our codes and each channel's, in `schemas/code_lists/`. A"
        " cell may hold several native spellings: the first is written, all are read. A spelling that no row has"
        " becomes `unknown` and a reported loss, or refuses the message where it cannot do without. A connection"
        " may override single cells in its profile. `stations.csv` (3,319 stations, telecode and names) is not shown.\n"
    ]
    for name in code_list_names():
        rows = [
            (code(row["code"]), row["zh"], row["en"], *(row[channel] for channel in _CHANNELS)) for row in _csv(name)
        ]
        parts.append(f"## {name}\n\n{table(('code', '中文', 'English', *_CHANNELS), rows)}")
    outcomes = [(code(row["code"]), row["zh"], row["en"]) for row in _csv("outcomes")]
    parts.append(f"## outcomes\n\nWhat the hub answers to a message.\n\n{table(('code', '中文', 'English'), outcomes)}")
    return "\n".join(parts)


def code_list_names() -> list[str]:
    """The cross-walks, by name."""
    folder = files("schemas").joinpath("code_lists")
    names = {item.name.removesuffix(".csv") for item in folder.iterdir() if item.name.endswith(".csv")}
    return sorted(names - _NO_CROSS_WALK)


def _csv(name: str) -> list[dict[str, str]]:
    text = files("schemas").joinpath(f"code_lists/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
