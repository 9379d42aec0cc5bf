"""Code lists: every code in both languages, every native spelling with one meaning."""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schemas.codes import UNKNOWN, code_list
from schemas.order import TicketState
from schemas.problems import ProblemError, catalogue, problem
from schemas.stations import station_name, telecode_of, telecodes

FOLDER = Path(__file__).parents[2] / "schemas" / "code_lists"
CHANNELS = ("web", "app", "phone", "agents", "windows")
COLUMNS = ["code", "zh", "en", "since", "deprecated", *CHANNELS, "osdm", "netex"]
TABLES = {"outcomes", "problems", "stations"}
CROSS_WALKS = sorted(path.stem for path in FOLDER.glob("*.csv") if path.stem not in TABLES)

# Spellings that stand for two codes on purpose, because the channel's language does not tell them apart there.
AMBIGUOUS: dict[tuple[str, str], set[str]] = {}


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cells(name: str) -> Iterator[tuple[str, str, str]]:
    """(channel, native spelling, code)."""
    for row in rows(name):
        for channel in CHANNELS:
            for native in filter(None, row[channel].split("|")):
                yield channel, native, row["code"]


@pytest.mark.parametrize("name", CROSS_WALKS)
def test_a_cross_walk_has_its_columns_and_both_languages(name: str) -> None:
    assert list(rows(name)[0]) == COLUMNS
    for row in rows(name):
        assert row["zh"], f"{name} {row['code']} has no Chinese words"
        assert row["en"], f"{name} {row['code']} has no English words"
        assert None not in row.values(), f"{name} {row['code']} has too few cells"


@pytest.mark.parametrize("name", CROSS_WALKS)
def test_codes_are_unique_and_unknown_is_one_of_them(name: str) -> None:
    codes = [row["code"] for row in rows(name)]
    assert len(codes) == len(set(codes))
    assert UNKNOWN in codes
    assert all(code == code.lower() and code.isidentifier() for code in codes)


@pytest.mark.parametrize("name", CROSS_WALKS)
def test_a_native_spelling_means_one_thing(name: str) -> None:
    meanings: dict[tuple[str, str], set[str]] = {}
    for channel, native, code in cells(name):
        meanings.setdefault((channel, native), set()).add(code)
    for (channel, native), found in meanings.items():
        assert len(found) == 1 or native in AMBIGUOUS.get((name, channel), set()), (
            f"{name}: {channel} {native!r} is read as {sorted(found)}"
        )


@pytest.mark.parametrize("name", CROSS_WALKS)
def test_what_is_written_is_read_back(name: str) -> None:
    table = code_list(name)
    for channel in CHANNELS:
        for row in rows(name):
            native = table.write(channel, row["code"])
            if native is not None:
                assert table.read(channel, native) == row["code"]


@pytest.mark.parametrize("name", [name for name in CROSS_WALKS if name not in ("ticket_state", "act")])
def test_every_channel_can_say_every_code(name: str) -> None:
    """A channel that uses a list has a word for all of it; one that never speaks of it (overrides) leaves it empty.

    Ticket states are the exception: not every channel has a word for every state, and its profile says which.
    So are acts: their list only names them for people.
    """
    speaking = [channel for channel in CHANNELS if any(row[channel] for row in rows(name))]
    assert speaking
    for row in rows(name):
        if row["code"] != UNKNOWN:
            silent = [channel for channel in speaking if not row[channel]]
            assert silent == [], f"{name} {row['code']}: no word in {silent}"


def test_the_same_letter_means_different_things_in_web_and_app() -> None:
    """The reason adapters exist (letters e, i, j, m of tables A and B)."""
    states = code_list("ticket_state")
    assert (states.read("web", "i"), states.read("app", "i")) == ("held", "entered")
    assert (states.read("web", "j"), states.read("app", "j")) == ("held", "used")
    assert states.read("web", "m") == "used"
    assert states.read("app", "e") == "changed"


def test_a_connection_may_override_the_table() -> None:
    """Two documents of one company contradict each other (3 and 4 swapped): tables are per connection."""
    documents = code_list("document_type")
    swapped = {"3": "hk_macau_permit", "4": "taiwan_permit"}
    assert documents.read("agents", "3") == "taiwan_permit"
    assert documents.read("agents", "3", swapped) == "hk_macau_permit"
    assert documents.write("agents", "taiwan_permit", swapped) == "4"


def test_ticket_states_of_the_list_are_those_of_the_model() -> None:
    assert {row["code"] for row in rows("ticket_state")} == set(TicketState.__args__)  # type: ignore[attr-defined]


def test_problems_have_words_a_remedy_and_somebody_to_act() -> None:
    for code, row in catalogue().items():
        assert 400 <= int(row["status"]) <= 599, code
        assert row["title"], code
        assert row["zh"], code
        assert row["remedy"].endswith((".", "!")), f"{code}: the remedy is a sentence"
        assert row["whose"] in {"channel", "caller", "operator", "hub", "person", "nobody"}, code
        assert set(row) == {"code", "status", "title", "zh", "remedy", "whose"}, code


def test_a_problem_that_is_not_in_the_table_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        problem("something_else")


def test_a_problem_carries_its_row() -> None:
    error = ProblemError(problem("seat_already_sold", "Coach 5 seat 12A is held."))
    assert error.problem.status == 409
    assert error.problem.type == "/v1/problems/seat_already_sold"
    assert error.problem.remedy == "Choose another seat or train."
    assert str(error) == "seat_already_sold: Coach 5 seat 12A is held."


def test_stations() -> None:
    assert len(telecodes()) == len(rows("stations")) == 3319
    assert station_name("VNP") == "北京南"
    assert telecode_of("北京南站") == "VNP"
    assert telecode_of("无此站") is None
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in telecodes())
