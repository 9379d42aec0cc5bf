"""What an act answers with: an address to go to, a page to show this once, or a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as the answer to a form. ``path``: the address of the page it stands for, where its links lead."""

    template: str
    path: str
    data: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as the answer to a form, block by block."""

    blocks: Iterator[bytes]
    name: str
    media_type: str


Done = str | Shown | Sent
"""Where the browser goes next, what it is shown, or what it keeps."""
