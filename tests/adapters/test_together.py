"""Fields that are read together: remembered only where the whole answer was given, and told apart exactly."""

from datetime import date
from decimal import Decimal
from operator import attrgetter

import pytest

from adapters.kit.columns import Column, Layout, Line
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused
from adapters.kit.together import Together


class Reading:
    """Counts how often it reads."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.done = 0

    def __call__(self, record: Record) -> str:
        self.done += 1
        return "/".join(record.text(name) for name in self.names)


def record(fields: dict[str, object]) -> Record:
    return Record(fields, "/here", Losses(), "web")


def test_the_same_words_are_read_once() -> None:
    read = Reading("a", "b")
    together = Together(read, "a", "b")
    first, second = record({"a": "1", "b": "2", "c": "3"}), record({"a": "1", "b": "2", "c": "4"})
    assert together(first) == together(second) == "1/2"
    assert read.done == 1
    assert set(first.unread) == set(second.unread) == {"c"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", 1), (1, True), (1, Decimal("1.0")), ("1.0", Decimal("1.0")), ("1", "１"), (None, ...), ("", ...)],
    ids=repr,
)
def test_what_is_written_otherwise_is_read_for_itself(one: object, other: object) -> None:
    """Equal as keys of a dictionary, or read alike when absent, they are two different messages."""
    done: list[dict[str, object]] = []

    def read(part: Record) -> int:
        part.take("a")
        done.append(part.fields)
        return len(done)

    together = Together(read, "a", "b")
    messages: list[dict[str, object]] = [
        {"a": value, "b": "x"} if value is not ... else {"b": "x"} for value in (one, other)
    ]
    for message in messages:
        together(record(message))
    assert done == [{name: m[name] for name in ("a", "b") if name in m} for m in messages]


def test_a_loss_is_told_every_time() -> None:
    def read(part: Record) -> str:
        part.lost("a", "unknown_code")
        return part.text("a")

    together = Together(read, "a")
    for _ in range(2):
        seen = record({"a": "1"})
        together(seen)
        assert [loss.pointer for loss in seen.losses.all()] == ["/here/a"]


def test_a_refusal_is_made_every_time_at_its_place() -> None:
    together = Together(Reading("a"), "a")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            together(record({"a": []}))
        assert refused.value.rejection.pointer == "/here/a"


def test_what_nobody_read_stays_unread() -> None:
    """A field of the group that this reading passes over is a loss in the end, every time."""
    together = Together(Reading("a"), "a", "b")
    for _ in range(2):
        seen = record({"a": "1", "b": "2"})
        together(seen)
        seen.finish()
        assert [loss.pointer for loss in seen.losses.all()] == ["/here/b"]


def test_other_fields_are_not_there() -> None:
    """What is remembered can depend on nothing else: a field outside the group is absent."""
    with pytest.raises(Refused, match="c is missing"):
        Together(Reading("a", "c"), "a")(record({"a": "1", "c": "3"}))


def test_what_it_is_given_counts_too() -> None:
    layout = Layout("", "times", (Column("at", 8, "moment", "when"),))

    def line(near: date) -> Line:
        return Line(layout, 1, {"at": "01110800"}, Losses(), "windows", near)

    def read(part: Line) -> int:
        return part.moment("at").year

    together = Together(read, "at", given=attrgetter("near"))
    assert [together(line(date(year, 1, 9))) for year in (2026, 2027, 2026)] == [2026, 2027, 2026]


def test_it_forgets_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.kit.together._KNOWN_MOST", 2)
    read = Reading("a")
    together = Together(read, "a")
    for value in ("1", "2", "3", "1", "3"):
        assert together(record({"a": value})) == value
    assert read.done == 4


def test_what_cannot_be_a_key_is_read() -> None:
    read = Reading("a")
    together = Together(read, "a", "b")
    for _ in range(2):
        assert together(record({"a": "1", "b": object()})) == "1"
    assert read.done == 2


def test_a_long_text_is_not_kept() -> None:
    read = Reading("a")

    def both(part: Record) -> str:
        part.take("b")
        return read(part)

    together = Together(both, "a", "b")
    for _ in range(2):
        together(record({"a": "1", "b": "x" * 2000}))
    assert read.done == 2
