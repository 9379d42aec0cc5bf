"""Several files of one day: pieces, re-exports, corrected ones, other days', and bytes that are nothing at all."""

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.sources.statement import DroppedStatements, ProcessorDay, read_processor_day, with_texts
from reconciliation.statements import Refused, Statement, formats, read_statement
from reconciliation.statements import columns as columns_module
from reconciliation.statements import members as members_module
from reconciliation.statements.evidence import evidence
from reconciliation.vault import Vault
from tests.reconciliation.house import DAY, at, wechat_bill

SAMPLES = Path(__file__).parent / "samples"
ONE = ("capture", "4200000000000000000000000001", "EW12345678", 55300, at("09:30"))
TWO = ("capture", "4200000000000000000000000002", "EW12345679", 1850, at("10:30"))


def day_of(tmp_path: Path, files: Sequence[tuple[str, bytes | Path]], day: date = DAY) -> ProcessorDay:
    return read_processor_day(Vault(tmp_path / "raw"), "wechat", files, day, tmp_path / "datasets")


def keys(tmp_path: Path, files: Sequence[tuple[str, bytes | Path]], day: date = DAY) -> list[str]:
    return sorted(row.key for row in day_of(tmp_path, files, day).rows)


def test_the_same_file_three_times_changes_nothing(tmp_path: Path) -> None:
    raw = wechat_bill([ONE, TWO])
    once = day_of(tmp_path, [("a.csv", raw)])
    again = day_of(tmp_path, [("a.csv", raw), ("b.csv", raw), ("c.csv", raw)])
    assert once.dataset
    assert again.dataset
    assert again.dataset.digest == once.dataset.digest
    assert [file.name for file in again.files] == ["a.csv"]


def test_a_file_in_two_pieces_or_exported_again_is_the_same_day(tmp_path: Path) -> None:
    whole = keys(tmp_path, [("a.csv", wechat_bill([ONE, TWO]))])
    assert len(whole) == 2
    assert keys(tmp_path, [("a.csv", wechat_bill([ONE])), ("b.csv", wechat_bill([TWO]))]) == whole
    assert keys(tmp_path, [("a.csv", wechat_bill([ONE, TWO])), ("b.csv", wechat_bill([TWO, ONE]))]) == whole


def test_a_row_that_two_files_share_leads_back_to_the_first(tmp_path: Path) -> None:
    first, second = wechat_bill([ONE, TWO]), wechat_bill([TWO, ONE])
    found = day_of(tmp_path, [("a.csv", first), ("b.csv", second)])
    assert {row.sha256 for row in found.rows} == {found.files[0].sha256}
    assert {row.key: row.place for row in found.rows} == {f"wechat|{ONE[1]}": "line 2", f"wechat|{TWO[1]}": "line 3"}


def test_a_row_twice_in_one_file_is_two_rows(tmp_path: Path) -> None:
    assert len(keys(tmp_path, [("a.csv", wechat_bill([ONE, ONE]))])) == 2
    assert len(keys(tmp_path, [("a.csv", wechat_bill([ONE, ONE])), ("b.csv", wechat_bill([ONE]))])) == 2


def test_a_corrected_file_heals_a_refused_one(tmp_path: Path) -> None:
    wrong = wechat_bill([ONE]).replace(b"`1,`553.00", b"`1,`553.01")
    found = day_of(tmp_path, [("a.csv", wrong), ("b.csv", wechat_bill([ONE]))])
    assert [(file.name, file.refused is not None) for file in found.files] == [("a.csv", True), ("b.csv", False)]
    assert "应结订单总金额 says 553.01" in str(found.files[0].refused)
    assert "fetch it from the processor again" in str(found.files[0].refused)
    assert len(found.rows) == 1
    alone = day_of(tmp_path, [("a.csv", wrong)])
    assert alone.dataset is None
    assert not alone.missing


def test_another_days_file_is_left_alone(tmp_path: Path) -> None:
    found = day_of(tmp_path, [("a.csv", wechat_bill([ONE]))], date(2026, 1, 12))
    assert found.missing
    assert found.rows == []


def test_the_date_is_the_settlement_not_the_calendar(tmp_path: Path) -> None:
    path = SAMPLES / "unionpay" / "777290058110048_20260111.zip"
    found = read_processor_day(Vault(tmp_path / "raw"), "unionpay", [(path.name, path)], DAY, tmp_path / "datasets")
    assert min(row.at for row in found.rows) == 1768059000000000  # 23:30 of the day before, settled on DAY
    assert {row.batch for row in found.rows} == {"2026-01-11"}
    assert len(found.rows) == 4


def test_a_file_once_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = wechat_bill([ONE])
    first = day_of(tmp_path, [("a.csv", raw)])
    monkeypatch.setattr("reconciliation.sources.statement.read_statement", None)
    assert day_of(tmp_path, [("a.csv", raw)]) == first


