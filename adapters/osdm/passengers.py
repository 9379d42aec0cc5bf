"""Passengers: person, document and telephone. The name that counts is the one on the document."""

import re

from adapters.kit import built
from adapters.kit.people import document, phone
from adapters.kit.reading import Record, finish_all
from adapters.kit.refusing import Losses
from adapters.osdm.wire import Native, present, write_code
from schemas.codes import code_list
from schemas.facts import Passenger
from schemas.model import altered
from schemas.order import OrderPassenger

_TICKET_TYPE, _DOCUMENT_TYPE = code_list("ticket_type"), code_list("document_type")
_PASSENGERS_MOST = 9
_NAME_MOST = 200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_COMPOUND = re.compile(
    "欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|"
    "公冶|太叔|申屠|公孙|慕容|仲孙|钟离|长孙|宇文|司徒|鲜于|司空|闾丘|令狐|呼延|西门|百里|东郭"
)
"""Chinese family names of two characters; all others have one."""


def read_passengers(booking: Record) -> dict[str, Passenger]:
    """Passengers by their id in the booking."""
    found = {}
    for record in booking.children("passengers", least=1, most=_PASSENGERS_MOST):
        name = record.text("id")
        if name in found:
            raise record.refuse("id", "identifier_invalid", "two passengers with one id")
        found[name] = _passenger(record)
    return found


def _passenger(record: Record) -> Passenger:
    card = record.child("identificationCard")
    kind = card.code_or_unknown("type", _DOCUMENT_TYPE)
    paper = document(card, "id", kind)
    if card.has("issuingCountryCode"):
        country = card.matching("issuingCountryCode", _COUNTRY, "a country of two capitals")
        paper = altered(paper, {"issued_by": country})
    detail = record.child("detail") if record.has("detail") else None
    passenger = built.passenger(
        name=_name(card, detail),
        document=paper,
        type=record.code_or_unknown("type", _TICKET_TYPE),
        phone=_phone(detail) if detail else None,
    )
    if record.has("dateOfBirth"):
        born = record.matching("dateOfBirth", _DAY, "a day", example="1990-03-07").replace("-", "")
        if kind != "resident_id" or paper.number[6:14] != born:
            record.lost("dateOfBirth", "not_mapped", "the contract knows no birthdays but those in a resident id")
    record.repeated("externalRef")
    finish_all((card, *((detail,) if detail else ()), record))
    return passenger


def _phone(detail: Record) -> str | None:
    if not detail.has("contact"):
        return None
    contact = detail.child("contact")
    number = phone(contact, "phoneNumber")
    contact.finish()
    return number


def _name(card: Record, detail: Record | None) -> str:
    """The name on the document; made of last and first name only where the document's is not told."""
    written = card.optional("name")
    parts = [detail.optional("lastName") or "", detail.optional("firstName") or ""] if detail else ["", ""]
    if not any(parts):
        if written is None:
            raise card.refuse("name", "message_malformed", "nobody's name is told", expected="a name")
        return written
    joined = ("" if _is_chinese(parts[0]) else " ").join(filter(None, parts))
    if detail is not None and len(joined) > _NAME_MOST:
        raise detail.refuse("lastName", "message_malformed", f"a name has {_NAME_MOST} characters at most")
    if written is None:
        return joined
    if sorted(written.casefold().replace(" ", "")) != sorted(joined.casefold().replace(" ", "")):
        card.losses.add(f"{card.pointer}/name", "less_precise", joined, "first and last name differ: this one counts")
    return written


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text)


def write_passenger(person: OrderPassenger, place: str, losses: Losses) -> Native:
    """One passenger; a resident id tells the birthday."""
    last, first = _split(person.name)
    paper = person.document
    born = paper.number[6:14] if paper.type == "resident_id" else None
    return present(
        {
            "id": person.passenger_id,
            "externalRef": person.passenger_id,
            "dateOfBirth": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else None,
            "type": write_code("ticket_type", person.type, f"{place}/type", losses),
            "detail": present(
                {
                    "firstName": first or None,
                    "lastName": last,
                    "contact": {"phoneNumber": person.phone} if person.phone else None,
                }
            ),
            "identificationCard": present(
                {
                    "id": paper.number,
                    "type": write_code("document_type", paper.type, f"{place}/document/type", losses),
                    "name": person.name,
                    "issuingCountryCode": paper.issued_by,
                }
            ),
        }
    )


def _split(name: str) -> tuple[str, str]:
    """Last and first name by convention: Chinese family names come first, and so do those in passports."""
    if not _is_chinese(name):
        last, _, first = name.partition(" ")
        return last, first
    length = 2 if _COMPOUND.match(name) else 1
    return name[:length], name[length:]
