"""A channel's day read by columns gives exactly the rows, and the quarantine, of reading it message by message."""

import json
import random
from collections.abc import Sequence
from datetime import date
from functools import cache
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.agents import AGENTS_SOUTH, adapter_for
from adapters.agents import adapter as agents
from adapters.agents import table as agents_table
from adapters.kit.columns import punch, unpunch
from adapters.windows import adapter as windows
from adapters.windows.layout import RECORDS
from hub.ports import Adapter, Part, Splitting, Table, Tabular
from reconciliation.datasets import read_rows
from reconciliation.rows import Row
from reconciliation.sources.channel import ChannelDay, parts_of_orders, read_channel_day
from schemas.observation import Observation, Rejection

SAMPLES = Path("adapters/agents/samples")


class Through:
    """The port ``Channels`` over one adapter; with ``columns`` off, as if it read none."""

    def __init__(self, adapter: Adapter, columns: bool = True) -> None:
        self.adapter = adapter
        self.columns = columns
        self.slow_parts = 0

    def extract(self, channel: str, business_date: date) -> bytes:
        raise LookupError(channel)

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        assert isinstance(self.adapter, Splitting)
        return self.adapter.split(raw)

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection:
        self.slow_parts += 1
        return self.adapter.parse(raw)

    def table(self, channel: str, raw: bytes | mmap) -> Table | Rejection | None:
        return self.adapter.table(raw) if self.columns and isinstance(self.adapter, Tabular) else None

    def persons(self, documents: Sequence[str]) -> list[str]:
        return [f"seen:{document}" if document else "" for document in documents]


def read(adapter: Adapter, raw: bytes | Path, folder: Path, columns: bool = True) -> tuple[ChannelDay, int]:
    through = Through(adapter, columns)
    return read_channel_day(through, adapter.profile.channel, raw, "5" * 64, folder), through.slow_parts


def said(day: ChannelDay) -> tuple[list[Row], list[tuple[str, str]], str | None]:
    rows = sorted(read_rows(day.dataset.paths), key=str) if day.dataset else []
    return rows, sorted((q.raw, q.reason) for q in day.quarantined), day.refused


def same_both_ways(adapter: Adapter, raw: bytes, folder: Path) -> int:
    """Compare; how many messages the columns left to be read one by one."""
    by_columns, slow = read(adapter, raw, folder / "columns")
    one_by_one, _ = read(adapter, raw, folder / "messages", columns=False)
    assert said(by_columns) == said(one_by_one)
    return slow


def sample_lines(folder: Path = SAMPLES) -> list[bytes]:
    return [
        json.dumps(json.loads(path.read_bytes()), ensure_ascii=False).encode()
        for path in sorted(folder.glob("*.native.json"))
        if not path.name.startswith("reject-not-json") and _is_json(path.read_bytes())
    ]


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def renumbered(line: bytes, number: int) -> bytes:
    """The same order under another number."""
    known = json.loads(line).get("supplierOrderNo")
    return line.replace(str(known).encode(), f"EG{number:08d}".encode()) if known else line


@cache
def orders() -> tuple[bytes, ...]:
    """Orders as agents write them, each under its own number."""
    return tuple(renumbered(line, n) for n, line in enumerate(sample_lines(), start=1))


@pytest.fixture
def plain() -> list[bytes]:
    return list(orders())


def test_all_samples_at_once(tmp_path: Path, plain: list[bytes]) -> None:
    assert len(plain) > 40
    slow = same_both_ways(agents, b"\n".join(plain), tmp_path)
    assert 0 < slow < len(plain), "some are plain sales, and some are stories"


def test_samples_under_their_own_numbers_are_told_several_times(tmp_path: Path) -> None:
    """Orders of several lines are folded from all of them."""
    same_both_ways(agents, b"\n".join(sample_lines()), tmp_path)


