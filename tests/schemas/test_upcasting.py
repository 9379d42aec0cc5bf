"""Upcasting: whatever 1.0 could say, 1.1 reads."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.facts import Fact, TicketIssued
from schemas.model import SCHEMA_VERSION
from schemas.publish import published
from schemas.upcasting import UPCASTERS, VERSIONS, VersionUnknown, upcast

FACT = TypeAdapter[Fact](Fact)


def issued(position: str | None) -> dict[str, object]:
    """A sale as 1.0 wrote it."""
    seat = {"seat_class": "hard_sleeper", "coach": "05", "number": "12", "standing": False}
    return {
        "fact": "ticket.issued",
        "occurred_at": "2026-01-09T12:00:00+08:00",
        "ticket": {
            "ticket_no": "EW000000011050012",
            "ticket_type": "adult",
            "passenger": {"name": "测试甲", "document": {"type": "passport", "number": "EX0000001"}, "type": "adult"},
            "leg": {
                "train_code": "T109",
                "service_date": "2026-01-11",
                "origin": {"station": "BJP"},
                "destination": {"station": "SHH"},
            },
            "seat": seat if position is None else seat | {"position": position},
            "fare_gross": {"amount": 32700, "currency": "CNY"},
            "point_of_sale": {"channel": "windows"},
        },
    }


def read(value: object) -> TicketIssued:
    fact = FACT.validate_json(json.dumps(value))
    assert isinstance(fact, TicketIssued)
    return fact


@pytest.mark.parametrize(
    ("position", "seat_position", "berth", "kept"),
    [
        (None, None, None, None),
        ("lower", None, "lower", None),
        ("middle", None, "middle", None),
        ("upper", None, "upper", None),
        ("f", "f", None, None),
        ("window", None, None, "window"),
    ],
)
def test_positions_of_1_0(position: str | None, seat_position: str | None, berth: str | None, kept: str | None) -> None:
    fact = read(upcast(issued(position), "1.0"))
    assert (fact.ticket.seat.position, fact.ticket.seat.berth) == (seat_position, berth)
    assert (fact.extensions or {}).get("contract.seat_position") == kept
    assert fact.occurred_at == datetime.fromisoformat("2026-01-09T12:00:00+08:00")


@pytest.mark.parametrize("position", ["lower", "window"])
def test_without_the_upcaster_they_could_not_be_read(position: str) -> None:
    """So that the test above can fail: 1.1 has no such positions."""
    with pytest.raises(ValidationError, match="position"):
        read(issued(position))


@given(st.from_regex(published("seat", "1.0")["properties"]["position"]["anyOf"][0]["pattern"], fullmatch=True))
def test_every_position_that_1_0_allowed_can_be_read(position: str) -> None:
    seat = read(upcast(issued(position), "1.0")).ticket.seat
    kept = read(upcast(issued(position), "1.0")).extensions
    assert position in {seat.position, seat.berth, *(kept or {}).values()}, "something was dropped"


def test_a_value_of_today_is_left_as_it_is_and_an_old_one_unchanged_in_place() -> None:
    today = issued("f")
    assert upcast(today, SCHEMA_VERSION) is today
    old = issued("upper")
    upcast(old, "1.0")
    assert old == issued("upper")


def test_a_later_version_is_refused_with_those_known() -> None:
    with pytest.raises(VersionUnknown, match=r"written under contract 9\.0; this program knows 1\.0, 1\.1"):
        upcast({}, "9.0")


def test_every_upcaster_leads_one_release_on_and_names_fields_there_are() -> None:
    for upcaster in UPCASTERS:
        assert VERSIONS.index(upcaster.reads) == VERSIONS.index(upcaster.written) + 1
        for place in upcaster.answers:
            name, field = place.split(".")
            assert field in published(name, upcaster.written)["properties"]
