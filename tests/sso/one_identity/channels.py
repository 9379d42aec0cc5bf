"""Old accounts of a channel and a register of names, as tables in memory: what a real one would answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sso.people.registers import Channel, ChannelAccount, Registers, Traveller

ME = ("李未", "resident_id", "990101199001010019")
"""Region 99 belongs to nobody."""
CHILD = Traveller("李小未", "resident_id", "990101201501010015", "child")
AUNT = Traveller("周大", "passport", "X12345678")

OLD = ChannelAccount("acc-1", "li***", date(2014, 5, 1), (ME[1], ME[2]), (CHILD, AUNT))
OTHERS = ChannelAccount("acc-2", "zh***", None, ("resident_id", "990101198001010014"))


@dataclass
class OldChannel:
    """A channel with three accounts, of which we know the passwords and telephones."""

    passwords: dict[str, str] = field(default_factory=lambda: {"li": "old-password", "zhou": "other-password"})
    accounts: dict[str, ChannelAccount] = field(default_factory=lambda: {"li": OLD, "zhou": OTHERS})
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False

    def find(self, account: str) -> ChannelAccount | None:
        self._there()
        return self.accounts.get(account)

    def by_password(self, account: str, password: str) -> ChannelAccount | None:
        self._there()
        return self.accounts.get(account) if self.passwords.get(account) == password else None

    def send_code(self, account: str) -> str:
        self._there()
        handle = f"sent-{len(self.codes)}"
        self.codes[handle] = (account, "424242")
        return handle

    def by_code(self, handle: str, code: str) -> ChannelAccount | None:
        account, sent = self.codes.pop(handle, ("", ""))
        return self.accounts.get(account) if sent and sent == code else None

    def absorb(self, account_id: str, subject: str) -> None:
        self._there()
        self.told.append(("absorb", account_id))

    def release(self, account_id: str) -> None:
        self._there()
        self.told.append(("release", account_id))

    def _there(self) -> None:
        if self.away:
            raise ConnectionError("channel")


@dataclass
class Ministry:
    """Knows whose resident number is whose, and nothing of passports."""

    holders: dict[str, str] = field(default_factory=lambda: {ME[2]: ME[0]})
    away: bool = False

    def confirms(self, name: str, document_type: str, number: str) -> bool | None:
        if self.away:
            raise TimeoutError("ministry")
        return self.holders.get(number) == name if document_type == "resident_id" else None


def registers(channel: OldChannel, ministry: Ministry) -> Registers:
    """Both, as the provider takes them. The phone channel has accounts, but neither passwords nor codes."""
    return Registers(
        names=ministry,
        channels={
            "web": Channel("铁路网站", "Railway website", channel, password=channel, code=channel),
            "phone": Channel("电话订票", "Phone booking", channel),
        },
    )
