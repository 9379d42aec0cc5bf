"""The text behind a row, for a person who looks at a break: found again in the kept file, masked, on demand.

Rows of column formats carry no text of their own: for twenty million of them it would be gigabytes nobody reads.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from lxml.etree import XMLSyntaxError

from reconciliation.statements.cells import transcoded
from reconciliation.statements.columns import column_places
from reconciliation.statements.document import FormatDocument
from reconciliation.statements.documents import Formats
from reconciliation.statements.header import BOM, read_header
from reconciliation.statements.lines import FileError
from reconciliation.statements.masking import masked_line
from reconciliation.statements.members import Member, blocks, members
from reconciliation.statements.reading import reader_of

_PLACE = re.compile(r"^(?:(?P<member>.+) )?(?:line|entry) (?P<line>\d+)$")
MAX_PLACES = 1_000


def evidence(source: str, path: Path, name: str, places: Iterable[str], known: Formats) -> dict[str, str]:
    """The masked text of each place (``line 12``, ``entry 3``) of a file that was read; unknown places are left out.

    Asks for at most 1,000 places at once; reads the file once, as far as the last of them.
    """
    wanted: dict[tuple[str, int], str] = {}
    for place in islice(places, MAX_PLACES):
        if found := _PLACE.match(place):
            wanted[found["member"] or "", int(found["line"])] = place
    told: dict[str, str] = {}
    try:
        for member in members(path, name):
            here = {number: place for (owner, number), place in wanted.items() if owner in {"", member.name}}
            reader = reader_of(source, member, known) if here else None
            if isinstance(reader, FormatDocument):
                told |= _of_columns(reader, member, here)
            elif reader is not None:
                told |= {here[number]: text for number, text in reader.texts(member, here).items()}
    except (FileError, XMLSyntaxError):
        # What cannot be opened any more has no text to show; the digest and the place still lead to it.
        return told
    return told


def _of_columns(document: FormatDocument, member: Member, here: dict[int, str]) -> dict[str, str]:
    told: dict[str, str] = {}
    last = max(here)
    with member.open() as file:
        quoted = document.cells.kind == "quoted"
        stream = (transcoded(block, document.cells) for block in blocks(file, b'"' if quoted else b""))
        first = next(stream, b"").removeprefix(BOM)
        header = read_header(document, first)
        _, masked, _ = column_places(document, header.names)
        encoding = document.cells.encoding if document.cells.kind == "fixed" else "utf-8"
        for number, line in enumerate(_records(chain([header.rest], stream), quoted), start=header.lines + 1):
            if number in here:
                text = line.decode(encoding, "replace").rstrip("\r\n")
                told[here[number]] = masked_line(document.cells, text, masked)
            if number >= last:
                break
    return told


def _records(stream: Iterable[bytes], quoted: bool) -> Iterator[bytes]:
    """Line by line; a line break inside quotes belongs to its record."""
    record = b""
    for block in stream:
        for line in block.splitlines(keepends=True):
            record += line
            if not (quoted and record.count(b'"') % 2):
                yield record
                record = b""
    if record:
        yield record
