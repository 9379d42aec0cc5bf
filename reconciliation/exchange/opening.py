"""Bytes that claim to be a returned workbook -> rows. What is not an honest workbook is refused whole, in a sentence.

A workbook is read as it is, never calculated: openpyxl is asked for formulas, not for the values that a spreadsheet has
kept beside them (``data_only``), because those come from whatever the file was calculated with. A cell that holds a
formula or an error is therefore refused where a person's word is expected, and ignored elsewhere.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciliation.exchange.columns import BY_HEADING
from reconciliation.exchange.guard import unguarded
from reconciliation.exchange.writing import MANIFEST, ROWS_MAX, SHEET, WORKBOOK_HEADING, row_sum
from schemas.problems import ProblemError, problem

BYTES_MAX = 32 << 20
UNPACKED_MAX = 256 << 20
ENTRIES_MAX = 200
RATIO_MAX = 200
CELL_MAX = 4_000
COLUMNS_MAX = 60
_NEVER = (
    "vbaproject",
    "externallink",
    "embeddings/",
    "activex",
    "macrosheets",
    "dialogsheets",
    "xl/connections",
    "querytable",
)
_READ = ("break", "action", "reason", "version", "workbook")


@dataclass(frozen=True, slots=True)
class ReturnedRow:
    """One row as it came back. ``fault``: why its own cells cannot be read (a formula, an error value, no text)."""

    number: int
    break_id: str
    action: str
    reason: str
    version: str
    fault: str | None = None


@dataclass(slots=True)
class ReturnedWorkbook:
    """What came back. ``versions``: break -> version, from the hidden sheet (.xlsx) or the rows (.csv)."""

    workbook_id: str
    format: str
    rows: list[ReturnedRow] = field(default_factory=list)


def read_returned(raw: bytes) -> ReturnedWorkbook:
    """The rows of a returned .xlsx or .csv file. Raises ProblemError ``workbook_refused``."""
    if not raw:
        raise _refused("The file is empty.")
    if len(raw) > BYTES_MAX:
        raise _refused(f"The file has {len(raw):,} bytes; at most {BYTES_MAX:,} are taken.")
    if raw.startswith(b"PK"):
        return _of_xlsx(raw)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused("This is an old .xls or an encrypted file. Save it as .xlsx without a password.")
    return _of_csv(raw)


def _refused(detail: str) -> ProblemError:
    return ProblemError(problem("workbook_refused", detail))


# --- .xlsx ----------------------------------------------------------------------------------------------------------


def _of_xlsx(raw: bytes) -> ReturnedWorkbook:
    _must_be_harmless(raw)
    # Loaded by who opens a workbook: the command line and every API process would wait for it otherwise.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError, OSError) as error:
        raise _refused(f"The file is no workbook that can be read ({type(error).__name__}).") from error
    try:
        if SHEET not in book.sheetnames or MANIFEST not in book.sheetnames:
            raise _refused("The workbook did not come from here: its hidden sheet is missing.")
        told = _manifest(book[MANIFEST])
        found = ReturnedWorkbook(told.workbook_id, "xlsx")
        found.rows = [
            ReturnedRow(
                row.number, row.break_id, row.action, row.reason, told.versions.get(row.break_id, ""), row.fault
            )
            for row in _rows(_cells(book[SHEET]))
        ]
    except (KeyError, ValueError, TypeError, IndexError, SyntaxError) as error:
        raise _refused(f"A sheet of the workbook is damaged ({type(error).__name__}).") from error
    finally:
        book.close()
    return found


def _must_be_harmless(raw: bytes) -> None:
    """Refuse what no list of breaks has in it: macros, links to other files, bombs, document types."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if len(entries) > ENTRIES_MAX or size > UNPACKED_MAX or size > RATIO_MAX * max(len(raw), 50_000):
                raise _refused(f"Unpacked it would have {size:,} bytes in {len(entries)} parts.")
            for entry in entries:
                name = entry.filename.lower()
                if entry.flag_bits & 1:
                    raise _refused("The file is encrypted. Save it without a password.")
                if any(word in name for word in _NEVER):
                    raise _refused(f"It holds {entry.filename}: macros, links and embedded files are not taken.")
                if name.endswith((".xml", ".rels")):
                    _must_be_plain_xml(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _refused(f"The file is damaged ({type(error).__name__}).") from error


def _must_be_plain_xml(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """UTF-8 without a document type: entities cannot grow, and nothing hides in another encoding."""
    with archive.open(entry) as part:
        tail = b""
        first = True
        while block := part.read(1 << 20):
            if first and b"encoding" in block[:200] and b"utf-8" not in block[:200].lower():
                raise _refused(f"{entry.filename} is not in UTF-8.")
            first = False
            if (b"<!" in tail + block and b"<!DOCTYPE" in (tail + block).upper()) or b"\x00" in block:
                raise _refused(f"{entry.filename} has a document type or is not in UTF-8.")
            if b"<!ENTITY" in (tail + block).upper():
                raise _refused(f"{entry.filename} declares entities.")
            tail = block[-16:]


@dataclass(slots=True)
class _Told:
    workbook_id: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    checksum: str = ""


def _manifest(sheet: Any) -> _Told:
    told = _Told()
    summed = 0
    sheet.reset_dimensions()
    for name, value, *_ in sheet.iter_rows(max_col=2, max_row=ROWS_MAX + 20_000, values_only=True):
        name, value = unguarded(str(name or "")), unguarded(str(value or ""))
        if name == "workbook":
            told.workbook_id = value
        elif name == "checksum":
            told.checksum = value
        elif value.startswith("v") and len(name) == 36:
            told.versions[name] = value
            summed = (summed + row_sum(name, value)) % (1 << 256)
    if not told.workbook_id or f"{summed:064x}" != told.checksum:
        raise _refused("The hidden sheet was changed: its checksum does not fit. Take the list out again.")
    return told


def _cells(sheet: Any) -> Iterator[list[tuple[str, str]]]:
    """Each row as (text, fault) pairs. The sheet's own idea of its size is not believed."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows(max_col=COLUMNS_MAX, max_row=ROWS_MAX + 2):
        yield [_text(cell) for cell in row]


def _text(cell: Any) -> tuple[str, str]:
    if cell.value is None:
        return "", ""
    if cell.data_type == "f":
        return "", "formula"
    if cell.data_type == "e":
        return "", "error"
    if cell.data_type in {"s", "inlineStr", "str"}:
        text = str(cell.value)
        return (text, "") if len(text) <= CELL_MAX else ("", "long")
    return str(cell.value), "number"


# --- .csv -----------------------------------------------------------------------------------------------------------


def _of_csv(raw: bytes) -> ReturnedWorkbook:
    text = _decoded(raw)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=head.count)
    try:
        lines = [
            [(cell, "") for cell in line] for line in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        ]
    except csv.Error as error:
        raise _refused(f"The file is no CSV that can be read: {error}.") from error
    if len(lines) > ROWS_MAX + 2:
        raise _refused(f"More than {ROWS_MAX:,} rows are not taken at once.")
    rows = list(_rows(iter(lines)))
    known = {cell.strip() for line in _column(lines, "workbook") for cell in [line] if cell.strip()}
    if len(known) != 1:
        raise _refused("Every row has to carry the number of one and the same workbook, as it came out.")
    return ReturnedWorkbook(known.pop(), "csv", rows)


def _column(lines: Sequence[Sequence[tuple[str, str]]], name: str) -> Iterator[str]:
    places = _places(lines[0]) if lines else {}
    if name not in places:
        return
    for line in lines[1:]:
        if len(line) > places[name]:
            yield unguarded(line[places[name]][0])


def _decoded(raw: bytes) -> str:
    """UTF-8, or what Excel in China writes (GB 18030, the standard's superset of GBK)."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:4096]:
        raise _refused("The file is in UTF-16. Save it as 'CSV UTF-8' (CSV UTF-8).")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("The file is neither UTF-8 nor GB 18030 text.")


# --- rows -----------------------------------------------------------------------------------------------------------


def _places(cells: Iterable[tuple[str, str]]) -> Mapping[str, int]:
    """Column name -> place. Columns may have been moved or taken out."""
    known = {**BY_HEADING, WORKBOOK_HEADING: "workbook", "workbook": "workbook"}
    found: dict[str, int] = {}
    for place, (text, _) in enumerate(cells):
        name = known.get(unguarded(text).strip())
        if name in _READ:
            if name in found:
                raise _refused(f"The column {name!r} is there twice.")
            found[name] = place
    return found


def _rows(lines: Iterator[list[tuple[str, str]]]) -> Iterator[ReturnedRow]:
    places = _places(next(lines, []))
    missing = [name for name in ("break", "action", "reason") if name not in places]
    if missing:
        raise _refused(f"The first row must have the headings; {', '.join(missing)} is not among them.")
    for number, cells in enumerate(lines, start=2):
        if number > ROWS_MAX + 1:
            raise _refused(f"More than {ROWS_MAX:,} rows are not taken at once.")
        if not any(text or fault for text, fault in cells):
            continue
        said = {name: cells[place] if place < len(cells) else ("", "") for name, place in places.items()}
        yield ReturnedRow(
            number=number,
            break_id=unguarded(said["break"][0]).strip().lower(),
            action=unguarded(said["action"][0]).strip(),
            reason=unguarded(said["reason"][0]).strip(),
            version=unguarded(said.get("version", ("", ""))[0]).strip(),
            fault=next((f"{name}:{said[name][1]}" for name in ("break", "action", "reason") if said[name][1]), None),
        )
