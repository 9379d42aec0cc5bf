"""Identity documents: which kinds there are, how a number of each is written, how it is shown.

The rules are a table that the composition root may replace row by row (`DocumentRules`): a railway that knows more
about a number than its form checks more. Whose a number is, is asked
elsewhere (`registers.NameRegister`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

from sso.ports import FieldCipher

DocumentRules = Mapping[str, Callable[[str], str]]
"""For each kind of document the function that answers the clean number, or raises ValueError."""

_BLANKS = re.compile(r"[\s-]")
_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9X]")


def resident_id(value: str) -> str:
    """The resident identity number: 17 digits, of which eight are a birthday, and a check character.

    GB 11643-1999, ISO 7064 MOD 11-2. Raises ValueError.

    >>> resident_id("9901 0119 9001 0100 19")
    '990101199001010019'
    """
    number = _clean(value)
    if not _RESIDENT_ID.fullmatch(number):
        raise ValueError("17 digits, then a digit or X")
    date.fromisoformat(number[6:14])
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    if "10X98765432"[total % 11] != number[17]:
        raise ValueError("the check character does not fit")
    return number


def _clean(value: str) -> str:
    return _BLANKS.sub("", value).upper()


def _formed(form: str) -> Callable[[str], str]:
    pattern = re.compile(form)

    def compact(value: str) -> str:
        number = _clean(value)
        if not pattern.fullmatch(number):
            raise ValueError(f"expected {form}")
        return number

    return compact


DOCUMENT_RULES: DocumentRules = {
    # kind: as the canonical code list document_type has it
    "resident_id": resident_id,
    "hk_macau_permit": _formed(r"[A-Z][0-9]{8}(?:[0-9]{2})?"),
    "taiwan_permit": _formed(r"[0-9]{8}(?:[0-9]{2})?"),
    "passport": _formed(r"[A-Z0-9]{5,12}"),
    "foreign_permanent_resident": _formed(r"[A-Z]{3}[0-9]{12}|[0-9]{17}[0-9X]"),
}
"""What is checked where nobody says more: the form, and the resident number's birthday and check character."""


class DocumentRefused(ValueError):
    """No such kind of document, or not a number of that kind."""


def compact(rules: DocumentRules, document_type: str, number: str) -> str:
    """The clean number. Raises DocumentRefused."""
    rule = rules.get(document_type)
    if rule is None:
        raise DocumentRefused(f"documents are {', '.join(rules)}")
    try:
        return rule(number[:40])
    except ValueError as error:
        raise DocumentRefused(f"this is not a number of a {document_type}") from error


def blind(cipher: FieldCipher, document_type: str, number: str) -> str:
    """What a document is found by, of a clean number."""
    return cipher.blind(f"document:{document_type}:{number}")


def masked(number: str) -> str:
    """As shown on a page: the last four, which its holder knows it by.

    >>> masked("990101199001010019")
    '**************0019'
    """
    return "*" * max(len(number) - 4, 0) + number[-4:]


def masked_name(name: str) -> str:
    """As shown before it is certain who is looking: the first character.

    >>> masked_name("李未")
    '李*'
    """
    return name[:1] + "*" * min(max(len(name) - 1, 0), 8)