def test_a_file_still_being_written_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "wechat"
    folder.mkdir()
    (folder / "a.csv.writing").write_bytes(b"half")
    (folder / "b.csv").write_bytes(b"whole")
    assert [name for name, _ in DroppedStatements(tmp_path).files("wechat", DAY)] == ["b.csv"]
    assert list(DroppedStatements(tmp_path).files("bank", DAY)) == []


def test_the_vault_notices_damage(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "raw")
    name = vault.keep(b"truth")
    (tmp_path / "same").write_bytes(b"truth")
    assert (vault.keep(b"truth"), vault.keep_file(tmp_path / "same"), vault.read(name)) == (name, name, b"truth")
    assert vault.path(name).stat().st_mode & 0o077 == 0
    vault.path(name).write_bytes(b"untruth")
    with pytest.raises(ValueError, match="no longer has that digest"):
        vault.read(name)


def test_evidence_is_found_again_and_masked(tmp_path: Path) -> None:
    path = SAMPLES / "wechat" / "all.csv"
    shown = evidence("wechat", path, path.name, ["line 3", "line 99", "nonsense"], formats())
    assert list(shown) == ["line 3"]
    assert "`R0000000001,`525.00" in shown["line 3"]
    assert "`***,`JSAPI" in shown["line 3"]
    quoted = SAMPLES / "stripe" / "payouts.csv"
    shown = evidence("stripe", quoted, quoted.name, ["line 7"], formats())
    assert "txn_6" in shown["line 7"]
    packed = SAMPLES / "unionpay" / "777290058110048_20260111.zip"
    place = "INN26011188ZM_777290058110048 line 3"
    shown = evidence("unionpay", packed, packed.name, [place], formats())
    assert "R0000000091" in shown[place]
    assert "622200" not in shown[place]


def test_a_break_shows_the_line_it_was_seen_in(tmp_path: Path) -> None:
    day = day_of(tmp_path, [("a.csv", wechat_bill([ONE, TWO]))])
    seen = [{"side": "right", "sha256": row.sha256, "place": row.place} for row in day.rows if row.key.endswith(ONE[1])]
    shown = with_texts(Vault(tmp_path / "raw"), "wechat", [*seen, {"side": "left", "sha256": "0" * 64}], formats())
    assert f"`{ONE[1]},`EW12345678" in shown[0]["raw"]
    assert "openid" not in shown[0]["raw"]
    assert "raw" not in shown[1]


def test_an_entry_of_the_bank_is_shown_without_its_people() -> None:
    path = SAMPLES / "bank" / "statement-02.xml"
    shown = evidence("bank", path, path.name, ["entry 3", "entry 9"], formats())
    assert "EW12345699" in shown["entry 3"]
    assert "测试甲" not in shown["entry 3"]
    path = SAMPLES / "bank" / "statement.xml"
    shown = evidence("bank", path, path.name, ["entry 1"], formats())
    assert "<Ustrd>EW12345678</Ustrd>" in shown["entry 1"]


# --- laws

DOCUMENTED = [p for p in sorted(SAMPLES.glob("*/*")) if not p.name.endswith(".json")]


def test_without_bom_and_gzipped_it_reads_the_same() -> None:
    raw = (SAMPLES / "wechat" / "all.csv").read_bytes()
    found = read_statement("wechat", raw)
    assert read_statement("wechat", gzip.compress(raw)) == read_statement("wechat", raw[3:]) == found


def test_the_size_of_the_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [read_statement(path.parent.name, path, path.name) for path in DOCUMENTED]
    monkeypatch.setattr(members_module, "BLOCK_BYTES", 2048)
    monkeypatch.setattr(columns_module, "BATCH_BYTES", 1)
    for path, before in zip(DOCUMENTED, found, strict=True):
        assert read_statement(path.parent.name, path, path.name) == before, path.name


@pytest.mark.parametrize(
    ("source", "raw", "reason"),
    [
        ("wechat", b"", "no line with the names of the columns"),
        ("wechat", b"\xff\xfe\x00", "not a UTF-8 text"),
        ("wechat", b"\x1f\x8bnot gzip", "cannot be unpacked"),
        ("wechat", "甲,乙\n`1,`2\n总交易单数\n`1\n".encode(), "columns are missing"),
        ("bank", b"<a/>", "no BkToCstmrStmt/Stmt"),
        ("bank", b"hello", "no :20:"),
        ("bank", b"<Document><BkToCstmrStmt><Stmt/></BkToCstmrStmt></Document>", "the balance OPBD is missing"),
        ("unionpay", b"PK\x03\x04", "cannot be unpacked"),
        ("unionpay", b"text", "none of the formats of unionpay"),
        ("nobody", b"text", "no format is known for files of nobody"),
    ],
)
def test_what_is_no_statement(source: str, raw: bytes, reason: str) -> None:
    found = read_statement(source, raw)
    assert isinstance(found, Refused)
    assert reason in found.reason
    assert found.place
    assert found.remedy


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_raise(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(DOCUMENTED))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        assert isinstance(read_statement(path.parent.name, damaged, path.name), Statement | Refused)
