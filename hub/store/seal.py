"""Sealing: personal data encrypted per field, with a keyed blind index for look-up and a mask for people.

A sealed text is ``sealed:1:<blind>:<mask>:<ciphertext>``: AES-256-GCM (NIST SP 800-38D) under a 96-bit random nonce,
the blind index is the first 16 bytes of HMAC-SHA-256. Two sealings of one value differ in their ciphertext and agree
in ``blind``, so equality of people is decided without opening anything. Which fields of a fact or an order are sealed
is read from the contract's marks: ``schemas.personal.convert_sealed(fact, seal.seal)``.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.personal import masked_number

_PREFIX = "sealed:1:"


class Seal:
    """Seals and opens with a field key and a blind-index key, 32 bytes each. ``entropy(n)`` gives n random bytes."""

    def __init__(self, field_key: bytes, blind_key: bytes, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._aead = AESGCM(field_key)
        # Copied for every text: to schedule the key anew costs more than to hash with it.
        self._blind = hmac.new(blind_key, digestmod=hashlib.sha256)
        self._entropy = entropy

    def blind(self, clear: str) -> str:
        """The look-up value of a clear text: 32 hexadecimal digits, the same every time."""
        keyed = self._blind.copy()
        keyed.update(clear.encode())
        return keyed.digest()[:16].hex()

    def seal(self, clear: str) -> str:
        """The sealed form; a text that is sealed already comes back as it is."""
        if clear.startswith(_PREFIX):
            return clear
        cipher = base64.urlsafe_b64encode(self.seal_bytes(clear.encode())).decode()
        return f"{_PREFIX}{self.blind(clear)}:{masked_number(clear)}:{cipher}"

    def open(self, sealed: str) -> str:
        """The clear text; a text that is not sealed comes back as it is."""
        if not sealed.startswith(_PREFIX):
            return sealed
        return self.open_bytes(base64.urlsafe_b64decode(sealed.rsplit(":", 1)[1])).decode()

    def seal_bytes(self, clear: bytes) -> bytes:
        nonce = self._entropy(12)
        return nonce + self._aead.encrypt(nonce, clear, None)

    def open_bytes(self, sealed: bytes) -> bytes:
        """Raises ``cryptography.exceptions.InvalidTag`` for another key or a changed ciphertext."""
        return self._aead.decrypt(sealed[:12], sealed[12:], None)
