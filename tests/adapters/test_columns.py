"""The kit's fixed-width columns: bytes before text, what fits and what does not, and there and back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kit.columns import Column, Layout, Line, cut, misfits, punch, unpunch, write
from adapters.kit.refusing import Losses, Refused, never_raises
from adapters.kit.times import SHANGHAI
from schemas.money import Money
from schemas.observation import Observation, Rejection

NEAR = date(2026, 1, 9)
ROW = Layout(
    "TX1",
    "测试",
    (
        Column("number", 4, "digits", "a number"),
        Column("name", 8, "text", "a name"),
        Column("code", 5, "code", "a code"),
        Column("amount", 6, "money", "an amount"),
        Column("tip", 6, "money", "may be blank", optional=True),
        Column("at", 8, "moment", "when"),
        Column("day", 4, "day", "which day"),
        Column("date", 8, "date", "which date"),
    ),
)
AT = datetime(2026, 1, 9, 16, 51, tzinfo=SHANGHAI)
FIELDS = {
    "number": 7,
    "name": "测试甲",
    "code": "AB-1",
    "amount": Money(amount=-2500),
    "at": AT,
    "day": date(2026, 1, 11),
    "date": NEAR,
}


def line(raw: bytes, layout: Layout = ROW, near: date = NEAR) -> Line:
    return cut(layout, raw, 3, Losses(), system="windows", near=near)


def written(**fields: object) -> bytes:
    return write(ROW, {**FIELDS, **fields}, Losses(), "").removesuffix(b"\r\n")


def test_a_line_is_its_code_and_its_columns() -> None:
    raw = written()
    assert raw == "TX10007测试甲  AB-1 00250}      01091651011120260109".encode("gb18030")
    assert len(raw) == ROW.width == 52
    assert ROW.spans["name"] == (8, 15)


def test_what_was_written_is_read() -> None:
    row = line(written())
    assert (row.integer("number"), row.text("name"), row.text("code")) == (7, "测试甲", "AB-1")
    assert row.amount("amount", signed=True) == Money(amount=-2500)
    assert row.amount("tip") == Money(amount=0)
    assert (row.moment("at"), row.day("day"), row.date("date")) == (AT, date(2026, 1, 11), NEAR)
    row.finish()
    assert row.losses.all() == ()


def test_a_file_of_one_kind_of_record_needs_no_code() -> None:
    bare = Layout("", "裸", ROW.columns)
    row = line(written()[3:], bare)
    assert bare.spans["number"] == (1, 4)
    assert row.at("number") == "line 3, columns 1-4"


@pytest.mark.parametrize(
    ("name", "value", "read", "code"),
    [
        ("name", b"\xb2\xe2\xca\xd4\xbc\xd7 \xb2", "text", "encoding_damaged"),
        ("code", b"\xb2\xe2AB ", "text", "encoding_damaged"),
        ("code", b"A\x00B  ", "text", "message_malformed"),
        ("code", b"     ", "text", "message_malformed"),
        ("amount", b"      ", "amount", "message_malformed"),
        ("amount", b"00250}", "amount", "amount_invalid"),
        ("amount", b"002500", "amount", "amount_invalid"),
        ("amount", b"  250{", "amount", "amount_invalid"),
        ("at", b"13091651", "moment", "time_invalid"),
        ("at", b"01092451", "moment", "time_invalid"),
        ("at", b"01091660", "moment", "time_invalid"),
        ("at", b"0109165 ", "moment", "time_invalid"),
        ("at", b"02290000", "moment", "time_invalid"),
        ("day", b"0230", "day", "time_invalid"),
        ("date", b"20260230", "date", "time_invalid"),
        ("date", b"2026010 ", "date", "time_invalid"),
    ],
)
def test_refusals_name_the_columns(name: str, value: bytes, read: str, code: str) -> None:
    first, last = ROW.spans[name]
    raw = written()
    with pytest.raises(Refused) as refused:
        getattr(line(raw[: first - 1] + value + raw[last:]), read)(name)
    assert (refused.value.rejection.code, refused.value.rejection.pointer) == (code, f"line 3, columns {first}-{last}")


def test_another_width_is_refused_with_both_figures() -> None:
    with pytest.raises(Refused) as refused:
        line(written() + b" ")
    assert (refused.value.rejection.expected, refused.value.rejection.found) == ("52 bytes", "53 bytes")


@pytest.mark.parametrize(
    ("near", "text", "year"),
    [
        (date(2025, 12, 31), "0102", 2026),
        (date(2026, 1, 2), "1231", 2025),
        (date(2028, 2, 28), "0229", 2028),
        (date(2027, 12, 1), "0229", 2028),
        (date(2026, 7, 1), "0101", 2026),
        (date(2026, 7, 3), "0101", 2027),
        (date(1, 1, 1), "0102", 1),
        (date(9999, 12, 31), "1230", 9999),
    ],
)
def test_a_day_has_the_year_that_is_nearest(near: date, text: str, year: int) -> None:
    first, last = ROW.spans["day"]
    raw = written()
    assert line(raw[: first - 1] + text.encode() + raw[last:], near=near).day("day").year == year


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"number": 12345}, "number"),
        ({"number": -1}, "number"),
        ({"code": "TOOLONG"}, "code"),
        ({"code": "码"}, "code"),
        ({"code": "A\nB"}, "code"),
        ({"amount": Money(amount=1_000_000)}, "amount"),
        ({"at": AT - timedelta(days=300)}, "at"),
        ({"day": date(2025, 3, 1)}, "day"),
    ],
)
def test_what_would_say_something_else_does_not_fit(fields: dict[str, object], name: str) -> None:
    assert [column.name for column in misfits(ROW, FIELDS | fields, NEAR)] == [name]


def test_writing_what_does_not_fit_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="TX1 cannot say code"):
        written(code="TOOLONG")
    with pytest.raises(ValueError, match="do not fit"):
        punch(10**6, 6)


@pytest.mark.parametrize(
    ("fields", "pointer", "column", "value"),
    [
        ({"name": "测试甲乙丙"}, "/x/name", "name", "测试甲乙".encode("gb18030")),
        ({"name": "测试A𠮷B"}, "/x/name", "name", "测试A".encode("gb18030") + b"   "),
        ({"at": AT + timedelta(seconds=9)}, "/x/at", "at", b"01091651"),
    ],
)
def test_what_becomes_less_precise_is_a_loss(
    fields: dict[str, object], pointer: str, column: str, value: bytes
) -> None:
    losses = Losses()
    first, last = ROW.spans[column]
    assert write(ROW, FIELDS | fields, losses, "/x")[first - 1 : last] == value
    assert [(loss.pointer, loss.reason) for loss in losses.all()] == [(pointer, "less_precise")]


def test_times_are_beijing_whatever_zone_they_come_in() -> None:
    assert line(written(at=AT.astimezone(UTC))).moment("at") == AT


@given(fen=st.integers(-(10**13) + 1, 10**13 - 1))
def test_money_there_and_back(fen: int) -> None:
    assert unpunch(punch(fen, 13)) == fen


@given(
    number=st.integers(0, 9999),
    name=st.text(st.characters(codec="gb18030", exclude_categories=["C", "Z"]), min_size=1, max_size=2),
    code=st.text(st.sampled_from("ABZ09-_."), min_size=1, max_size=5),
    days=st.integers(-182, 182),
)
def test_every_value_there_and_back(number: int, name: str, code: str, days: int) -> None:
    at = AT + timedelta(days=days)
    row = line(written(number=number, name=name, code=code, at=at, day=at.date()))
    assert (row.integer("number"), row.text("name"), row.text("code")) == (number, name, code)
    assert (row.moment("at"), row.day("day")) == (at, at.date())


@given(raw=st.binary(min_size=49, max_size=49))
def test_any_bytes_are_cut_or_refused(raw: bytes) -> None:
    @never_raises
    def parse(raw: bytes) -> Observation:
        row = line(b"TX1" + raw)
        raise row.refuse("number", "unknown_code", "cut")

    answer = parse(raw)
    assert isinstance(answer, Rejection)
    assert answer.pointer.startswith("line 3, columns ")
