"""The bank's end-of-day statement: ISO 20022 camt.053 (BankToCustomerStatement), written for version 001.08.

Source: ISO 20022 message definition report "Bank-to-Customer Cash Management". Names are matched without namespace,
so the neighbouring versions read too. Amounts are positive with ``CdtDbtInd``; ``RvslInd`` marks a reversal whose
indicator already shows the net side. ``OPBD`` + entries = ``CLBD``, or the file is refused. The reader is hardened: no
entities, no network, no document type.
"""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from reconciliation.statements.lines import Quarantined, Refused, Statement, StatementLine, day_of
from schemas.money import parse_decimal

BANK_ZONE = ZoneInfo("Asia/Shanghai")
_ORDER = re.compile(r"\bE[A-Z0-9]\d{8}\b")
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,64}$")
_SIGN = {"CRDT": 1, "DBIT": -1}


class EntryError(ValueError):
    """One entry is wrong; the sentence says where."""


class FileError(ValueError):
    """The statement as a whole is wrong."""


def read(raw: bytes) -> Statement | Refused:
    """The statement's entries, or why the whole file is refused. Never raises for bad input."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
        if root.getroottree().docinfo.doctype:
            return Refused("bank", "a statement has no document type declaration", "file")
    except (etree.XMLSyntaxError, ValueError) as error:
        return Refused("bank", f"not well-formed XML: {error}", "file")
    statements = list(_all(root, "BkToCstmrStmt", "Stmt"))
    if not statements:
        return Refused("bank", "no BkToCstmrStmt/Stmt in the document", "Document")
    lines: list[StatementLine] = []
    quarantined: list[Quarantined] = []
    day: date | None = None
    for number, statement in enumerate(statements, start=1):
        day = _statement_day(statement)
        try:
            _prove_balances(statement)
        except FileError as error:
            return Refused("bank", str(error), f"Stmt[{number}]", day)
        _read_entries(statement, lines, quarantined)
    return Statement("bank", tuple(lines), tuple(quarantined), day or day_of([line.at for line in lines], BANK_ZONE))


def _all(node: Any, *path: str) -> Iterator[Any]:
    """Every descendant along ``path`` of local names, one level each."""
    if not path:
        yield node
        return
    for child in node:
        if isinstance(child.tag, str) and etree.QName(child).localname == path[0]:
            yield from _all(child, *path[1:])


def _text(node: Any, *path: str) -> str:
    found = next(_all(node, *path), None)
    return (found.text or "").strip() if found is not None else ""


def _amount(node: Any) -> tuple[int, str]:
    """(minor units, currency) of a node's ``Amt``."""
    found = next(_all(node, "Amt"), None)
    if found is None:
        raise EntryError("no Amt")
    currency = str(found.get("Ccy", ""))
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise EntryError(f"Amt has Ccy {currency!r}, expected a code such as CNY")
    try:
        money = parse_decimal(found.text or "", currency=currency)
    except ValueError as error:
        raise EntryError(f"Amt: {error}") from error
    if money.amount < 0:
        raise EntryError("Amt is negative; the side is said by CdtDbtInd")
    return money.amount, currency


def _signed(node: Any) -> int:
    side = _SIGN.get(_text(node, "CdtDbtInd"))
    if side is None:
        raise EntryError("CdtDbtInd is neither CRDT nor DBIT")
    return side * _amount(node)[0]


def _prove_balances(statement: Any) -> None:
    """OPBD + booked entries = CLBD, and the transaction summary where there is one; raises FileError."""
    try:
        balances = {_text(b, "Tp", "CdOrPrtry", "Cd"): _signed(b) for b in _all(statement, "Bal")}
        booked = [_signed(entry) for entry in _all(statement, "Ntry") if _is_booked(entry)]
    except EntryError as error:
        raise FileError(f"the balances cannot be proven: {error}") from error
    for name in ("OPBD", "CLBD"):
        if name not in balances:
            raise FileError(f"the balance {name} is missing")
    expected = balances["OPBD"] + sum(booked)
    if expected != balances["CLBD"]:
        raise FileError(
            f"OPBD {balances['OPBD']} + {len(booked)} entries {sum(booked)} = {expected} minor units,"
            f" but CLBD says {balances['CLBD']}"
        )
    count = _text(statement, "TxsSummry", "TtlNtries", "NbOfNtries")
    entries = len(list(_all(statement, "Ntry")))
    if count and count != str(entries):
        raise FileError(f"NbOfNtries says {count}, the statement has {entries} entries")


