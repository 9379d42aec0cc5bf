"""Signatures that were found good in this process: a token that comes again costs no elliptic curve a second time.

Only the signature is remembered, never a verdict: every claim, the key's standing and the login behind the token are
looked at each time. A key that is read anew or withdrawn is another object, and what it signed is verified again.
"""

import hashlib
import threading

from joserfc.jwk import KeySet

KEPT = 4_096


class Signatures:
    """Digests of tokens with the key that verified each, the oldest forgotten first. Safe in many threads."""

    def __init__(self) -> None:
        self._good: dict[bytes, KeySet] = {}
        self._lock = threading.Lock()

    def known(self, token: str, key: KeySet) -> bool:
        """Whether exactly this token was verified with exactly this key."""
        return self._good.get(_digest(token)) is key

    def note(self, token: str, key: KeySet) -> None:
        """The token's signature was verified with this key."""
        with self._lock:
            if len(self._good) >= KEPT:
                del self._good[next(iter(self._good))]
            self._good[_digest(token)] = key


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
