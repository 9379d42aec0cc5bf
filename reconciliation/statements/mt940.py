"""The bank's statement in SWIFT's form: MT940 (customer statement), one or more messages of one or more pages.

Source: SWIFT Standards MT, category 9, MT940; each field is parsed by the library ``mt-940``. ``:60F:`` + ``:61:`` =
``:62F:``; a long statement goes on over pages whose ``:62M:`` is the next one's ``:60M:``. Marks: C and D, RC takes a
credit back, RD a debit. The entry date (MMDD) has its year from the value date, also over New Year. Amounts have a
decimal comma. The owner's information (``:86:``) names people: of it only references and the order number are kept.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from mt940.models import Transactions
from mt940.options import Options

from reconciliation.rows import microseconds
from reconciliation.statements.amounts import decimals
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
from reconciliation.statements.totals import REMEDY

MAX_BYTES = 256 << 20
_TAG = re.compile(r"^:(\d{2}[A-Z]?|NS):", re.MULTILINE)
_SIGN = {"C": 1, "D": -1, "RC": -1, "RD": 1}
_END_TO_END = re.compile(r"EREF\+([0-9A-Za-z_.:-]{1,35})")
_NO_REFERENCE = {"", "NONREF", "NOTPROVIDED"}
_FAILURES = (RuntimeError, ValueError, ArithmeticError, KeyError, TypeError)
"""What the library raises for a field that is none."""


@dataclass(slots=True)
class Page:
    """One message: its balances as (tag, signed minor units), and its movements as texts."""

    number: str = ""
    opening: tuple[str, int] | None = None
    closing: tuple[str, int] | None = None
    currency: str = "CNY"
    day: date | None = None
    entries: list[tuple[int, str, str]] = field(default_factory=list)


class Mt940:
    """Any text that is no XML is tried: the reader says what is missing."""

    NAME = "mt940"
    TITLE_ZH = "银行对账单 MT940"
    TITLE_EN = "bank statement MT940"
    SOURCE = SOURCE
    PROCESSOR = SOURCE

    def claims(self, member: Member) -> bool:
        return not member.head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")

    def reading(self, member: Member, label: str, sink: Sink) -> "Mt940Reading":
        return Mt940Reading(member, label, sink)

    def texts(self, member: Member, numbers: Collection[int]) -> dict[int, str]:
        """Nothing: each line carries its own."""
        return {}


class Mt940Reading(EntryReading):
    """One file while it is read, whole: SWIFT allows 2,000 characters a page. It has its closing balance's date."""

    def read(self) -> tuple[ProvenTotal, ...]:
        with self.member.open() as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise FileError(f"larger than {MAX_BYTES} bytes: no MT940", f"{self.label}file")
        pages = list(self._pages(raw.decode("latin-1").lstrip("\xef\xbb\xbf")))
        if not pages:
            raise FileError("no :20: with a statement after it", f"{self.label}file")
        proven = []
        before: Page | None = None
        for page in pages:
            self.stated = page.day or self.stated
            proven += self._prove(page, before)
            self._lines(page)
            before = page
        self.flush()
        return tuple(proven)

    def _pages(self, text: str) -> Iterator[Page]:
        page: Page | None = None
        for line, tag, value in _fields(text):
            if tag == "20":
                if page is not None:
                    yield page
                page = Page()
            elif page is not None:
                self._field(page, line, tag, value)
        if page is not None:
            yield page

    def _field(self, page: Page, line: int, tag: str, value: str) -> None:
        if tag == "28C":
            page.number = value.strip()
        elif tag in {"60F", "60M", "62F", "62M"}:
            amount, currency, day = self._balance(tag, value, line)
            if tag.startswith("60"):
                page.opening, page.currency = (tag, amount), currency
            else:
                page.closing, page.day = (tag, amount), day
        elif tag == "61":
            page.entries.append((line, value, ""))
        elif tag == "86" and page.entries and page.closing is None:
            at, statement, _ = page.entries[-1]
            page.entries[-1] = (at, statement, value)

    def _balance(self, tag: str, value: str, line: int) -> tuple[int, str, date]:
        place = f"{self.label}line {line}"
        names = {
            "60F": "final_opening",
            "60M": "intermediate_opening",
            "62F": "final_closing",
            "62M": "intermediate_closing",
        }
        try:
            parsed = _parsed(f":{tag}:{value}").data[f"{names[tag]}_balance"]
            currency = str(parsed.amount.currency)
            return _minor(parsed.amount.amount, currency), currency, _plain(parsed.date)
        except _FAILURES as error:
            raise FileError(f":{tag}: is {value.strip()[:40]!r}, expected C260111CNY1000,00", place, REMEDY) from error

    def _prove(self, page: Page, before: Page | None) -> list[ProvenTotal]:
        place = f"{self.label}statement {page.number or '?'}"
        if page.opening is None or page.closing is None:
            raise FileError("a page without :60: or :62:", place, REMEDY)
        if page.opening[0] == "60M" and (before is None or before.closing is None or before.closing[0] != "62M"):
            raise FileError("an intermediate page (:60M:) without the page before it", place, REMEDY)
        if page.opening[0] == "60M" and before and before.closing and before.closing[1] != page.opening[1]:
            said = f":60M: is {page.opening[1]} minor units, the page before ended with {before.closing[1]}"
            raise FileError(said, place, REMEDY)
        try:
            moved = sum(_moved(statement, page.currency)[0] for _, statement, _ in page.entries)
        except EntryError as error:
            raise FileError(f"the balances cannot be proven: {error}", place, REMEDY) from error
        if page.opening[1] + moved != page.closing[1]:
            raise FileError(
                f":{page.opening[0]}: {page.opening[1]} + {len(page.entries)} entries {moved} ="
                f" {page.opening[1] + moved} minor units, but :{page.closing[0]}: says {page.closing[1]}",
                place,
                REMEDY,
            )
        return [ProvenTotal(f":{page.closing[0]}:", f"{page.closing[1]} minor units")]

    def _lines(self, page: Page) -> None:
        for line, statement, owner in page.entries:
            try:
                made, day = _line(statement, owner, page.currency, f"{self.label}line {line}")
            except EntryError as error:
                self.quarantined.append(Quarantined(line, str(error), _shown(statement)))
                continue
            self.take([made], day)


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, tag, value) of each field; block headers and trailers of the envelope are left out."""
    text = text.replace("\r\n", "\n")
    matches = list(_TAG.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)] * bool(matches)
    for match, end in zip(matches, ends, strict=True):
        value = text[match.end() : end]
        yield text.count("\n", 0, match.start()) + 1, match.group(1), re.split(r"\n-|\n\{", value)[0].rstrip("\n")


def _shown(statement: str) -> str:
    """The field without its supplementary details, which may name somebody."""
    return f":61:{statement.strip().partition(chr(10))[0]}"


def _parsed(text: str) -> Any:
    transactions = Transactions(options=Options.all())
    transactions.parse(text)
    return transactions


def _moved(statement: str, currency: str) -> tuple[int, Any]:
    """(signed minor units, the library's fields) of one ``:61:``; raises EntryError."""
    try:
        data = _parsed(f":61:{statement}").transactions[0].data
        minor = _minor(abs(data["amount"].amount), currency)
        return _SIGN[str(data["status"]).upper()] * minor, data
    except (*_FAILURES, IndexError) as error:
        raise EntryError(f":61: is {statement.strip()[:60]!r}, expected 2601110111C553,00NTRFREF//BANKREF") from error


def _minor(amount: Decimal, currency: str) -> int:
    scaled = amount.scaleb(decimals(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"more decimals than {currency} allows: {amount}")
    return int(scaled)


def _plain(day: date) -> date:
    return date(day.year, day.month, day.day)


def _line(statement: str, owner: str, currency: str, place: str) -> tuple[dict[str, Any], date]:
    signed, data = _moved(statement, currency)
    told = owner.replace("\n", "")
    day = _plain(data.get("entry_date") or data["date"])
    end_to_end = _END_TO_END.search(told)
    bank = (data.get("bank_reference") or "").strip()
    customer = (data.get("customer_reference") or "").strip()
    named = (end_to_end.group(1) if end_to_end else "", customer, bank)
    ref = next((name for name in named if name not in _NO_REFERENCE), "")
    checked_reference(ref, "EREF, :61:")
    if signed == 0:
        raise EntryError("the amount is zero")
    order = order_no([told, customer, data.get("extra_details") or ""])
    made = {
        "kind": "payment" if signed > 0 else "refund",
        "ref": ref,
        "other_ref": order,
        "order_no": order,
        "at": microseconds(datetime.combine(day, time(0, 0), BANK_ZONE)),
        "amount": abs(signed),
        "currency": currency,
        "fee": 0,
        "batch": "",
        "place": place,
        "raw": _shown(statement),
    }
    return made, day
