"""The field keys of an installation, newest first: what is sealed today is sealed under the first, opened under any.

A key's id is the first four bytes of SHA-256 over a label and the key: it stands in front of whatever the key sealed,
so that nobody has to try, and so that one can count what is still sealed under a key.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

ID_BYTES = 4
LOOK_AGAIN_SECONDS = 1.0
"""A key that was added becomes the current one of a running process within this time."""


class FieldKey(NamedTuple):
    """One key with its id."""

    id: bytes
    aead: AESGCM


def key_id(key: bytes) -> bytes:
    """Four bytes that name a key and say nothing else about it."""
    return hashlib.sha256(b"interlock field key id" + key).digest()[:ID_BYTES]


class Keyring:
    """The keys as ``load`` gives them, newest first, looked up again now and then: they may change while we run."""

    def __init__(self, load: Callable[[], Sequence[bytes]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._monotonic = monotonic
        self._loaded: tuple[bytes, ...] = ()
        self._keys: list[FieldKey] = []
        self._read()

    @classmethod
    def of(cls, *keys: bytes) -> "Keyring":
        """Keys that do not change."""
        return cls(lambda: keys)

    def current(self) -> FieldKey:
        """The key to seal under."""
        return self.all()[0]

    def all(self) -> list[FieldKey]:
        """Every key, newest first."""
        if self._monotonic() - self._read_at > LOOK_AGAIN_SECONDS:
            self._read()
        return self._keys

    def find(self, identity: bytes) -> FieldKey | None:
        """The key with this id; one that nobody knew a moment ago may have been added meanwhile."""
        found = self._found(identity)
        if found is None:
            self._read()
            found = self._found(identity)
        return found

    def _found(self, identity: bytes) -> FieldKey | None:
        return next((key for key in self._keys if key.id == identity), None)

    def _read(self) -> None:
        self._read_at = self._monotonic()
        try:
            loaded = tuple(self._load())
        except OSError as error:
            if not self._keys:
                raise
            # What was opened with these keys a second ago can be opened with them still.
            log.warning("the field keys cannot be read again: %s", type(error).__name__)
            return
        if loaded != self._loaded:
            self._loaded = loaded
            self._keys = [FieldKey(key_id(key), AESGCM(key)) for key in loaded]
