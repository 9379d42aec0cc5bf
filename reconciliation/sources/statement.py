"""A processor's files as a source: several files, the same file again, a re-export with other bytes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reconciliation.rows import Row, microseconds, money_key
from reconciliation.statements import READERS, Quarantined, Refused, StatementLine
from reconciliation.vault import Vault


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One file that was read: its digest, how much it held, what was kept aside, why it was refused if it was."""

    name: str
    sha256: str
    bytes: int
    rows: int
    quarantined: tuple[Quarantined, ...] = ()
    refused: str | None = None


@dataclass(slots=True)
class ProcessorDay:
    """What a processor says of a day, over all its files of that day."""

    processor: str
    rows: list[Row] = field(default_factory=list)
    files: list[StatementFile] = field(default_factory=list)

    @property
    def refused(self) -> list[StatementFile]:
        return [file for file in self.files if file.refused is not None]

    @property
    def missing(self) -> bool:
        """Whether there is no file at all for the day."""
        return not self.files


def read_processor_day(
    vault: Vault, processor: str, found: Iterable[tuple[str, bytes]], business_date: date
) -> ProcessorDay:
    """Read the files that are about ``business_date``.

    The same bytes under another name are one file. A row that two files share is one row (a re-export); a row that one
    file holds twice is two.
    """
    day = ProcessorDay(processor)
    seen: set[str] = set()
    kept: dict[tuple[object, ...], Row] = {}
    most: Counter[tuple[object, ...]] = Counter()
    for name, raw in found:
        sha256 = vault.keep(raw)
        if sha256 in seen:
            continue
        seen.add(sha256)
        statement = READERS[processor](raw)
        if statement.business_date not in {business_date, None}:
            continue
        if isinstance(statement, Refused):
            reason = f"{statement.reason} ({statement.place})"
            day.files.append(StatementFile(name, sha256, len(raw), 0, refused=reason))
            continue
        rows = [statement_row(line, sha256) for line in statement.lines]
        day.files.append(StatementFile(name, sha256, len(raw), len(rows), statement.quarantined))
        for row in rows:
            kept.setdefault(row.content, row)
        most |= Counter(row.content for row in rows)
    for content, times in most.items():
        day.rows.extend([kept[content]] * times)
    return day


def statement_row(line: StatementLine, sha256: str) -> Row:
    """A statement line as a row; the line itself goes along as evidence (it holds no personal data)."""
    return Row(
        key=money_key(line.processor, line.ref),
        kind="payment" if line.kind == "capture" else "refund",
        order_no=line.merchant_order,
        at=microseconds(line.at),
        amount=line.amount,
        currency=line.currency,
        sha256=sha256,
        place=f"line {line.line}",
        raw=line.raw,
    )


class DroppedStatements:
    """The port ``Statements`` over a drop folder: ``<root>/<processor>/*``, files being written left alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes]]:
        folder = self.root / processor
        if not folder.is_dir():
            return
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix not in {".writing", ".json"}:
                yield path.name, path.read_bytes()
