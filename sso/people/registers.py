"""Who outside knows something about people: the register of names, and the channels with their accounts of before.

Ports, each as small as what it can do: a channel without passwords offers no `PasswordProof`. Implementations raise
OSError when nobody answers; no transaction is open while they are asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from sso.people.documents import DOCUMENT_RULES, DocumentRules


class NameRegister(Protocol):
    """Knows whose document a number is (a ministry's service; for tests, a table)."""

    def confirms(self, name: str, document_type: str, number: str) -> bool | None:
        """True makes the real name verified, False is told to the person, None (it does not keep such documents)
        leaves it to a station window."""


@dataclass(frozen=True, slots=True)
class Traveller:
    """Somebody who travels: what a form asks about them. `phone` in E.164."""

    name: str
    document_type: str
    number: str
    ticket_type: str = "adult"
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """An account of before, as its channel describes it. Nothing in it is believed to be verified.

    account_id: the channel's own, never shown; label: how its holder knows it (a name, a masked number).
    document: kind and number that the account was opened with; a link is refused when it is somebody else's.
    travellers: its saved passengers, which a link brings along.
    """

    account_id: str
    label: str
    opened_on: date | None = None
    document: tuple[str, str] | None = None
    travellers: tuple[Traveller, ...] = ()


class ChannelAccounts(Protocol):
    """One channel's accounts of before. Every call may come twice."""

    def find(self, account: str) -> ChannelAccount | None:
        """What a clerk reads before he vouches for it; None when there is no such account."""

    def absorb(self, account_id: str, subject: str) -> None:
        """From now on `subject` (the `sub` claim) holds the account: end its own logins and tokens, drop changes that
        wait and e-mails and telephones that nobody has verified. Raises OSError: asked again later."""

    def release(self, account_id: str) -> None:
        """The link was undone: the account is its own again. Its former logins stay ended. Raises OSError."""


class PasswordProof(Protocol):
    """A channel whose accounts have passwords."""

    def by_password(self, account: str, password: str) -> ChannelAccount | None:
        """The account, if the password is right; its guesses are counted on our side too."""


class CodeProof(Protocol):
    """A channel that can send a code to the telephone on its own record."""

    def send_code(self, account: str) -> str:
        """Send one if there is such an account; answers a handle either way."""

    def by_code(self, handle: str, code: str) -> ChannelAccount | None:
        """The account, if the code is right; once."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel offers to somebody who wants to link an account there."""

    name_zh: str
    name_en: str
    accounts: ChannelAccounts
    password: PasswordProof | None = None
    code: CodeProof | None = None

    def name(self, locale: str) -> str:
        """What people call the channel, in their language."""
        return self.name_zh if locale.startswith("zh") else self.name_en


@dataclass(frozen=True, slots=True)
class Registers:
    """All of them. The default knows the forms of documents and nobody to ask: names are confirmed at windows only."""

    documents: DocumentRules = field(default_factory=lambda: DOCUMENT_RULES)
    names: NameRegister | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)

    def channel_name(self, channel: str, locale: str) -> str:
        """Its name; of a channel that is no longer connected, its code."""
        return self.channels[channel].name(locale) if channel in self.channels else channel
