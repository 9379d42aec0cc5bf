"""The bank's messages: ISO 20022 camt.053 (statement) and camt.054 (notification), versions 001.02 to 001.14.

Source: ISO 20022 message definition reports "Bank-to-Customer Cash Management" and their external code sets. Names are
matched without namespace, so neighbouring versions read alike. Amounts are positive with ``CdtDbtInd``; ``RvslInd``
marks a reversal whose indicator already shows the net side. ``OPBD`` + entries = ``CLBD``, or the file is refused. A
statement holds nothing but BOOK entries; a notification may hold others, which are kept aside. A batch entry is one
line per ``TxDtls``; one without details is the payout of its batch, whose members a camt.054 lists.

Streaming: an entry is read, made to lines and forgotten, so memory does not grow with the file. The reader is
hardened: no entities, no network, no document type.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from lxml import etree

from reconciliation.rows import microseconds
from reconciliation.statements.entries import (
    BANK_ZONE,
    SOURCE,
    EntryError,
    EntryReading,
    checked_reference,
    order_no,
)
from reconciliation.statements.lines import FileError, ProvenTotal, Quarantined, Sink
from reconciliation.statements.members import Member
from reconciliation.statements.nodes import SIGN, Node, amount, every, evidence, local, node_of, signed, text
from reconciliation.statements.totals import REMEDY

HARDENED: Mapping[str, bool] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}
_DAY = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")


@dataclass(slots=True)
class Running:
    """What one statement says of itself, and what its entries come to, while it is read."""

    number: int
    balances: dict[str, int] = field(default_factory=dict)
    booked: int = 0
    entries: int = 0
    said_entries: str = ""
    unprovable: str | None = None
    day: date | None = None
    currency: str = "CNY"


class _Camt:
    """What both messages share."""

    NAME = ""
    TITLE_ZH = ""
    TITLE_EN = ""
    SOURCE = SOURCE
    PROCESSOR = SOURCE
    ROOT = b""
    MESSAGE = ""

    def claims(self, member: Member) -> bool:
        return self.ROOT in member.head

    def reading(self, member: Member, label: str, sink: Sink) -> "CamtReading":
        return CamtReading(self, member, label, sink)

    def texts(self, member: Member, numbers: Collection[int]) -> dict[int, str]:
        return entry_texts(member, numbers)


class Camt053(_Camt):
    """Bank-to-customer statement: balances, and every booked entry of the day."""

    NAME = "camt-053"
    TITLE_ZH = "银行对账单 camt.053"
    TITLE_EN = "bank statement camt.053"
    ROOT = b"BkToCstmrStmt"
    MESSAGE = "Stmt"

    def claims(self, member: Member) -> bool:
        # Any other XML is refused by this reader, with a sentence that says what is missing.
        return member.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and Camt054.ROOT not in member.head


class Camt054(_Camt):
    """Bank-to-customer debit credit notification: entries without balances, often the details of a batch."""

    NAME = "camt-054"
    TITLE_ZH = "银行借贷通知 camt.054"
    TITLE_EN = "bank notification camt.054"
    ROOT = b"BkToCstmrDbtCdtNtfctn"
    MESSAGE = "Ntfctn"


class CamtReading(EntryReading):
    """One message while it is read. Its date is the closing balance's, else the period's begin."""

    def __init__(self, kind: _Camt, member: Member, label: str, sink: Sink) -> None:
        super().__init__(member, label, sink)
        self.kind = kind
        self.entries = 0

    def read(self) -> tuple[ProvenTotal, ...]:
        proven: list[ProvenTotal] = []
        statements = 0
        try:
            with self.member.open() as file:
                for running in self._statements(file):
                    statements += 1
                    proven += self._prove(running)
        except (etree.XMLSyntaxError, ValueError, OSError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"not well-formed XML: {error}", f"{self.label}file", REMEDY) from error
        if not statements:
            root = self.kind.ROOT.decode()
            raise FileError(f"no {root}/{self.kind.MESSAGE} in the document", f"{self.label}Document")
        self.flush()
        return tuple(proven)

    def _statements(self, file: Any) -> Iterator[Running]:
        """Walk the file; every entry is taken and let go, every statement given when it ends."""
        message = self.kind.MESSAGE
        wanted = tuple(f"{{*}}{name}" for name in ("Ntry", "Bal", "TxsSummry", "FrToDt", message))
        parts = etree.iterparse(file, events=("end",), tag=wanted, **HARDENED)
        running = Running(1)
        checked = False
        for _, element in parts:
            if not checked:
                self._no_doctype(element)
                checked = True
            name, parent = local(element), element.getparent()
            if name == message:
                yield running
                running = Running(running.number + 1)
                element.clear()
            elif parent is not None and local(parent) == message:
                self._part(name, element, running)
        if parts.root is not None:
            self._no_doctype(parts.root)

    def _no_doctype(self, element: Any) -> None:
        if element.getroottree().docinfo.doctype:
            raise FileError("a statement has no document type declaration", f"{self.label}file")

    def _part(self, name: str, element: Any, running: Running) -> None:
        if name == "Ntry":
            running.entries += 1
            self._entry(element, running)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
            return
        node = node_of(element)
        if name == "Bal":
            self._balance(node, running)
        elif name == "TxsSummry":
            running.said_entries = text(node, "TtlNtries", "NbOfNtries")
        elif name == "FrToDt":
            running.day = running.day or _date_of(text(node, "FrDtTm"))

    def _balance(self, node: Node, running: Running) -> None:
        code = text(node, "Tp", "CdOrPrtry", "Cd")
        try:
            running.balances[code] = signed(node)
            running.currency = amount(node)[1]
        except EntryError as error:
            running.unprovable = str(error)
        if code == "CLBD":
            running.day = _date_of(text(node, "Dt", "Dt") or text(node, "Dt", "DtTm")) or running.day

    def _prove(self, running: Running) -> list[ProvenTotal]:
        """OPBD + booked entries = CLBD, and the number of entries where it is said; raises FileError."""
        place = f"{self.label}{self.kind.MESSAGE}[{running.number}]"
        self.stated = self.stated or running.day
        proven = []
        if running.said_entries:
            if running.said_entries != str(running.entries):
                said = f"NbOfNtries says {running.said_entries}, the statement has {running.entries} entries"
                raise FileError(said, place, REMEDY)
            proven.append(ProvenTotal("NbOfNtries", running.said_entries))
        if self.kind.MESSAGE == "Stmt":
            if running.unprovable is not None:
                raise FileError(f"the balances cannot be proven: {running.unprovable}", place, REMEDY)
            proven.append(_prove_balances(running, place))
        return proven

    def _entry(self, element: Any, running: Running) -> None:
        node = node_of(element)
        self.entries += 1
        booked = _is_booked(node)
        try:
            if booked:
                running.booked += signed(node)
        except EntryError as error:
            running.unprovable = running.unprovable or str(error)
        try:
            if not booked:
                raise EntryError("the entry is not booked (Sts is not BOOK)")
            lines = list(_lines(node, f"{self.label}entry {self.entries}"))
        except EntryError as error:
            self.quarantined.append(Quarantined(self.entries, str(error), evidence(element)[:2000]))
            return
        self.take(lines, _day(node))


def entry_texts(member: Member, numbers: Collection[int]) -> dict[int, str]:
    """The masked text of these entries of a message that was read before; stops at the last of them."""
    found: dict[int, str] = {}
    with member.open() as file:
        for number, node in enumerate(_entries(file), start=1):
            if number in numbers:
                found[number] = evidence(node)
            if number >= max(numbers, default=0):
                break
    return found


def _entries(file: Any) -> Iterator[Any]:
    for _, node in etree.iterparse(file, events=("end",), tag="{*}Ntry", **HARDENED):
        yield node
        node.clear()


def _prove_balances(running: Running, place: str) -> ProvenTotal:
    for name in ("OPBD", "CLBD"):
        if name not in running.balances:
            raise FileError(f"the balance {name} is missing", place, REMEDY)
    opening, closing = running.balances["OPBD"], running.balances["CLBD"]
    expected = opening + running.booked
    if expected != closing:
        raise FileError(
            f"OPBD {opening} + {running.entries} entries {running.booked} = {expected} minor units,"
            f" but CLBD says {closing}",
            place,
            REMEDY,
        )
    return ProvenTotal("CLBD", f"{closing} minor units")


def _is_booked(entry: Node) -> bool:
    # From version .08 on the code is nested (Sts/Cd); before it is text.
    return (text(entry, "Sts", "Cd") or text(entry, "Sts") or "BOOK") == "BOOK"


def _date_of(value: str) -> date | None:
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _lines(entry: Node, place: str) -> Iterator[dict[str, Any]]:
    """One line per transaction; an entry without details is itself one. A batch must sum to its entry."""
    details = list(every(entry, "NtryDtls", "TxDtls"))
    if len(details) <= 1:
        yield _line(entry, details[0] if details else entry, place, entry)
        return
    found = [_line(entry, detail, place, detail) for detail in details]
    total = sum(line["amount"] if line["kind"] == "payment" else -line["amount"] for line in found)
    if total != signed(entry):
        raise EntryError("the transactions of the batch do not sum to the entry")
    yield from found


def _line(entry: Node, detail: Node, place: str, amount_of: Node) -> dict[str, Any]:
    minor, currency = amount(amount_of)
    batch = _batch(entry)
    side = text(detail, "CdtDbtInd") or text(entry, "CdtDbtInd")
    ref = text(detail, "Refs", "EndToEndId")
    if ref in {"", "NOTPROVIDED"}:
        ref = text(detail, "Refs", "AcctSvcrRef") or text(entry, "AcctSvcrRef")
    checked_reference(ref, "EndToEndId, AcctSvcrRef")
    if minor == 0:
        raise EntryError("the amount is zero")
    lump = batch and detail is entry
    order = order_no([text(detail, "RmtInf", "Ustrd"), *_references(detail), text(entry, "AddtlNtryInf")])
    return {
        "kind": "payout" if lump else "payment" if side == "CRDT" else "refund",
        "ref": ref,
        "other_ref": order,
        "order_no": order,
        "at": microseconds(_time(entry, detail)),
        "amount": SIGN.get(side, 0) * minor if lump else minor,
        "currency": currency,
        "fee": 0,
        "batch": batch,
        "place": place,
        "raw": "",
    }


def _batch(entry: Node) -> str:
    """The batch that an entry books, by the day it pays for where its name has one."""
    name = text(entry, "NtryDtls", "Btch", "PmtInfId") or text(entry, "NtryDtls", "Btch", "MsgId")
    found = _DAY.search(name)
    return "-".join(found.groups()) if found else name


def _references(detail: Node) -> list[str]:
    names = ("InstrId", "PmtInfId", "TxId", "MsgId", "EndToEndId")
    return [text(detail, "Refs", name) for name in names]


def _day(entry: Node) -> date:
    """The local date of an entry that has lines."""
    detail = next(every(entry, "NtryDtls", "TxDtls"), entry)
    return _time(entry, detail).astimezone(BANK_ZONE).date()


def _time(entry: Node, detail: Node) -> datetime:
    """The transaction's own time, else the booking's; a bare date is its midnight in the bank's zone."""
    for node, path in ((detail, ("RltdDts", "TxDtTm")), (entry, ("BookgDt", "DtTm")), (entry, ("BookgDt", "Dt"))):
        value = text(node, *path)
        if not value:
            continue
        try:
            if len(value) == 10:
                return datetime.combine(date.fromisoformat(value), time(0, 0), BANK_ZONE).astimezone(UTC)
            at = datetime.fromisoformat(value)
        except ValueError as error:
            raise EntryError(f"{'/'.join(path)} is {value!r}, expected 2026-01-11T09:30:00+08:00") from error
        return at if at.tzinfo else at.replace(tzinfo=BANK_ZONE)
    raise EntryError("no BookgDt")
