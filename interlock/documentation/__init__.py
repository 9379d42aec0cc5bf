"""Reference pages that are made from the code they describe, so that they cannot say anything else.

`python -m interlock.documentation` writes them into `docs/reference/`; with `--check` it writes nothing and names the
pages that differ. A test does the same, so a new setting, command, address, problem or channel shows up or fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from interlock.documentation.channels import capabilities_page, channels_page
from interlock.documentation.command_line import command_line_page
from interlock.documentation.contract import code_lists_page, settings_page
from interlock.documentation.http_api import http_api_page
from interlock.documentation.journeys import journeys_page
from interlock.documentation.policies import policies_page
from interlock.documentation.reproducing import problems_page
from interlock.documentation.states import states_page
from interlock.documentation.types import type_page, types_page
from schemas.publish import PUBLISHED

PAGES: Mapping[str, Callable[[], str]] = {
    "capabilities.md": capabilities_page,
    "channels.md": channels_page,
    "cli.md": command_line_page,
    "code-lists.md": code_lists_page,
    "http-api.md": http_api_page,
    "journeys.md": journeys_page,
    "policies.md": policies_page,
    "problems.md": problems_page,
    "schemas.md": types_page,
    "settings.md": settings_page,
    "states.md": states_page,
    **{f"types/{name}.md": partial(type_page, name) for name in PUBLISHED},
}
"""File name in `docs/reference/` -> what makes it."""

NOTE = "<!-- Made from the code by `make docs`. Changes here are lost: change the code. -->\n\n"


def text(name: str) -> str:
    """One page as it should be now."""
    return NOTE + PAGES[name]().rstrip() + "\n"


def differences(folder: Path) -> Iterator[str]:
    """In words, every page of `folder` that is not what the code says."""
    for name in PAGES:
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.read_text(encoding="utf-8") != text(name):
            yield f"{name} is not what the code says"
    for name in _left_over(folder):
        yield f"{name} is about no type of the contract any more"


def _left_over(folder: Path) -> list[str]:
    """Pages of types that are no more. Only `types/` is ours alone: beside it stand pages that people write."""
    found = {f"types/{path.name}" for path in (folder / "types").glob("*.md")}
    return sorted(found - PAGES.keys())


def write(folder: Path) -> list[str]:
    """Write the pages that differ, remove those of types that are gone; returns the names of both."""
    (folder / "types").mkdir(parents=True, exist_ok=True)
    touched = _left_over(folder)
    for name in touched:
        (folder / name).unlink()
    for name in PAGES:
        path, content = folder / name, text(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            touched.append(name)
    return touched
