"""Every field of the contract says what it is called elsewhere, and the channels' names are on their wires."""

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.compatibility import snake
from schemas.equivalents import NONE, SYSTEMS, equivalents, table
from schemas.meanings import meaning
from schemas.meanings import table as meanings
from schemas.publish import PUBLISHED, generated

ADAPTERS = Path(__file__).parents[2] / "adapters"
CHANNELS = ("web", "app", "phone", "agents", "windows")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,}")
OSDM = re.compile(r"^[A-Za-z][A-Za-z.\[\] +|]*$")
NETEX = re.compile(r"^[A-Za-z][A-Za-z/@+ ()]*$")


def fields() -> list[tuple[str, str]]:
    return [
        (name, field)
        for name, model in PUBLISHED.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for field in model.model_fields
    ]


def test_every_field_has_a_row_and_no_row_is_superfluous() -> None:
    there = [(row["type"], row["field"]) for row in table()]
    assert sorted(set(fields()) - set(there)) == [], "missing in schemas/equivalents.csv"
    assert sorted(set(there) - set(fields())) == [], "superfluous in schemas/equivalents.csv"
    assert len(there) == len(set(there))


def test_every_cell_says_something() -> None:
    for row in table():
        assert set(row) == {"type", "field", *SYSTEMS}
        assert all(row[system].strip() for system in SYSTEMS), f"{row['type']}.{row['field']}"
        assert row["osdm"] == NONE or OSDM.match(row["osdm"]), row["osdm"]
        assert row["netex"] == NONE or NETEX.match(row["netex"]), row["netex"]


@cache
def words_of(channel: str) -> frozenset[str]:
    """Every word in the channel's own files, and in the kit's records that it shares with others."""
    files = [*(ADAPTERS / channel).glob("*.py"), ADAPTERS / channel / "README.md"]
    files += [ADAPTERS / "kit" / "waitlist_records.py"] if channel in {"web", "app"} else []
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    found = set(WORD.findall(text))
    # The agents write a moment as two fields, <name>Date and <name>Time.
    return frozenset(found | {f"{word}{end}" for word in found for end in ("Date", "Time")})


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_names_of_a_channel_are_on_its_wire(channel: str) -> None:
    """A renamed wire field must not leave its old name in the table."""
    for row in table():
        for word in WORD.findall(row[channel]):
            assert word in words_of(channel), f"{row['type']}.{row['field']}: {channel} has no {word!r}"


def test_types_that_are_choices_have_no_fields_of_their_own() -> None:
    assert equivalents("fact") == {}
    assert equivalents("seat")["berth"]["windows"] == "berth"


def test_every_field_is_explained_in_both_languages() -> None:
    """Parts of types that have no page of their own (a stop, a surcharge) too; no row explains what is not there."""
    wanted = set()
    for name in PUBLISHED:
        schema = generated(name)
        parts = {name: schema, **{snake(title): part for title, part in schema.get("$defs", {}).items()}}
        wanted |= {(kind, field) for kind, part in parts.items() for field in part.get("properties", {})}
    assert [f"{kind}.{field}" for kind, field in sorted(wanted) if meaning(kind, field) is None] == []
    used = {(kind, field) if (kind, field) in meanings() else ("", field) for kind, field in wanted}
    assert sorted(set(meanings()) - used) == []
    assert all(words.zh.strip() and words.en.strip() for words in meanings().values())
