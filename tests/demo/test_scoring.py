"""The scoring: what was seeded must be found and resolved as said; what nobody seeded is invented."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from interlock.demo.scoring import Row, score
from simulators import truth

NOW = datetime(2026, 1, 11, 4, 0, tzinfo=UTC)
LATE = {
    "fault": "message_late",
    "id": "EW00000001",
    "order_no": "EW00000001",
    "orders": ["EW00000001"],
    "expects": [{"where": "messages", "kind": "late", "key": "web-EW00000001-1"}],
    "resolves_by_policy": True,
}
RACE = {
    "fault": "seat_race_ask",
    "id": "EW00000002+EA00000002",
    "order_no": "EW00000002",
    "orders": ["EW00000002", "EA00000002"],
    "expects": [
        {"where": "messages", "kind": "seat_already_sold", "key": "web-EW00000002-1 app-EA00000002-1"},
    ],
    "resolves_by_policy": True,
}


def message(connection: Connection[TupleRow], message_id: str, **changed: Any) -> None:
    row = {"channel": "web", "outcome": "applied", "code": None, "arrival": "in_order", "source": "http"} | changed
    connection.execute(
        """INSERT INTO hub.messages (channel, message_id, digest, source, media_type, raw, received_at, outcome, code,
               arrival, answer)
           VALUES (%(channel)s, %(id)s, ''::bytea, %(source)s, 'application/json', ''::bytea, %(now)s, %(outcome)s,
               %(code)s, %(arrival)s, '{}')""",
        row | {"id": message_id, "now": NOW},
    )


def repeat(connection: Connection[TupleRow], message_id: str) -> None:
    connection.execute(
        "INSERT INTO hub.repeats (channel, message_id, source, received_at) VALUES ('web', %s, 'http', %s)",
        (message_id, NOW),
    )


def test_found_as_seeded(connection: Connection[TupleRow], tmp_path: Path) -> None:
    truth.write(tmp_path, [LATE, RACE])
    message(connection, "web-EW00000001-1", arrival="late")
    message(connection, "app-EA00000002-1", channel="app", outcome="refused", code="seat_already_sold")
    message(connection, "web-EW00000009-1")
    told = score(connection, tmp_path)
    assert told.rows == (Row("message_late", 1, 1, 1, 0), Row("seat_race_ask", 1, 1, 1, 0))
    assert told.is_perfect


def test_what_is_missed_is_named(connection: Connection[TupleRow], tmp_path: Path) -> None:
    truth.write(tmp_path, [LATE])
    told = score(connection, tmp_path)
    assert told.missed == ("message_late EW00000001: messages late web-EW00000001-1 not found",)
    assert not told.is_perfect


def test_what_nobody_seeded_is_invented(connection: Connection[TupleRow], tmp_path: Path) -> None:
    truth.write(tmp_path, [LATE])
    message(connection, "web-EW00000001-1", arrival="late")
    message(connection, "web-EW00000003-1", arrival="out_of_order")
    message(connection, "web-EW00000004-1", outcome="refused", code="message_malformed")
    told = score(connection, tmp_path)
    assert told.invented == (
        "messages message_malformed web-EW00000004-1",
        "messages out_of_order web-EW00000003-1",
    )
    assert not told.is_perfect


def test_both_racers_refused_is_one_too_many(connection: Connection[TupleRow], tmp_path: Path) -> None:
    truth.write(tmp_path, [RACE])
    for channel, message_id in (("web", "web-EW00000002-1"), ("app", "app-EA00000002-1")):
        message(connection, message_id, channel=channel, outcome="refused", code="seat_already_sold")
    told = score(connection, tmp_path)
    assert "found more than once" in told.missed[0]


def test_a_repeat_for_want_of_an_answer_is_nobodys_fault(connection: Connection[TupleRow], tmp_path: Path) -> None:
    truth.write(tmp_path, [LATE])
    message(connection, "web-EW00000001-1", arrival="late")
    repeat(connection, "web-EW00000005-1")
    assert score(connection, tmp_path).invented == ("repeats duplicate web-EW00000005-1",)
    truth.note_resent(tmp_path, "web", "web-EW00000005-1")
    assert score(connection, tmp_path).is_perfect


def test_a_message_seeded_twice_is_found_also_when_it_was_sent_again(
    connection: Connection[TupleRow], tmp_path: Path
) -> None:
    twice = LATE | {
        "fault": "message_twice",
        "expects": [{"where": "repeats", "kind": "duplicate", "key": "web-EW00000001-1"}],
    }
    truth.write(tmp_path, [twice])
    repeat(connection, "web-EW00000001-1")
    truth.note_resent(tmp_path, "web", "web-EW00000001-1")
    assert score(connection, tmp_path).is_perfect


def test_no_truth_is_no_success(connection: Connection[TupleRow], tmp_path: Path) -> None:
    assert not score(connection, tmp_path).is_perfect
