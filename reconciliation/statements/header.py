"""The parts of a file around its rows: the names of the columns before them, what it says of itself after them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from reconciliation.statements.cells import cut_line, transcoded
from reconciliation.statements.document import BusinessDate, FormatDocument
from reconciliation.statements.lines import FileError
from reconciliation.statements.members import Member
from reconciliation.statements.totals import REMEDY

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Header:
    """``names`` of the columns, ``lines`` read so far, comment lines among them, and the ``rest`` of the block."""

    names: list[str]
    lines: int
    comments: list[str]
    rest: bytes


def claims(document: FormatDocument, member: Member) -> bool:
    """Whether a file seems to be of this format: by its name where the document says so, and by its header.

    Bytes without a name, as the vault keeps them, are known by the length of their first line.
    """
    if document.files and member.name and not re.search(document.files, member.name):
        return False
    if not document.cells.header:
        return bool(document.files) and (bool(member.name) or _first_line_fits(document, member))
    head = member.head.removeprefix(BOM)
    try:
        text = head[: head.rfind(b"\n") + 1] or head
        return not absent(document, read_header(document, transcoded(text, document.cells)).names)
    except FileError:
        return False


def _first_line_fits(document: FormatDocument, member: Member) -> bool:
    cells = document.cells
    lines = [line.rstrip(b"\r") for line in member.head.split(b"\n")]
    rows = (line for line in lines if line and not line.startswith(tuple(c.encode() for c in cells.comment)))
    return len(next(rows, b"")) == sum(cells.widths) + cells.gap * (len(cells.widths) - 1)


def read_header(document: FormatDocument, block: bytes) -> Header:
    """Read up to the rows; raises FileError when the first block has no line of names."""
    cells = document.cells
    comments: list[str] = []
    lines = 0
    while block:
        raw, _, rest = block.partition(b"\n")
        line = _decoded(raw, cells.encoding if cells.kind == "fixed" else "utf-8")
        if lines >= cells.skip_lines and line.strip():
            if not (line.startswith(cells.comment)):
                if not cells.header:
                    return Header([], lines, comments, block)
                return Header(_names(document, line), lines + 1, comments, rest)
            comments.append(line.strip())
        lines += 1
        block = rest
    if cells.header:
        raise FileError("no line with the names of the columns", "line 1")
    return Header([], lines, comments, b"")


def _names(document: FormatDocument, line: str) -> list[str]:
    if document.cells.header_delimiter:
        return [name.strip() for name in line.split(document.cells.header_delimiter)]
    return cut_line(line, document.cells)


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        named = "UTF-8" if encoding == "utf-8" else encoding
        raise FileError(f"not a {named} text: {error}", "line 1", REMEDY) from error


def absent(document: FormatDocument, names: list[str]) -> list[str]:
    """The columns that must be there and are not."""
    return [
        " / ".join(column.names)
        for column in document.columns.values()
        if column.names and not column.optional and not set(column.names) & set(names)
    ]


def summary_of(document: FormatDocument, comments: Iterable[str], tail: bytes, place: str) -> dict[str, str]:
    """What the file says of itself, by name. Raises FileError for a summary that cannot be read."""
    found: dict[str, str] = {}
    for line in comments:
        for pattern in document.summary.patterns:
            if match := re.search(pattern, line):
                found.update({name: value for name, value in match.groupdict().items() if value is not None})
    if document.summary.begins:
        found.update(_table(document, tail, place))
    return found


def _table(document: FormatDocument, tail: bytes, place: str) -> dict[str, str]:
    lines = [line for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) < 2:
        raise FileError(
            f"no summary: a line that begins with {document.summary.begins}, and one after it", place, REMEDY
        )
    names, values = _names(document, lines[0]), cut_line(lines[1], document.cells)
    if len(names) != len(values):
        raise FileError(f"the summary has {len(values)} values for {len(names)} names", place, REMEDY)
    return dict(zip(names, values, strict=True))


def date_in(texts: Iterable[str], said: BusinessDate) -> date | None:
    """The date that the first matching text names; None without one."""
    for text in texts:
        if found := re.search(said.pattern, text):
            try:
                return datetime.strptime(found.group(1), said.format).date()
            except ValueError:
                continue
    return None
