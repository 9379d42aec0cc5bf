"""Processors' files: golden readings, broken totals, broken rows, and bytes that are nothing at all."""

import gzip
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.sources.statement import DroppedStatements, read_processor_day
from reconciliation.statements import Refused, Statement, camt053, wechat
from reconciliation.vault import Vault
from tests.reconciliation.house import DAY, as_json, at, wechat_bill

SAMPLES = Path(__file__).parent / "samples"
GOLDEN = ["wechat-all.csv", "wechat-older.csv", "bank.xml"]
READ = {".csv": wechat.read, ".xml": camt053.read}


def taken(name: str) -> Statement:
    found = READ[Path(name).suffix]((SAMPLES / name).read_bytes())
    assert isinstance(found, Statement), found
    return found


def golden(statement: Statement) -> object:
    """What a revenue accountant compares: every line without its raw text."""
    return {
        "business_date": statement.business_date,
        "lines": [{**asdict(line), "raw": None} for line in statement.lines],
        "quarantined": [(q.line, q.reason) for q in statement.quarantined],
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    expected = json.loads((SAMPLES / f"{name}.expected.json").read_text(encoding="utf-8"))
    assert json.loads(as_json(golden(taken(name)))) == expected


def test_every_golden_file_has_its_sample() -> None:
    expected = {path.name.removesuffix(".expected.json") for path in SAMPLES.glob("*.expected.json")}
    assert expected == set(GOLDEN)


def test_without_bom_and_gzipped_it_reads_the_same() -> None:
    raw = (SAMPLES / "wechat-all.csv").read_bytes()
    assert wechat.read(gzip.compress(raw)) == wechat.read(raw) == wechat.read(raw.removeprefix(b"\xef\xbb\xbf"))


TOTALS = [
    ("`7,`574.50", "`8,`574.50", "总交易单数"),
    ("`7,`574.50", "`7,`574.51", "应结订单总金额"),
    ("`574.50,`553.50,`0.00", "`574.50,`553.49,`0.00", "退款总金额"),
    ("`0.17400", "`0.17401", "手续费总金额"),
    ("`0.17400,`574.50", "`0.17400,`574.00", "订单总金额"),
    ("`574.50,`553.50\r\n", "`574.50,`553.51\r\n", "申请退款总金额"),
    ("`553.00,`0.00,`0", "`5x3.00,`0.00,`0", "应结订单总金额"),
]


@pytest.mark.parametrize(("right", "wrong", "named"), TOTALS)
def test_a_wrong_total_refuses_the_whole_bill(right: str, wrong: str, named: str) -> None:
    text = (SAMPLES / "wechat-all.csv").read_bytes().decode()
    assert right in text
    found = wechat.read(text.replace(right, wrong, 1).encode())
    assert isinstance(found, Refused)
    assert named in found.reason
    assert found.business_date == DAY


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no summary"),
        (b"\xff\xfe\x00", "not a UTF-8 CSV"),
        (b"\x1f\x8bnot gzip", "not a UTF-8 CSV"),
        ("甲,乙\n`1,`2\n总交易单数\n`1\n".encode(), "columns are missing"),
    ],
)
def test_what_is_no_bill(raw: bytes, reason: str) -> None:
    found = wechat.read(raw)
    assert isinstance(found, Refused)
    assert reason in found.reason


BALANCES = [
    ("1643.50", "1643.51", "CLBD says"),
    ("<NbOfNtries>4", "<NbOfNtries>5", "NbOfNtries"),
    (">OPBD<", ">PRCD<", "OPBD is missing"),
    ("<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>", "<CdtDbtInd>PLUS</CdtDbtInd><Dt><Dt>", "neither CRDT nor DBIT"),
    (
        '<Amt Ccy="CNY">553.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
        '<Amt Ccy="CNY">-553.00</Amt><Sts>',
        "cannot be proven",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "reason"), BALANCES)
def test_a_balance_that_does_not_hold_refuses_the_statement(right: str, wrong: str, reason: str) -> None:
    text = (SAMPLES / "bank.xml").read_text(encoding="utf-8")
    assert right in text
    found = camt053.read(text.replace(right, wrong, 1).encode())
    assert isinstance(found, Refused)
    assert reason in found.reason


