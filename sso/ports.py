"""What the provider needs from outside: time, randomness, a cipher for fields, and a way to send a code to a phone."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

Clock = Callable[[], datetime]
"""Answers the present moment as an aware UTC datetime."""


class FieldCipher(Protocol):
    """Encrypts single fields. The provider stores what `seal` answers and never the clear text."""

    def seal(self, clear: str) -> str:
        """Authenticated encryption (AES-GCM) of `clear`; two calls give two texts."""

    def open(self, sealed: str) -> str:
        """The clear text again; raises when the text was altered or sealed under another key."""

    def blind(self, clear: str) -> str:
        """A keyed digest, the same for the same text: used for look-up by equality."""


class CodeSender(Protocol):
    """Delivers one-time codes to phones."""

    def send(self, phone: str, code: str, locale: str, purpose: str) -> None:
        """Hand `code` (six digits) to the gateway for `phone` (E.164).

        `purpose` chooses the sentence around the code: a code of `call` is to be read to the clerk, one of any other
        (`login`, `register`, `step_up`, `change`, `recover`) to nobody. The page tells the person to try again when
        this raises OSError; nothing is retried behind their back.
        """


class NoticeSender(Protocol):
    """Delivers sentences about their own account to people's phones."""

    def tell(self, phone: str, kind: str, text: str, locale: str) -> None:
        """Hand `text` to the gateway for `phone` (E.164); it holds no code. Raises OSError: it is sent again later."""


class Minter(Protocol):
    """Makes identifiers and secrets. Passed in, so that a test can foretell them."""

    def secret(self) -> str:
        """A URL-safe secret of 256 random bits."""

    def digits(self, count: int) -> str:
        """`count` random decimal digits."""

    def identifier(self) -> UUID:
        """A UUID of version 7."""


class SystemMinter:
    """The operating system's randomness."""

    def secret(self) -> str:
        """See `Minter.secret`."""
        return secrets.token_urlsafe(32)

    def digits(self, count: int) -> str:
        """See `Minter.digits`."""
        return "".join(secrets.choice("0123456789") for _ in range(count))

    def identifier(self) -> UUID:
        """See `Minter.identifier`."""
        return uuid7()


class OutboxSender:
    """Appends every code and notice to a file instead of sending it: one JSON object per line, for its owner only.

    The default where no gateway is connected; the demo reads its codes from here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, phone: str, code: str, locale: str, purpose: str) -> None:
        """Append `{"phone", "code", "locale", "purpose"}`."""
        self._append({"phone": phone, "code": code, "locale": locale, "purpose": purpose})

    def tell(self, phone: str, kind: str, text: str, locale: str) -> None:
        """Append `{"phone", "notice", "text", "locale"}`."""
        self._append({"phone": phone, "notice": kind, "text": text, "locale": locale})

    def _append(self, message: dict[str, str]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(message, ensure_ascii=False) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as outbox:
            outbox.write(line)


def digest(secret: str) -> bytes:
    """SHA-256 of a secret that we minted ourselves.

    Right only for secrets of full entropy (codes, tokens, cookies, client secrets); passwords take argon2id and
    six-digit codes the keyed blind digest.
    """
    return hashlib.sha256(secret.encode()).digest()