def test_samples_of_the_other_code_table(tmp_path: Path) -> None:
    lines = sample_lines(Path("adapters/agents/samples_south"))
    same_both_ways(adapter_for(AGENTS_SOUTH), b"\n".join(renumbered(x, n) for n, x in enumerate(lines, 1)), tmp_path)


def test_a_block_ends_anywhere(tmp_path: Path, plain: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents_table, "BLOCK_BYTES", 5_000)
    same_both_ways(agents, b"\n".join(plain) + b"\n\n  \n", tmp_path)


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"{}", b"\n\n{}\n", b"nothing", b"\xff\xfe\n", b"[]\n{}", b'{"a":1}{"b":2}']
)
def test_what_is_no_day(tmp_path: Path, raw: bytes) -> None:
    same_both_ways(agents, raw, tmp_path)


def test_two_orders_on_a_line_and_one_on_two(tmp_path: Path, plain: list[bytes]) -> None:
    sale = next(line for line in plain if b'"ticketStatus": 3202' in line)
    halves = renumbered(sale, 91).replace(b', "tickets"', b',\n "tickets"')
    same_both_ways(agents, renumbered(sale, 92) + b" " + renumbered(sale, 93) + b"\n" + halves, tmp_path)


def test_the_same_order_once_plain_and_once_written_oddly(tmp_path: Path, plain: list[bytes]) -> None:
    """Its number in small letters, escaped, or beside another one: still one order, folded from both lines."""
    sale = renumbered(next(line for line in plain if b'"ticketStatus": 3202' in line), 95)
    number = b'"supplierOrderNo": "EG00000095"'
    assert number in sale
    for odd in (
        b'"supplierOrderNo": "eg 00000095"',
        b'"supplierOrderN\\u006f": "EG00000095"',
        b'"supplierOrderNo": "EG00000094", "supplierOrderNo": "EG00000095"',
        b'"x": {"supplierOrderNo": "EG00000094"}, "supplierOrderNo": "EG00000095"',
    ):
        again = sale.replace(number, odd).replace(b'"revision": 1', b'"revision": 2')
        same_both_ways(agents, b"\n".join([sale, again, renumbered(sale, 96)]), tmp_path / odd.hex()[:80])


AMOUNTS = (
    "553",
    "553.1",
    "553.10",
    "5.53e2",
    '"553"',
    '"553.10"',
    "-1",
    "0",
    "0.0000000",
    "553.001",
    "1e3",
    "null",
    "true",
)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_amounts_in_every_form(tmp_path: Path, plain: list[bytes], amount: str) -> None:
    lines = []
    for n, line in enumerate(plain[:40], start=1):
        document = json.loads(renumbered(line, 200 + n))
        for name in ("tickets", "payments", "refunds"):
            for item in document.get(name) or []:
                if isinstance(item, dict):
                    for field in ("price", "amount", "gross", "net", "serviceFee"):
                        if field in item and (n + len(field)) % 3 == 0:
                            item[field] = f"<{amount}>"
        text = json.dumps(document, ensure_ascii=False)
        lines.append(text.replace(f'"<{amount}>"', amount).encode() if '"' not in amount else _quoted(text, amount))
    same_both_ways(agents, b"\n".join(lines), tmp_path)


def _quoted(text: str, amount: str) -> bytes:
    return text.replace(json.dumps(f"<{amount}>"), amount).encode()


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", " ", "x", "EG00000001", "\u0007", "北京南", "2026-02-30", "2026-1-9", "16:51", "24:00:00", "25:61:00",
     0, 1, -1, 3, 9, 10, 3202, 3801, 3703, 3102, 99999, 1.5, "3202", True, [], {}, [None], [{}], "A" * 70, "A" * 300,
     "WXPAY", "AGENT", "05,12A", "05,无座", "二等座", "990101199001010015", "99010119900101001X", "E00000000", "CHANGE",
     "SETTLED", "FAILED"]
)  # fmt: skip


@settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_fields(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any field of any order replaced, removed, doubled or added."""
    chance = random.Random(data.draw(st.integers(0, 10**6)))
    lines = list(orders())
    for _ in range(data.draw(st.integers(1, 12))):
        place = chance.randrange(len(lines))
        document = json.loads(lines[place])
        target: Any = document
        for _ in range(chance.randrange(3)):
            inner = [v for v in target.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
            if inner:
                target = chance.choice(chance.choice(inner))
        field = chance.choice([*target, "unheardOf"])
        act = chance.randrange(4)
        if act == 0:
            target.pop(field, None)
        elif act == 1 and isinstance(target.get(field), list):
            target[field] = target[field] * 2
        else:
            target[field] = data.draw(VALUES)
        lines[place] = json.dumps(document, ensure_ascii=chance.random() < 0.1).encode()
    same_both_ways(agents, b"\n".join(lines), tmp_path_factory.mktemp("damaged"))


@settings(deadline=None, max_examples=5, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_damaged_bytes(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Bytes overwritten, cut out and put in anywhere."""
    chance = random.Random(seed)
    raw = bytearray(b"\n".join(orders()))
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(raw))
        match chance.randrange(3):
            case 0:
                raw[place] = chance.choice(b'\x00\n\r"{}[],:\\\xff09AEe. ')
            case 1:
                del raw[place : place + chance.randint(1, 60)]
            case _:
                raw[place:place] = bytes(chance.choice(b'\n"{}[],\\\xe4') for _ in range(chance.randint(1, 3)))
    same_both_ways(agents, bytes(raw), tmp_path_factory.mktemp("bytes"))


def test_messages_of_orders_are_found_again(tmp_path: Path, plain: list[bytes]) -> None:
    odd = plain[1].replace(b'"supplierOrderNo": "EG00000002"', b'"supplierOrderNo": "eg00000002"')
    same_parts(
        agents, b"\n".join([*plain, plain[0], odd, b"{}", b"x"]), tmp_path, {f"EG{n:08d}" for n in (1, 2, 3, 999)}
    )


def same_parts(adapter: Adapter, raw: bytes, folder: Path, wanted: set[str]) -> None:
    path = folder / "extract"
    path.write_bytes(raw)
    name = adapter.profile.channel
    by_columns = parts_of_orders(Through(adapter), name, path, wanted)
    assert by_columns == parts_of_orders(Through(adapter, columns=False), name, raw, wanted)
    assert len(by_columns) > 1
    assert sum(map(len, by_columns.values())) > len(by_columns), "of one order there are two"


# --- windows: a day of fixed-width records


def records_of(path: Path) -> list[bytes]:
    """The transaction records of a sample message."""
    lines = path.read_bytes().rstrip(b" \r\n").split(b"\r\n")
    return [line for line in lines if line[:3].decode("ascii", "replace") in RECORDS]


@cache
def transactions() -> tuple[tuple[bytes, ...], ...]:
    """Samples of January 2026 as transactions, each order under its own number."""
    found: list[tuple[bytes, ...]] = []
    for path in sorted(Path("adapters/windows/samples").glob("*.native.txt")):
        lines = records_of(path)
        if lines and path.read_bytes()[6:12] == b"202601":
            number = f"EC{len(found) + 1:08d}".encode()
            found.append(tuple(line.replace(lines[0][18:28], number) for line in lines))
    return tuple(found)


