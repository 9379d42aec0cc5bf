"""Sealing under a person's key: texts of one person, and messages that name several.

    sealed:2:<subject>:<ciphertext>   a name, number or telephone; subject: the person's pseudonym, 32 digits

AES-256-GCM-SIV (RFC 8452) with a nonce that never changes: one text of one person has one sealed form, so equality is
decided without opening anything, and nothing else is given away. The pseudonym is random; no index and no mask of the
number stands in the text.

A message is sealed (AES-256-GCM, random nonce) under a key derived from the keys of everybody whom it names: without
any one of them it cannot be opened. In front stands whom it names:

    "sealed:2"  number of subjects (2 bytes)  subjects (16 bytes each)  nonce (12 bytes)  ciphertext
"""

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

PREFIX = "sealed:2:"
_SUBJECT = slice(len(PREFIX), len(PREFIX) + 32)
_CIPHER = len(PREFIX) + 33
_NAMED = re.compile(PREFIX + "([0-9a-f]{32}):")
_NONCE = bytes(12)

_MAGIC = PREFIX[:-1].encode()
_HEAD = len(_MAGIC) + 2
_SUBJECT_BYTES = 16
_NONCE_BYTES = 12


class SubjectKey:
    """The key of one person, in hand. ``subject``: 32 hexadecimal digits."""

    __slots__ = ("_aead", "key", "subject")

    def __init__(self, subject: str, key: bytes) -> None:
        self.subject, self.key = subject, key
        self._aead: AESGCMSIV | None = None

    @property
    def aead(self) -> AESGCMSIV:
        if self._aead is None:
            self._aead = AESGCMSIV(self.key)
        return self._aead

    def seal(self, clear: str) -> str:
        """The one sealed form of a text of this person."""
        cipher = base64.urlsafe_b64encode(self.aead.encrypt(_NONCE, clear.encode(), None)).decode()
        return f"{PREFIX}{self.subject}:{cipher}"

    def open(self, sealed: str) -> str:
        """Raises ``cryptography.exceptions.InvalidTag`` for a text of somebody else, or a changed one."""
        return self.aead.decrypt(_NONCE, base64.urlsafe_b64decode(sealed[_CIPHER:]), None).decode()


def subject_of(sealed: str) -> str | None:
    """Whose text this is; None for one that is not sealed under a person's key."""
    return sealed[_SUBJECT] if sealed.startswith(PREFIX) else None


def subjects_in(text: str) -> set[str]:
    """Whose texts stand in a JSON text, without reading it as such."""
    return set(_NAMED.findall(text))


class Head(NamedTuple):
    """What stands in front of a sealed message."""

    subjects: tuple[str, ...]
    size: int


def head_of(sealed: bytes) -> Head | None:
    """Whom a sealed message names; None for one that was sealed before there were keys of people."""
    if not sealed.startswith(_MAGIC):
        return None
    number = int.from_bytes(sealed[len(_MAGIC) : _HEAD])
    ends = range(_HEAD, _HEAD + number * _SUBJECT_BYTES, _SUBJECT_BYTES)
    return Head(tuple(sealed[at : at + _SUBJECT_BYTES].hex() for at in ends), _HEAD + number * _SUBJECT_BYTES)


def named(subject: UUID | str) -> bytes:
    """How a message's head names a subject: to look for it in many."""
    return subject.bytes if isinstance(subject, UUID) else bytes.fromhex(subject)


def seal_raw(keys: Collection[SubjectKey], raw: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """``raw`` under the keys of all of ``keys`` (one or more, each once)."""
    ordered = sorted(keys, key=lambda key: key.subject)
    head = _MAGIC + len(ordered).to_bytes(2) + b"".join([bytes.fromhex(key.subject) for key in ordered])
    nonce = entropy(_NONCE_BYTES)
    return head + nonce + _joint(ordered, head).encrypt(nonce, raw, head)


def open_raw(keys: Mapping[str, SubjectKey], sealed: bytes) -> bytes | None:
    """The message; None when the key of anybody in its head is not among ``keys``.

    Raises ``cryptography.exceptions.InvalidTag`` for other keys or a changed ciphertext.
    """
    found = head_of(sealed)
    if found is None or any(subject not in keys for subject in found.subjects):
        return None
    head, rest = sealed[: found.size], sealed[found.size :]
    aead = _joint([keys[subject] for subject in found.subjects], head)
    return aead.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head)


def _joint(ordered: Collection[SubjectKey], head: bytes) -> AESGCM:
    """One key out of several: BLAKE2b (RFC 7693) over all of them and over whose they are."""
    material = b"".join([key.key for key in ordered]) + head
    return AESGCM(hashlib.blake2b(material, digest_size=32, person=b"interlock raw").digest())