def test_a_batch_that_does_not_sum_to_its_entry_is_kept_aside() -> None:
    text = (SAMPLES / "bank.xml").read_text(encoding="utf-8").replace(">40.00<", ">39.00<")
    found = camt053.read(text.encode())
    assert isinstance(found, Statement)
    assert "the transactions of the batch do not sum to the entry" in [q.reason for q in found.quarantined]


def test_evidence_names_no_payer() -> None:
    bill = taken("wechat-all.csv")
    assert all("o000" not in line.raw and "`***" in line.raw for line in bill.lines)
    named = "<RltdPties><Dbtr><Pty><Nm>张测试</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>ticket"
    text = (SAMPLES / "bank.xml").read_text(encoding="utf-8").replace("<RmtInf><Ustrd>ticket", named)
    statement = camt053.read(text.encode())
    assert isinstance(statement, Statement)
    assert "张测试" not in statement.lines[0].raw
    assert statement.lines[0].merchant_order == "EW12345678"


def test_entities_are_not_expanded() -> None:
    hostile = b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Document>&a;</Document>'
    found = camt053.read(hostile)
    assert isinstance(found, Refused)
    assert "document type" in found.reason


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_raise(data: st.DataObject) -> None:
    for name, read in (("wechat-all.csv", wechat.read), ("bank.xml", camt053.read)):
        raw = bytearray((SAMPLES / name).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(raw)))
        assert isinstance(read(bytes(raw)), Statement | Refused)
        assert isinstance(read(bytes(raw[:cut])), Statement | Refused)


# --- several files of one day ----------------------------------------------------------------------------------

ONE = ("capture", "4200000000000000000000000001", "EW12345678", 55300, at("09:30"))
TWO = ("capture", "4200000000000000000000000002", "EW12345679", 1850, at("10:30"))


def keys(tmp_path: Path, files: list[tuple[str, bytes]], day: date = DAY) -> list[str]:
    found = read_processor_day(Vault(tmp_path), "wechat", files, day)
    return sorted(row.key for row in found.rows)


def test_the_same_file_three_times_changes_nothing(tmp_path: Path) -> None:
    raw = wechat_bill([ONE, TWO])
    once = keys(tmp_path, [("a.csv", raw)])
    assert keys(tmp_path, [("a.csv", raw), ("b.csv", raw), ("c.csv", raw)]) == once


def test_a_file_in_two_pieces_or_exported_again_is_the_same_day(tmp_path: Path) -> None:
    whole = keys(tmp_path, [("a.csv", wechat_bill([ONE, TWO]))])
    assert keys(tmp_path, [("a.csv", wechat_bill([ONE])), ("b.csv", wechat_bill([TWO]))]) == whole
    assert keys(tmp_path, [("a.csv", wechat_bill([ONE, TWO])), ("b.csv", wechat_bill([TWO, ONE]))]) == whole


def test_a_row_twice_in_one_file_is_two_rows(tmp_path: Path) -> None:
    assert len(keys(tmp_path, [("a.csv", wechat_bill([ONE, ONE]))])) == 2


def test_another_days_file_is_left_alone(tmp_path: Path) -> None:
    assert keys(tmp_path, [("a.csv", wechat_bill([ONE]))], date(2026, 1, 12)) == []


def test_a_file_still_being_written_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "wechat"
    folder.mkdir()
    (folder / "a.csv.writing").write_bytes(b"half")
    (folder / "b.csv").write_bytes(b"whole")
    assert [name for name, _ in DroppedStatements(tmp_path).files("wechat", DAY)] == ["b.csv"]
    assert list(DroppedStatements(tmp_path).files("bank", DAY)) == []


def test_the_vault_notices_damage(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    name = vault.keep(b"truth")
    assert (vault.keep(b"truth"), vault.read(name)) == (name, b"truth")
    assert vault.path(name).stat().st_mode & 0o077 == 0
    vault.path(name).write_bytes(b"untruth")
    with pytest.raises(ValueError, match="no longer has that digest"):
        vault.read(name)
