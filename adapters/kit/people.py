"""Documents and phone numbers: one canonical spelling, whatever the channel writes."""

import re

from adapters.kit import built
from adapters.kit.reading import Record
from schemas.facts import Document
from schemas.identifiers import InvalidIdentifier, resident_id

_MOBILE = re.compile(r"1[0-9]{10}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_DOCUMENT = re.compile(r"[0-9A-Za-z()-]{1,40}")


def document(record: Record, number_field: str, kind: str) -> Document:
    """The identity document in ``number_field``; a resident id must pass its check digit, others their characters."""
    text = record.text(number_field, maximum=40).strip().upper()
    if kind == "resident_id":
        try:
            return built.document(type=kind, number=resident_id.validate(text))
        except InvalidIdentifier as error:
            raise record.refuse(number_field, "identifier_invalid", str(error)) from error
    if not _DOCUMENT.fullmatch(text):
        raise record.refuse(number_field, "identifier_invalid", "a document number is letters and digits")
    return built.document(type=kind, number=text)


def phone(record: Record, field: str) -> str | None:
    """A mobile number in E.164: 11 digits are Chinese (+86). What is none becomes a loss, not a refusal."""
    text = record.optional(field)
    if text is None:
        return None
    compact = text if text.isdigit() else text.replace(" ", "").replace("-", "")
    if _MOBILE.fullmatch(compact):
        return f"+86{compact}"
    if _E164.fullmatch(compact):
        return compact
    record.lost(field, "not_mapped", "no phone number: 11 digits, or + and country code")
    return None


def national(phone_number: str | None) -> str:
    """The inverse of :func:`phone` for Chinese wires: 11 digits without +86; empty when there is none."""
    return (phone_number or "").removeprefix("+86")
