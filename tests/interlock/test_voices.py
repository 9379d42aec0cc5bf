"""Connections that come while a process runs."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from adapters.kit.registry import registered
from hub.ports import Adapter
from interlock.voices import Voices

WEB = registered()["web"].adapter
APP = registered()["app"].adapter


class Ledger:
    """What the database would answer, and how often it was asked; ``away``: it answers nothing."""

    def __init__(self) -> None:
        self.has: dict[str, Adapter] = {"web": WEB}
        self.asked, self.now, self.away = 0, 0.0, False

    def read(self) -> Mapping[str, Adapter]:
        self.asked += 1
        if self.away:
            raise psycopg.OperationalError("away")
        return self.has

    def clock(self) -> float:
        return self.now


def test_a_new_connection_is_found_and_strangers_names_cost_one_look_a_second() -> None:
    ledger = Ledger()
    voices = Voices(ledger.read, ledger.clock)
    ledger.has = {"web": APP, "north": APP}
    assert [voices.get("north") for _ in range(50)] == [None] * 50
    assert ledger.asked == 1, "within the first second nobody is asked"
    ledger.now = 1.0
    assert voices["north"] is APP
    assert voices["web"] is WEB, "an adapter in use stays"
    assert ["nobody" in voices for _ in range(50)] == [False] * 50
    assert ledger.asked == 2


def test_whoever_walks_over_all_sees_new_ones_within_five_seconds() -> None:
    ledger = Ledger()
    voices = Voices(ledger.read, ledger.clock)
    ledger.has = {"web": WEB, "north": APP}
    assert list(voices) == ["web"]
    ledger.now = 5.0
    assert sorted(voices) == ["north", "web"]
    assert len(voices) == 2


def test_while_the_database_is_away_those_of_before_count() -> None:
    ledger = Ledger()
    voices = Voices(ledger.read, ledger.clock)
    ledger.away, ledger.now = True, 9.0
    assert "north" not in voices
    assert list(voices) == ["web"]
