"""The declarative layer: what a codec writes it reads again, what a wire writes it reads again, and tables that lie."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kit.authoring_samples import stories
from adapters.kit.channel import ChannelAdapter
from adapters.kit.folding import event_of, identities, order_of
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused
from adapters.kit.registry import registered
from adapters.kit.tables import (
    Always,
    Amount,
    Code,
    Column,
    Csv,
    Day,
    Fixed,
    Flag,
    Identifier,
    Ignored,
    Json,
    Moment,
    Number,
    Reserved,
    Table,
    TableAdapter,
    TableError,
    Text,
    Words,
    Xml,
    channel,
)
from adapters.kit.tables.codecs import Codec, Place
from adapters.kit.tables.slots import SLOTS
from adapters.kit.tables.wires import Frame, Wire
from adapters.kit.transport import Asking
from hub.ports import Adapter, Connectable, Extracting, Part, Splitting
from interlock.connections import wanted
from schemas.codes import code_list
from schemas.identifiers import order_no, ticket_no
from schemas.money import Money
from schemas.observation import Observation, Rejection

TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp")), min_size=1, max_size=20)
CLEAN = TEXTS.filter(lambda text: text.strip() == text)
MOMENTS = st.integers(631_300_000, 4_102_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
VALUES: list[tuple[Codec, st.SearchStrategy[Any]]] = [
    (Text(), CLEAN),
    (Amount("fen"), st.integers(0, 10**11).map(lambda n: Money(amount=n))),
    (Amount("jiao"), st.integers(0, 10**11).map(lambda n: Money(amount=n))),
    (Amount("yuan", signed=True), st.integers(-(10**11), 10**11).map(lambda n: Money(amount=n))),
    (Moment("%d.%m.%Y %H:%M:%S"), MOMENTS),
    (Moment("%Y%m%d%H%M%S", zone="Asia/Kathmandu"), MOMENTS),
    (Day("%d/%m/%Y"), st.dates(date(1990, 1, 1), date(2100, 12, 31))),
    (Number(0, 10**6), st.integers(0, 10**6)),
    (Flag("ja", "nein"), st.booleans()),
    (Words({"a": 1, "b": 2}), st.sampled_from([1, 2])),
    (Identifier(order_no, "EW00000001"), st.integers(0, 10**8 - 1).map(lambda n: f"EW{n:08d}")),
    (Code("seat_class"), st.sampled_from(sorted(row["code"] for row in code_list("seat_class").rows))),
]


def record(value: object) -> Record:
    return Record({"f": value}, "", Losses(), "elsewhere")


def place(losses: Losses) -> Place:
    return Place("/here", losses, "elsewhere", {})


@pytest.mark.parametrize(("codec", "values"), VALUES, ids=lambda v: v.words if hasattr(v, "words") else "")
def test_a_codec_reads_what_it_wrote(codec: Codec, values: st.SearchStrategy[Any]) -> None:
    @settings(max_examples=150, deadline=None)
    @given(values)
    def property_(value: Any) -> None:
        losses = Losses()
        native = codec.write(value, place(losses))
        assert losses.all() == ()
        assert codec.read(record(native), "f") == value
        assert codec.read(record(str(native)), "f") == value, "also when the wire knows only texts"

    property_()


class TestWhatACodecCannotSay:
    @pytest.mark.parametrize(
        ("codec", "value", "reason"),
        [
            (Text(4), "测试测试测试", "less_precise"),
            (Text(), "two\nlines", "less_precise"),
            (Moment("%Y-%m-%d %H:%M"), datetime(2026, 1, 9, 12, 0, 5, tzinfo=UTC), "less_precise"),
            (Amount("fen"), Money(amount=100, currency="EUR"), "not_expressible"),
            (Words({"a": 1}), 2, "not_expressible"),
            (Code("seat_class"), "hammock", "unknown_code"),
        ],
    )
    def test_it_is_a_loss(self, codec: Codec, value: object, reason: str) -> None:
        losses = Losses()
        codec.write(value, place(losses))
        assert [(loss.reason, loss.pointer) for loss in losses.all()] == [(reason, "/here")]

    def test_jiao_are_exact_all_the_same(self) -> None:
        assert Amount("jiao").write(Money(amount=5535), place(Losses())) == "553.5"

    def test_an_hour_that_comes_twice_is_told_with_a_loss(self) -> None:
        """New York, 1 November 2026: 01:30 is shown twice; told the second one, the channel reads the first."""
        codec, losses = Moment("%Y-%m-%d %H:%M:%S", zone="America/New_York"), Losses()
        first, second = (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6))
        assert codec.read(record(codec.write(first, place(losses))), "f") == first
        assert losses.all() == ()
        assert codec.read(record(codec.write(second, place(losses))), "f") == first
        assert [loss.reason for loss in losses.all()] == ["less_precise"]

    @pytest.mark.parametrize("zone", ["America/New_York"])
    def test_an_hour_that_never_comes_is_refused(self, zone: str) -> None:
        with pytest.raises(Refused) as refused:
            Moment("%Y-%m-%d %H:%M:%S", zone=zone).read(record("2026-03-08 02:30:00"), "f")
        assert refused.value.rejection.code == "time_invalid"

    @pytest.mark.parametrize("layout", ["%H:%M", "%Y-%m-%d %M", "%Y-%m-%d %j", "%Y-%m-%d %Y", ""])
    def test_a_layout_that_is_none_is_a_sentence(self, layout: str) -> None:
        with pytest.raises(ValueError, match=r"layout|hours"):
            Moment(layout)


# --- codes without a column ------------------------------------------------------------------------------------------


class TestCodesOfAnotherPackage:
    CLASSES = code_list("seat_class")

    @pytest.mark.parametrize("native", ["second", "二等座", "second class"])
    def test_without_column_and_table_our_words_are_read(self, native: str) -> None:
        assert self.CLASSES.read("elsewhere", native) == "second"

    def test_without_column_and_table_our_codes_are_written(self) -> None:
        assert self.CLASSES.write("elsewhere", "second") == "second"
        assert self.CLASSES.write("elsewhere", "hammock") is None

    def test_a_table_of_its_own_is_all_there_is(self) -> None:
        table = {"2ND": "second"}
        assert self.CLASSES.read("elsewhere", "2ND", table) == "second"
        assert self.CLASSES.read("elsewhere", "second", table) is None
        assert self.CLASSES.write("elsewhere", "second", table) == "2ND"
        assert self.CLASSES.write("elsewhere", "first", table) is None

    def test_a_channel_with_a_column_is_read_by_it(self) -> None:
        assert self.CLASSES.read("web", "O") == "second"
        assert self.CLASSES.read("web", "second") is None


# --- wires -----------------------------------------------------------------------------------------------------------

ACTS: dict[str, Any] = {
    act: act for act in ("hold", "sell", "cancel", "change", "change_destination", "refund", "print", "enter", "exit")
}
HEAD = ("order_no",)


def all_slots(wire: Wire, prefix: str = "", width: int = 0) -> TableAdapter:
    """An adapter whose table has every slot but those that a test leaves out."""
    names = {slot: slot if slot in HEAD or not prefix else f"{prefix}/{slot}" for slot in SLOTS}
    columns = [Column(names[slot], slot, None, width) for slot in SLOTS if slot not in ("paid_at", "sequence")]
    return channel("tested", "试", "tested", Table(wire, ACTS, columns), asks={"hold"})


WIRES: dict[str, TableAdapter] = {
    "csv": all_slots(Csv()),
    "semicolons": all_slots(Csv(delimiter=";")),
    "fixed": all_slots(Fixed(), width=45),
    "json": all_slots(Json(rows="tickets"), "tickets"),
    "xml": all_slots(Xml(rows="Order/Ticket"), "Order/Ticket"),
    "xml-namespace": all_slots(Xml(rows="Ticket", namespace="urn:test"), "Ticket"),
}
BY_WIRE = pytest.mark.parametrize("adapter", WIRES.values(), ids=WIRES)


@BY_WIRE
@pytest.mark.parametrize("story", sorted(stories()))
def test_every_story_there_and_back(adapter: TableAdapter, story: str) -> None:
    """Slot values -> bytes -> facts -> bytes -> facts: nothing is lost on the way, in any wire."""
    losses = Losses()
    raw = adapter.say(stories()[story], losses)
    assert losses.all() == ()
    seen = adapter.parse(raw)
    assert isinstance(seen, Observation), seen
    assert seen.losses == ()
    order = order_of(seen)
    formatted = adapter.format(event_of(seen, order, adapter.profile), order)
    assert formatted is not None
    again = adapter.parse(formatted.body)
    assert isinstance(again, Observation), again
    assert identities(again.facts) == identities(seen.facts)
    assert formatted.losses == ()


@BY_WIRE
def test_told_without_facts_a_ticket_is_told_by_its_state(adapter: TableAdapter) -> None:
    seen = adapter.parse(adapter.say(stories()["sale-two-tickets"], Losses()))
    assert isinstance(seen, Observation)
    order = order_of(seen)
    formatted = adapter.format(event_of(seen, order, adapter.profile).model_copy(update={"facts": ()}), order)
    assert formatted is not None
    again = adapter.parse(formatted.body)
    assert isinstance(again, Observation)
    assert identities(again.facts) == identities(seen.facts)


NATIVES = st.dictionaries(
    st.sampled_from(["ticket_no", "office", "clerk", "agent"]),
    CLEAN.filter(lambda text: len(text.encode("gb18030")) <= 40),
    min_size=1,
)


@BY_WIRE
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(NATIVES, min_size=1, max_size=5))
def test_a_wire_reads_what_it_wrote(adapter: TableAdapter, rows: list[dict[str, str]]) -> None:
    """Any text in any column, in any number of rows, whatever separators, quotes or brackets it holds."""
    wire, frame = adapter.table.wire, replace(adapter.frame, encoding="gb18030")
    names = {column.slot: column.name for column in adapter.columns}
    natives = [{names[slot]: text for slot, text in row.items()} for row in rows]
    raw = wire.write({}, cast(Any, natives), frame, Losses())
    read = [{n: record.fields.get(n) for n in names.values() if record.has(n)} for record in wire.read(raw, frame).rows]
    assert read == natives


class TestEncodings:
    def adapter(self, wire: Wire) -> TableAdapter:
        columns = [Column(slot, slot, None, 45) for slot in SLOTS if slot not in ("paid_at", "sequence")]
        return channel("gbk", "国标", "gbk", Table(wire, ACTS, columns), encoding="gb18030")

    @pytest.mark.parametrize("wire", [Csv(), Fixed(), Xml()], ids=["csv", "fixed", "xml"])
    def test_gb18030(self, wire: Wire) -> None:
        adapter = self.adapter(wire)
        raw = adapter.say(stories()["sale"], Losses())
        assert "测试甲".encode("gb18030") in raw
        assert isinstance(adapter.parse(raw), Observation)
        damaged = adapter.parse(raw.replace("测".encode("gb18030"), b"\xff\xff"))
        assert isinstance(damaged, Rejection)
        assert damaged.code == "encoding_damaged"

    def test_a_character_is_never_cut_in_half(self) -> None:
        wide = self.adapter(Fixed()).columns
        columns = [replace(c, width=7) if c.slot == "passenger_name" else c for c in wide]
        adapter = channel("gbk", "国标", "gbk", Table(Fixed(), ACTS, columns), encoding="gb18030")
        losses, (row,) = Losses(), stories()["sale"]
        row.values["passenger_name"] = "欧阳测试甲"
        seen = adapter.parse(adapter.say([row], losses))
        assert isinstance(seen, Observation)
        assert '"name":"欧阳测"' in seen.model_dump_json()
        assert [loss.reason for loss in losses.all()] == ["less_precise"]

    def test_a_number_is_never_cut(self) -> None:
        adapter = self.adapter(Fixed())
        columns = [replace(c, width=4) if c.slot == "fare" else c for c in adapter.columns]
        narrow = channel("gbk", "国标", "gbk", Table(Fixed(), ACTS, columns))
        losses = Losses()
        assert narrow.say(stories()["sale"], losses) == b""
        assert "longer than the 4 bytes of column fare" in losses.all()[0].note


class TestPlaces:
    """Every wire says where something is wrong in its own words."""

    @pytest.mark.parametrize(
        ("wire", "pointer"),
        [
            ("csv", "line 2, column fare"),
            ("fixed", ""),
            ("json", "/tickets/0/fare"),
            ("xml", "/Message/Order/Ticket/fare"),
            ("xml-namespace", "/Message/Ticket/fare"),
        ],
    )
    def test_place(self, wire: str, pointer: str) -> None:
        adapter = WIRES[wire]
        answer = adapter.parse(adapter.say(stories()["sale"], Losses()).replace(b"553.00", b"5x3.00", 1))
        assert isinstance(answer, Rejection)
        assert (answer.code, answer.found[-6:]) == ("amount_invalid", "5x3.00")
        span = adapter.table.wire.spans(adapter.frame)["fare"] if wire == "fixed" else (0, 0)  # type: ignore[attr-defined]
        assert answer.pointer == (f"line 1, columns {span[0]}-{span[1]}" if wire == "fixed" else pointer)


GATE = ("ticket_no", "act", "at", Column("gate", "terminal"), Column("n", "rows"))
GATES = channel("gates", "闸机", "gates", Table(Csv(), {"in": "enter", "out": "exit"}, GATE))
HEADER = "ticket_no,act,at,gate,n\n"
ROW = "EW00000001105012A,in,2026-01-11 07:41:09,7,1\n"


class TestCsv:
    def answer(self, text: str) -> Observation | Rejection:
        return GATES.parse(text.encode())

    def test_a_byte_order_mark_and_crlf_are_read(self) -> None:
        assert isinstance(self.answer("\ufeff" + (HEADER + ROW).replace("\n", "\r\n")), Observation)

    @pytest.mark.parametrize(
        ("text", "code", "pointer"),
        [
            (HEADER + ROW[:-1], "message_truncated", "line 2"),
            (HEADER, "message_malformed", "line 2"),
            (HEADER + ROW.replace(",7,", ",7,8,"), "message_malformed", "line 2"),
            (HEADER.replace("gate", "act") + ROW, "message_malformed", "line 1, column act"),
            (HEADER.replace(",gate", "") + ROW, "message_malformed", "line 1"),
            (HEADER + ROW.replace("in", '"in'), "message_malformed", "line 2"),
            (HEADER + ROW.replace(",1\n", ",2\n"), "message_truncated", "line 2, column n"),
            (HEADER + ROW.replace("in", ""), "message_malformed", "line 2, column act"),
            (HEADER + ROW.replace("2026-01-11 07:41:09", ""), "message_malformed", "line 2, column at"),
            (HEADER + ROW * 21, "message_malformed", "line 2"),
        ],
    )
    def test_refused_with_its_place(self, text: str, code: str, pointer: str) -> None:
        answer = self.answer(text)
        assert isinstance(answer, Rejection), answer
        assert (answer.code, answer.pointer) == (code, pointer)

    def test_a_file_is_split_by_order_and_moment(self) -> None:
        two = ROW.replace(",1\n", ",2\n")
        rows = [
            two,
            two.replace("012A", "012B"),
            ROW.replace("07:41:09", "07:41:10"),
            ROW.replace("EW", "EA"),
            "junk\n",
        ]
        parts = GATES.split((HEADER + "".join(rows)).encode())
        assert not isinstance(parts, Rejection)
        assert [part.place for part in parts] == ["lines 2-3", "line 4", "line 5", "line 6"]
        assert [isinstance(GATES.parse(part.raw), Observation) for part in parts] == [True, True, True, False]
        again: list[Part] = list(cast(Any, GATES.split((HEADER + "".join(rows)).encode())))
        assert [part.message_id for part in parts] == [part.message_id for part in again]

    def test_a_file_that_was_cut_off_is_refused_whole(self) -> None:
        assert isinstance(GATES.split((HEADER + ROW + ROW[:20]).encode()), Rejection)

    def test_one_message_speaks_of_one_order(self) -> None:
        answer = self.answer(HEADER + (ROW + ROW.replace("EW", "EA")).replace(",1\n", ",2\n"))
        assert isinstance(answer, Rejection)
        assert (answer.code, answer.pointer) == ("identifier_invalid", "line 3, column ticket_no")

    def test_rows_that_contradict_each_other_are_refused(self) -> None:
        other = ROW.replace("07:41:09", "07:42:00")
        answer = self.answer(HEADER + (ROW + other).replace(",1\n", ",2\n"))
        assert isinstance(answer, Rejection)
        assert "contradict" in answer.detail

    def test_what_the_act_has_no_place_for_is_a_loss(self) -> None:
        table = Table(Csv(), {"in": "enter"}, (*GATE[:3], "fare"))
        answer = channel("gates", "闸机", "gates", table).parse(
            b"ticket_no,act,at,fare\nEW00000001105012A,in,2026-01-11 07:41:09,553.00\n"
        )
        assert isinstance(answer, Observation)
        assert [(loss.pointer, loss.reason) for loss in answer.losses] == [("line 2, column fare", "not_mapped")]


class TestXml:
    ADAPTER = WIRES["xml"]

    @pytest.mark.parametrize(
        "text",
        [
            "<!DOCTYPE x [<!ENTITY e 'boom'>]><Message/>",
            "<Massage/>",
            "<Message>",
            "<Message/>",
            '<?xml version="1.0" encoding="GBK"?><Message/>',
            "<Message>" + "<a>" * 500 + "</a>" * 500 + "</Message>",
        ],
    )
    def test_refused(self, text: str) -> None:
        assert isinstance(self.ADAPTER.parse(text.encode()), Rejection)

    def test_what_nobody_reads_is_a_loss_wherever_it_stands(self) -> None:
        raw = self.ADAPTER.say(stories()["enter"], Losses()).decode()
        raw = raw.replace("<Message>", '<Message v="1">text<Meal>rice</Meal>').replace("<Ticket>", '<Ticket vip="Y">')
        answer = self.ADAPTER.parse(raw.encode())
        assert isinstance(answer, Observation)
        assert {loss.pointer for loss in answer.losses} == {
            "/Message/@v",
            "/Message/Meal",
            "/Message/text()",
            "/Message/Order/Ticket/@vip",
        }


# --- tables that cannot work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table(Csv(), {"in": "enter"}, ("act", "at")), "the act enter needs the slots ticket_no"),
        (Table(Csv(), {"S": "sell"}, ("act", "at", "ticket_no")), "needs the slots ticket_type, passenger_name"),
        (Table(Csv(), {"in": "enter"}, ("act", "at", "ticket_no", "speed")), "there is no slot 'speed'"),
        (Table(Csv(), {"in": "enter"}, ("act", "at", "ticket_no", "at")), "the table has at twice"),
        (Table(Csv(), {"in": "enter"}, ("act", "at", "ticket_no", Column("x"))), "column x has no slot"),
        (Table(Csv(), {"w": "waitlist"}, ("act", "at", "ticket_no")), "cannot say the act 'waitlist'"),
        (Table(Csv(), {"p": "collect"}, ("act", "at", "pickup_ref")), "neither order_no nor ticket_no"),
        (Table(Fixed(), {"in": "enter"}, ("act", "at", "ticket_no")), "every column has a width: act, at, ticket_no"),
    ],
)
def test_a_table_that_cannot_work_says_what_to_do(table: Table, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        channel("x", "x", "x", table)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"seat_klass": {"2": "second"}}, "there is no code list 'seat_klass'"),
        ({"seat_class": {"2": "secnd"}}, "seat_class has no such codes: '2': 'secnd'; it has business"),
    ],
)
def test_codes_that_lead_nowhere_are_told_at_once(tables: dict[str, dict[str, str]], sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        channel("x", "x", "x", GATES.table, code_tables=tables)


@pytest.mark.parametrize(("encoding", "sentence"), [("gb18030", "JSON is in UTF-8"), ("gb-18030-x", "no encoding")])
def test_an_encoding_that_cannot_be(encoding: str, sentence: str) -> None:
    with pytest.raises(TableError, match=sentence):
        channel("x", "x", "x", Table(Json(), {"in": "enter"}, GATE), encoding=encoding)


def test_the_profile_follows_from_the_table() -> None:
    profile = GATES.profile
    assert profile.tells == {"enter", "exit"}
    assert not profile.asks
    assert profile.states == {"entered", "used"}
    assert profile.subscribes == {"order.travelled"}
    assert profile.media_type == "text/csv"


def test_columns_that_say_nothing() -> None:
    columns = (
        *GATE,
        Column("v", None, Always("2")),
        Column("sent", None, Ignored("transport")),
        Column("r", None, Reserved()),
    )
    adapter = channel("gates", "闸机", "gates", Table(Csv(), {"in": "enter"}, columns))
    assert adapter.profile.ignores == {"sent": "transport"}
    head, row = HEADER.strip() + ",v,sent,r\n", ROW.strip()
    for cells, losses in (("2,now,", []), ("2,now,x", ["line 2, column r"])):
        answer = adapter.parse(f"{head}{row},{cells}\n".encode())
        assert isinstance(answer, Observation), answer
        assert [loss.pointer for loss in answer.losses] == losses
    wrong = adapter.parse(f"{head}{row},3,now,\n".encode())
    assert isinstance(wrong, Rejection)
    assert wrong.pointer == "line 2, column v"


def test_what_is_given_need_not_be_said() -> None:
    """A channel with one processor never names it; told of another one, that is a loss."""
    columns = [c for c in WIRES["csv"].table.columns if isinstance(c, Column) and c.slot not in ("processor", "method")]
    table = Table(Csv(), ACTS, columns, given={"processor": "wechat", "method": "wechat_pay"})
    adapter = channel("one", "一", "one", table, asks={"hold"})
    for story, lost in (("sale", set()), ("sale-standing", {"/payments/processor", "/payments/method"})):
        losses = Losses()
        assert isinstance(adapter.parse(adapter.say(stories()[story], losses)), Observation)
        assert {loss.pointer for loss in losses.all()} == lost


def test_ticket_numbers_of_the_stories_are_real() -> None:
    for rows in stories().values():
        assert all(ticket_no.is_valid(row.values["ticket_no"]) for row in rows)
    names = {row.values.get("passenger_name", "测试") for rows in stories().values() for row in rows}
    assert all("测试" in name or "TEST" in name for name in names)


def test_the_frame_is_one_per_connection() -> None:
    assert isinstance(GATES.frame, Frame)
    assert GATES.frame is GATES.frame


@pytest.mark.parametrize("name", ["web", "agents"])
def test_told_of_any_order_of_another_channel_a_table_is_understood_or_says_what_it_lost(name: str) -> None:
    """What the hub would tell a flat channel of every sample of a rich one: readable, and silent about nothing."""
    told, found = WIRES["csv"], registered()[name]
    for path in sorted(found.samples.glob("*.native.*")):
        seen = found.adapter.parse(path.read_bytes())
        if isinstance(seen, Rejection):
            continue
        order = order_of(seen)
        formatted = told.format(event_of(seen, order, found.adapter.profile), order)
        if formatted is None:
            continue
        again = told.parse(formatted.body)
        assert isinstance(again, Observation), f"{path.name}: {again}"
        missing = identities(seen.facts).keys() - identities(again.facts).keys()
        assert formatted.losses or not missing, f"{path.name}: silent about {missing}"


def test_a_table_with_transport_is_an_adapter_that_hands_out_its_day() -> None:
    whole = ChannelAdapter(GATES.profile, GATES.parse, GATES.format, GATES.split, Asking({}).day_extract)
    assert isinstance(whole, Adapter)
    assert isinstance(whole, Splitting)
    assert isinstance(whole, Extracting)
    assert isinstance(GATES, Adapter)
    assert isinstance(GATES, Splitting)
    assert not isinstance(GATES, Extracting)


def test_one_table_many_connections() -> None:
    """Another connection speaks the same table with codes of its own on top; the first stays as it is."""
    slots = [c for c in WIRES["csv"].table.columns if isinstance(c, Column)]
    north = channel("north", "北", "north", Table(Csv(), ACTS, slots), code_tables={"seat_class": {"2": "second"}})
    assert isinstance(north, Connectable)
    south = north.connected(
        replace(north.profile, channel="south", code_tables={"seat_class": {"3": "second", "2": "first"}})
    )
    raw = north.say(stories()["sale"], Losses())
    seen = [adapter.parse(raw) for adapter in (north, south)]
    assert [one.model_dump_json().count('"seat_class":"first"') for one in seen] == [0, 1]
    assert isinstance(seen[1], Observation)
    assert seen[1].point_of_sale.channel == "south"
    chosen = wanted("south", "north", ["seat_class:3=second,2=first"], {"north": north})
    assert chosen == ("north", {"seat_class": {"3": "second", "2": "first"}})