def day_of(shifts: Sequence[Sequence[Sequence[bytes]]], kind: str = "D") -> bytes:
    """A file of one office with these shifts of transactions; its control totals are right."""
    lines, totals = (
        [b"FH " + kind.encode() + b"01" + b"20260109" + b"00" + b" " * 6, b"OH VNP01 " + b" " * 8],
        [0, 0, 0],
    )
    for window, transactions_of in enumerate(shifts, start=1):
        lines.append(f"SH {window:<4}2 0415  T07   ".encode() + b" " * 8)
        records = [
            line[:3] + f"{running:06d}".encode() + line[9:]
            for running, members in enumerate(transactions_of, start=1)
            for line in members
        ]
        fen = sum(_fen_of(line) for line in records)
        lines += [*records, _trailer("ST ", len(transactions_of), len(records), fen)]
        totals = [totals[0] + 1, totals[1] + len(records), totals[2] + fen]
    lines += [_trailer("OT ", *totals), _trailer("FT ", 1, totals[1], totals[2])]
    return b"\r\n".join(lines) + b"\r\n"


def _trailer(code: str, units: int, records: int, fen: int) -> bytes:
    return f"{code}{units:06d}{records:06d}{punch(fen, 13)}".encode()


def _fen_of(line: bytes) -> int:
    layout = RECORDS.get(line[:3].decode("ascii", "replace"))
    if layout is None or len(line) != layout.width:
        return 0
    spans = [layout.spans[column.name] for column in layout.columns if column.kind == "money"]
    pieces = [line[first - 1 : last].decode("ascii", "replace") for first, last in spans]
    return sum(unpunch(piece) or 0 for piece in pieces if piece.strip())


def test_a_day_of_the_windows(tmp_path: Path) -> None:
    told = transactions()
    assert len(told) > 30
    slow = same_both_ways(windows, day_of([told[:20], [], told[20:]]), tmp_path)
    assert 0 < slow < len(told), "some are plain sales, and some are stories"


def test_an_order_of_several_transactions_of_a_day(tmp_path: Path) -> None:
    told = transactions()
    same_both_ways(windows, day_of([told, told[:7]]), tmp_path)


def test_messages_of_orders_of_the_windows_are_found_again(tmp_path: Path) -> None:
    told = transactions()
    same_parts(windows, day_of([told, told[:2]]), tmp_path, {"EC00000001", "EC00000002", "EC00000030", "EC99999999"})


@pytest.mark.parametrize("kind", ["S", "N", "X"])
def test_files_that_are_no_day(tmp_path: Path, kind: str) -> None:
    same_both_ways(windows, day_of([transactions()[:3]], kind), tmp_path)


def test_a_wrong_total_and_a_torn_file_are_refused_in_the_same_words(tmp_path: Path) -> None:
    raw = day_of([transactions()[:5], transactions()[5:9]])
    lines = raw.split(b"\r\n")
    for n, damaged in enumerate(
        (
            raw.replace(b"ST 000005", b"ST 000006"),
            raw[:-200],
            raw.replace(b"\r\n", b"\n"),
            raw + b"SL0",
            raw[:-2],
            raw[:-2] + b"\r\n  ",
            b"\r\n".join([*lines[:2], *lines[3:]]),
            b"\r\n".join([*lines[:4], lines[3], *lines[4:]]),
            b"",
            b"\r\n",
        )
    ):
        same_both_ways(windows, damaged, tmp_path / str(n))


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_damaged_records(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Letters of records overwritten, records cut, doubled and moved; the totals are then right or wrong."""
    chance = random.Random(seed)
    told = [list(members) for members in transactions()]
    for _ in range(chance.randint(1, 30)):
        members = chance.choice(told)
        place = chance.randrange(len(members))
        line = bytearray(members[place])
        match chance.randrange(8):
            case 0:
                members.append(bytes(line))
            case 1:
                line = line[: chance.randrange(3, len(line))]
            case 2:
                line[chance.randrange(len(line))] = chance.choice(b"\x00\x1f\x81\xff\x7f")
            case _:
                line[chance.randrange(3, len(line))] = chance.choice(b" 0919AZaz{}JR-?.")
        members[place] = bytes(line)
    raw = day_of([told[:15], told[15:]])
    if chance.random() < 0.2:
        raw = raw.replace(b"ST 0000", b"ST 0001", 1)
    same_both_ways(windows, raw, tmp_path_factory.mktemp("records"))
