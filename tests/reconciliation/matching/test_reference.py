"""The reference of breaks says of every kind what it is, with an example, who is usually wrong and what to do."""

import re
from pathlib import Path

import pytest

from reconciliation.kinds import KINDS

TEXT = (Path(__file__).parents[3] / "docs/reference/breaks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_explained_in_both_languages(kind: str) -> None:
    named = re.search(rf"^\| `{kind}` \| ([一-鿿]+) \|", TEXT, re.M)
    assert named, f"{kind} is not in the table"
    section = re.search(rf"^### {kind} {named[1]}\n\n(.*?)(?=^#|\Z)", TEXT, re.M | re.S)
    assert section, f"{kind} has no section"
    assert "Example: " in section[1]
    assert "Do: " in section[1]
    assert re.search("[一-鿿]{4}", section[1]), f"{kind} is not explained in Chinese"
