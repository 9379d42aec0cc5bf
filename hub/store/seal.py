"""The field key's seal: secrets of channels and of the login provider, cookies, and the keys of people.

Personal data is sealed under a key of the person (``hub.store.subject_keys``); the field key seals those keys. It can
therefore be rotated without touching an event or a message, and a person's data is erased with one small key.

    sealed:3:<key id>:<ciphertext>        today: AES-256-GCM (NIST SP 800-38D), 96-bit random nonce in front
    sealed:1:<blind>:<mask>:<ciphertext>  before there were keys of people: read for ever, written no more

The blind index is the first 16 bytes of HMAC-SHA-256 under a key of its own, which does not rotate: an index under
another key would find nobody.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.store.keyring import ID_BYTES, FieldKey, Keyring

_OLD_PREFIX = "sealed:1:"
_PREFIX = "sealed:3:"
_NONCE_BYTES = 12


class Seal:
    """Seals and opens with the field keys and indexes with the blind-index key, 32 bytes each.

    ``entropy(n)`` gives n random bytes.
    """

    def __init__(
        self, field_keys: bytes | Keyring, blind_key: bytes, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.keyring = field_keys if isinstance(field_keys, Keyring) else Keyring.of(field_keys)
        # Copied for every text: to schedule the key anew costs more than to hash with it.
        self._blind = hmac.new(blind_key, digestmod=hashlib.sha256)
        self.entropy = entropy

    def blind(self, clear: str) -> str:
        """The look-up value of a clear text: 32 hexadecimal digits, the same every time."""
        keyed = self._blind.copy()
        keyed.update(clear.encode())
        return keyed.digest()[:16].hex()

    def seal(self, clear: str) -> str:
        """The sealed form of a secret."""
        sealed = self.seal_bytes(clear.encode())
        return f"{_PREFIX}{sealed[:ID_BYTES].hex()}:{base64.urlsafe_b64encode(sealed[ID_BYTES:]).decode()}"

    def open(self, sealed: str) -> str:
        """The clear text; a text that is not sealed comes back as it is.

        Raises ``cryptography.exceptions.InvalidTag`` when no key of ours opens it.
        """
        if sealed.startswith(_PREFIX):
            identity, _, text = sealed.removeprefix(_PREFIX).partition(":")
            return self.open_bytes(bytes.fromhex(identity) + base64.urlsafe_b64decode(text)).decode()
        if sealed.startswith(_OLD_PREFIX):
            return self._opened_by_any(base64.urlsafe_b64decode(sealed.rsplit(":", 1)[1]), None).decode()
        return sealed

    def seal_bytes(self, clear: bytes, bound: bytes | None = None) -> bytes:
        """Key id, nonce and ciphertext. ``bound``: what it belongs to; it opens only with the same."""
        key, nonce = self.keyring.current(), self.entropy(_NONCE_BYTES)
        return key.id + nonce + key.aead.encrypt(nonce, clear, bound)

    def open_bytes(self, sealed: bytes, bound: bytes | None = None) -> bytes:
        """Raises ``cryptography.exceptions.InvalidTag`` for another key or a changed ciphertext."""
        key = self.keyring.find(sealed[:ID_BYTES])
        if key is not None:
            try:
                return _opened(key.aead, sealed[ID_BYTES:], bound)
            except InvalidTag:
                # Bytes sealed before there were key ids begin with a nonce; one in four thousand million looks so.
                return self._opened_by_any(sealed, bound)
        return self._opened_by_any(sealed, bound)

    def _opened_by_any(self, sealed: bytes, bound: bytes | None) -> bytes:
        """Bytes without a key id."""
        keys: list[FieldKey] = self.keyring.all()
        for key in keys:
            try:
                return _opened(key.aead, sealed, bound)
            except InvalidTag:  # sealed under another key, perhaps the next one
                continue
        raise InvalidTag


def _opened(aead: AESGCM, sealed: bytes, bound: bytes | None) -> bytes:
    return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
