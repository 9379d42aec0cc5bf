"""The eight letters that a window shows and a person types (RFC 8628 section 6.1), and how guessing at them is bounded.

20^8 codes of which a few thousand are open at a time: a guess hits once in some millions, and few guesses are allowed.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import Connection

from sso.ports import FieldCipher

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so that no code spells a word
LENGTH = 8


def compact(typed: str) -> str | None:
    """The eight letters that a person meant (RFC 8628 section 6.1), or None.

    >>> compact("wdjb-mjht")
    'WDJBMJHT'
    >>> compact("hello") is None
    True
    """
    letters = re.sub(r"[\s\W_]", "", typed[:40]).upper()
    return letters if len(letters) == LENGTH and set(letters) <= set(LETTERS) else None


def shown(code: str) -> str:
    """As it is shown: two groups of four.

    >>> shown("WDJBMJHT")
    'WDJB-MJHT'
    """
    return f"{code[:4]}-{code[4:]}"


def blind(cipher: FieldCipher, code: str) -> str:
    """Under what a user code is kept and found: eight letters could be guessed from a plain hash."""
    return cipher.blind(f"user_code:{code}")


def drawn(digits: str) -> str:
    """Eight letters out of random decimal digits, two for each letter: 100 is five times 20, so each is as likely.

    >>> drawn("0001192021399999")
    'BCZBCZZZ'
    """
    pairs = [digits[index : index + 2] for index in range(0, 2 * LENGTH, 2)]
    return "".join(LETTERS[int(pair) % len(LETTERS)] for pair in pairs)


def may_guess(connection: Connection, subjects: Sequence[tuple[str, int]], now: datetime, within: timedelta) -> bool:
    """Whether each subject had fewer counted tries `within` than it is allowed. Asked before the code is looked up.

    Locks the subjects until the transaction ends, so that parallel guesses cannot slip by.
    """
    allowed = True
    for subject, limit in sorted(subjects):
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (subject,))
        row = connection.execute(
            "SELECT count(*) FROM sso.user_code_guess WHERE subject = %s AND at > %s", (subject, now - within)
        ).fetchone()
        allowed = allowed and row is not None and row[0] < limit
    return allowed


def note_wrong_guess(connection: Connection, subjects: Sequence[tuple[str, int]], now: datetime) -> None:
    """Count one try (a user code that nobody was shown) for `may_guess`; the caller commits."""
    for subject, _ in subjects:
        connection.execute("INSERT INTO sso.user_code_guess (subject, at) VALUES (%s, %s)", (subject, now))
