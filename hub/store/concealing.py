"""Personal data in texts that others wrote: what may be kept of them, shown or logged.

Our own texts never have any. A channel's answer to a delivery may repeat what it was sent, and a problem names what was
found at a place of a message. By form only numbers can be recognised; a name is, where it comes back to us, because we
have sent it.
"""

import re

_NUMBERS = re.compile(
    r"""(?<![0-9A-Za-z])(?:
        [1-9]\d{5}(?:18|19|20)\d{9}[\dXx] | [1-9]\d{16}[\dXx] | [1-9]\d{14}   # resident id, 18 or 15 characters
      | (?:\+?86[- ]?)?1[3-9]\d{9}                                            # mobile telephone
      | [A-Za-z]{1,2}\d{7,10}                                                 # passport and permits
    )(?![0-9A-Za-z])""",
    re.VERBOSE,
)
_WORD = re.compile(r"[㐀-鿿·]{2,}|[0-9A-Za-z+]*\d[0-9A-Za-z]{3,}|[A-Z][A-Z]+")
_SHOWN = 3


def without_numbers(text: str) -> str:
    """``text`` with everything that has the form of a document or telephone number masked."""
    return _NUMBERS.sub(lambda found: _masked(found[0]), text)


def without_echo(text: str, sent: bytes) -> str:
    """``text`` with every number, Chinese word and word in capitals masked that stands in ``sent`` too.

    What a channel says in its own words ("500 Internal Server Error") stays. An echo that is encoded otherwise than it
    was sent (base64, another character set) is not recognised, except for numbers.
    """
    if not text:
        return text
    known = sent.decode("utf-8", "ignore") + sent.decode("gb18030", "ignore")
    told = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return without_numbers(_WORD.sub(lambda found: _masked(found[0]) if found[0] in known else found[0], told))


def _masked(word: str) -> str:
    if not word.isascii():
        return "*" * len(word)
    return word[:_SHOWN] + "*" * (len(word) - _SHOWN) if len(word) > 2 * _SHOWN else "*" * len(word)
