"""What a cell may hold. Text that a spreadsheet would take for a formula never runs, and comes back unchanged.

A cell of a CSV file that begins with ``=``, ``+``, ``-``, ``@``, TAB or CR is run by spreadsheets (OWASP, "CSV
injection"); some read the full-width forms (U+FF1D, U+FF0B, U+FF0D, U+FF20) and the minus sign (U+2212) alike, and some
pass over white space before. An apostrophe before such a text makes it a text; a text that begins with an apostrophe
gets one more, so that :func:`unguarded` gives back exactly what :func:`guarded` was given.
"""

import unicodedata

_RUN = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\u2212|%")
_MARK = "'"
CELL_CHARACTERS = 32_767
"""The longest text a cell of .xlsx may hold (ECMA-376)."""


def guarded(text: str) -> str:
    """``text`` so that no spreadsheet runs it."""
    return _MARK + text if text.startswith(_MARK) or _would_run(text) else text


def unguarded(text: str) -> str:
    """The inverse of :func:`guarded`. A text from which a person has taken the mark away is taken as it is."""
    return text.removeprefix(_MARK)


def printable(text: str) -> str:
    """Without control characters, which XML cannot hold and people cannot see; line ends stay as spaces."""
    shown = "".join(" " if c in "\t\r\n" else c for c in text if c in "\t\r\n" or unicodedata.category(c) != "Cc")
    # A half of a surrogate pair is no character and cannot be written as UTF-8.
    return shown.encode("utf-8", "replace").decode("utf-8")[: CELL_CHARACTERS - 1]


def _would_run(text: str) -> bool:
    for character in text:
        if character in "\t\r\n":
            return True
        if character in _RUN:
            return True
        # White space and characters without width are passed over, as spreadsheets do.
        if not character.isspace() and unicodedata.category(character) not in {"Cf", "Cc"}:
            return False
    return False
