"""Reference pages that are made from the code they describe, so that they cannot say anything else.

`python -m interlock.documentation` writes them into `docs/reference/`; with `--check` it writes nothing and names the
pages that differ. A test does the same, so a new setting, command, address, problem or channel shows up or fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from interlock.documentation.command_line import command_line_page
from interlock.documentation.contract import (
    channels_page,
    code_lists_page,
    problems_page,
    schemas_page,
    settings_page,
    states_page,
)
from interlock.documentation.http_api import http_api_page

PAGES: Mapping[str, Callable[[], str]] = {
    "channels.md": channels_page,
    "cli.md": command_line_page,
    "code-lists.md": code_lists_page,
    "http-api.md": http_api_page,
    "problems.md": problems_page,
    "schemas.md": schemas_page,
    "settings.md": settings_page,
    "states.md": states_page,
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


def write(folder: Path) -> list[str]:
    """Write the pages that differ; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    touched = []
    for name in PAGES:
        path, content = folder / name, text(name)
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            touched.append(name)
    return touched