def _is_booked(entry: Any) -> bool:
    # Version .08 nests the code (Sts/Cd); older ones have it as text. A statement may hold nothing but BOOK.
    return (_text(entry, "Sts", "Cd") or _text(entry, "Sts") or "BOOK") == "BOOK"


def _statement_day(statement: Any) -> date | None:
    """The closing balance's date, else the period's begin; None when neither can be read."""
    closing = [b for b in _all(statement, "Bal") if _text(b, "Tp", "CdOrPrtry", "Cd") == "CLBD"]
    texts = [_text(b, "Dt", "Dt") or _text(b, "Dt", "DtTm") for b in closing] + [_text(statement, "FrToDt", "FrDtTm")]
    for text in texts:
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            continue
    return None


def _read_entries(statement: Any, lines: list[StatementLine], quarantined: list[Quarantined]) -> None:
    for number, entry in enumerate(_all(statement, "Ntry"), start=1):
        raw = _evidence(entry)
        try:
            if not _is_booked(entry):
                raise EntryError("the entry is not booked (Sts is not BOOK)")
            lines.extend(_lines(entry, number, raw))
        except EntryError as error:
            quarantined.append(Quarantined(number, str(error), raw[:2000]))


def _evidence(entry: Any) -> str:
    """The entry as text, without the people in it (``RltdPties``), whom nobody who explains a difference needs."""
    shown = deepcopy(entry)
    for detail in _all(shown, "NtryDtls", "TxDtls"):
        for people in list(_all(detail, "RltdPties")):
            detail.remove(people)
    return str(etree.tostring(shown, encoding="unicode", with_tail=False))


def _lines(entry: Any, number: int, raw: str) -> list[StatementLine]:
    """One line per transaction; an entry without details is itself one. A batch must sum to its entry."""
    details = list(_all(entry, "NtryDtls", "TxDtls"))
    if not details:
        return [_line(entry, entry, number, raw)]
    if len(details) == 1:
        return [_line(entry, details[0], number, raw, amount_of=entry)]
    found = [_line(entry, detail, number, raw) for detail in details]
    if sum(line.amount for line in found) != _amount(entry)[0]:
        raise EntryError("the transactions of the batch do not sum to the entry")
    return found


def _line(entry: Any, detail: Any, number: int, raw: str, amount_of: Any = None) -> StatementLine:
    amount, currency = _amount(detail if amount_of is None else amount_of)
    side = _text(detail, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    ref = _text(detail, "Refs", "EndToEndId")
    if ref in {"", "NOTPROVIDED"}:
        ref = _text(detail, "Refs", "AcctSvcrRef") or _text(entry, "AcctSvcrRef")
    if not _REFERENCE.match(ref):
        raise EntryError(f"the reference {ref!r} is empty or has strange characters (EndToEndId, AcctSvcrRef)")
    if amount == 0:
        raise EntryError("the amount is zero")
    return StatementLine(
        processor="bank",
        kind="capture" if side == "CRDT" else "refund",
        ref=ref,
        merchant_order=_order_no(
            [_text(detail, "RmtInf", "Ustrd"), *_references(detail), _text(entry, "AddtlNtryInf")]
        ),
        merchant_refund=ref if side == "DBIT" else "",
        amount=amount,
        currency=currency,
        fee=0,
        at=_time(entry, detail),
        raw=raw,
        line=number,
    )


def _references(detail: Any) -> list[str]:
    names = ("InstrId", "PmtInfId", "TxId", "MsgId", "EndToEndId")
    return [_text(detail, "Refs", name) for name in names]


def _order_no(texts: Sequence[str]) -> str:
    """The rail order number wherever the bank passed it on."""
    found = next((match for text in texts if (match := _ORDER.search(text))), None)
    return found.group(0) if found else ""


def _time(entry: Any, detail: Any) -> datetime:
    """The transaction's own time, else the booking's; a bare date is its midnight in the bank's zone."""
    for node, path in ((detail, ("RltdDts", "TxDtTm")), (entry, ("BookgDt", "DtTm")), (entry, ("BookgDt", "Dt"))):
        text = _text(node, *path)
        if not text:
            continue
        try:
            if len(text) == 10:
                return datetime.combine(date.fromisoformat(text), time(0, 0), BANK_ZONE)
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise EntryError(f"{'/'.join(path)} is {text!r}, expected 2026-01-11T09:30:00+08:00") from error
        return at if at.tzinfo else at.replace(tzinfo=BANK_ZONE)
    raise EntryError("no BookgDt")
