"""A file of a source -> its statement: which format it is, opened, read in blocks, its totals proven.

members    plain, gzip or ZIP -> documents
documents  formats that are described; tried by name and header
camt, mt940   formats that need code
"""

from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Protocol

from reconciliation.statements import camt, mt940
from reconciliation.statements.columns import ColumnsReading
from reconciliation.statements.document import FormatDocument
from reconciliation.statements.documents import Formats, formats
from reconciliation.statements.header import claims
from reconciliation.statements.lines import (
    Collector,
    FileError,
    ProvenTotal,
    Quarantined,
    Refused,
    Sink,
    Statement,
)
from reconciliation.statements.members import Member, members


class Reading(Protocol):
    """One document while it is read; what it knows so far is good for a refusal too."""

    rows: int
    quarantined: list[Quarantined]

    @property
    def business_date(self) -> date | None: ...

    def read(self) -> tuple[ProvenTotal, ...]:
        """Everything to the sink; raises FileError when the file is refused."""
        ...


class Reader(Protocol):
    """A format that needs code. ``source`` and ``processor`` as in a format document."""

    NAME: str
    TITLE_ZH: str
    TITLE_EN: str
    SOURCE: str
    PROCESSOR: str

    def claims(self, member: Member) -> bool:
        """Whether a file seems to be of this format."""
        ...

    def reading(self, member: Member, label: str, sink: Sink) -> Reading: ...

    def texts(self, member: Member, numbers: Collection[int]) -> dict[int, str]:
        """The masked text of entries or lines, for a person who looks; nothing for rows that carry their text."""
        ...


READERS: Mapping[str, Reader] = {reader.NAME: reader for reader in (camt.Camt053(), camt.Camt054(), mt940.Mt940())}
"""format -> the reader of its files, for those that a document cannot describe."""


@cache
def shipped() -> Formats:
    """The formats that come with Interlock, read once."""
    return formats()


def read_statement(
    source: str, raw: bytes | Path, name: str = "", known: Formats | None = None, sink: Sink | None = None
) -> Statement | Refused:
    """Read a file of ``source`` (the folder it was dropped in); never raises for bad input.

    ``sink`` takes the lines as they come, for files of any size; without one they are in ``Statement.table``. What a
    sink got of a file that is refused in the end must be thrown away.
    """
    collector = Collector()
    known = known or shipped()
    reading: Reading | None = None
    found = source
    try:
        chosen = [(m, r) for m in members(raw, name) if (r := reader_of(source, m, known)) is not None]
        if not chosen:
            raise FileError(*_unknown(source, known))
        totals: list[ProvenTotal] = []
        read: list[Reading] = []
        for member, reader in chosen:
            label = f"{member.name} " if len(chosen) > 1 else ""
            found = _name(reader)
            reading = _open(reader, member, label, sink or collector)
            read.append(reading)
            totals += reading.read()
    except FileError as error:
        return Refused(found, str(error), error.place, error.remedy, reading.business_date if reading else None)
    first = chosen[0][1]
    return Statement(
        format=" + ".join(dict.fromkeys(_name(reader) for _, reader in chosen)),
        processor=first.processor if isinstance(first, FormatDocument) else first.PROCESSOR,
        table=collector.table(),
        rows=sum(r.rows for r in read),
        quarantined=tuple(q for r in read for q in r.quarantined),
        totals=tuple(totals),
        business_date=next((d for r in read if (d := r.business_date)), None),
    )


def reader_of(source: str, member: Member, known: Formats) -> Reader | FormatDocument | None:
    """Whose file a member is; None for one that nobody claims, such as a summary for people."""
    documents = [d for d in known.of(source) if claims(d, member)]
    readers = [r for r in READERS.values() if source == r.SOURCE and r.claims(member)]
    # The document that knows most of the file's columns: a fund bill is no trade bill without some of them.
    best = max(documents, key=lambda d: (d.format in known.own, len(d.columns)), default=None)
    if best or readers:
        return best or readers[0]
    # None claims it: where only one is possible, its own sentence says best what is wrong.
    possible = [d for d in known.of(source) if not d.files]
    return possible[0] if len(possible) == 1 else None


def _name(reader: Reader | FormatDocument) -> str:
    return reader.format if isinstance(reader, FormatDocument) else reader.NAME


def _open(reader: Reader | FormatDocument, member: Member, label: str, sink: Sink) -> Reading:
    if isinstance(reader, FormatDocument):
        return ColumnsReading(reader, member, label, sink)
    return reader.reading(member, label, sink)


def _unknown(source: str, known: Formats) -> tuple[str, str, str]:
    names = [d.format for d in known.of(source)] + [r.NAME for r in READERS.values() if source == r.SOURCE]
    if not names:
        broken = f"; {', '.join(sorted(known.broken))} cannot be used" if known.broken else ""
        return (
            f"no format is known for files of {source}{broken}",
            "file",
            "Write a document of the format (docs/how-to/add-a-statement-format.md), or correct it:"
            " `interlock recon formats check` names each wrong place.",
        )
    return (
        f"the file is of none of the formats of {source}: {', '.join(names)}",
        "file",
        "Check that it was dropped in the right folder, and whether the processor has changed its columns.",
    )
