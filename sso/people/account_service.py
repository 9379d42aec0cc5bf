"""A channel's accounts of before, asked over HTTP: every call is one signed POST to one address (`signed_post`).

The body is `{"kind": ..., ...}`:

| kind | with | the answer, 200 |
|---|---|---|
| `find` | `account` | `{"account": {...}}`, or `{"account": null}` when there is none |
| `prove_password` | `account`, `password` | the same; null also for a wrong password |
| `send_code` | `account` | `{"handle": "..."}`, whether there is such an account or not |
| `prove_code` | `handle`, `code` | the account, or null |
| `absorb` | `account_id`, `subject` | anything, once its own logins, tokens and pending changes have ended |
| `release` | `account_id` | anything, once it is its own again |

An account is `{"account_id", "label"}` and, if the channel knows them, `"opened_on"` (a day), `"document"` (`type`,
`number`) and `"travellers"` (`name`, `document_type`, `number`, `ticket_type`, `phone`). Any other status, and anything
that cannot be read, counts as no answer.
"""

from datetime import date
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sso.people.registers import ChannelAccount, Traveller
from sso.signed_post import ServiceFailed, SignedPost

TRAVELLERS_MAX = 100
Short = Annotated[str, Field(min_length=1, max_length=200)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Document(_Answer):
    type: Short
    number: Short


class _Traveller(_Answer):
    name: Short
    document_type: Short
    number: Short
    ticket_type: Short = "adult"
    phone: Short | None = None


class _Account(_Answer):
    account_id: Short
    label: Short
    opened_on: date | None = None
    document: _Document | None = None
    travellers: Annotated[list[_Traveller], Field(max_length=TRAVELLERS_MAX)] = []


class _Found(_Answer):
    account: _Account | None


class _Sent(_Answer):
    handle: Annotated[str, Field(min_length=1, max_length=2000)]


Shape = TypeVar("Shape", bound=_Answer)


class AccountService:
    """`ChannelAccounts`, `PasswordProof` and `CodeProof` of a channel that answers over HTTP. Raises ServiceFailed."""

    def __init__(self, post: SignedPost) -> None:
        self._post = post

    def find(self, account: str) -> ChannelAccount | None:
        """See `ChannelAccounts.find`."""
        return self._account({"kind": "find", "account": account})

    def by_password(self, account: str, password: str) -> ChannelAccount | None:
        """See `PasswordProof.by_password`."""
        return self._account({"kind": "prove_password", "account": account, "password": password})

    def send_code(self, account: str) -> str:
        """See `CodeProof.send_code`."""
        return _read(_Sent, self._ask({"kind": "send_code", "account": account})).handle

    def by_code(self, handle: str, code: str) -> ChannelAccount | None:
        """See `CodeProof.by_code`."""
        return self._account({"kind": "prove_code", "handle": handle, "code": code})

    def absorb(self, account_id: str, subject: str) -> None:
        """See `ChannelAccounts.absorb`."""
        self._ask({"kind": "absorb", "account_id": account_id, "subject": subject})

    def release(self, account_id: str) -> None:
        """See `ChannelAccounts.release`."""
        self._ask({"kind": "release", "account_id": account_id})

    def _ask(self, message: dict[str, str]) -> bytes:
        status, body = self._post(message)
        if status != 200:
            raise ServiceFailed(f"the channel answered {status}")
        return body

    def _account(self, message: dict[str, str]) -> ChannelAccount | None:
        found = _read(_Found, self._ask(message)).account
        if found is None:
            return None
        return ChannelAccount(
            found.account_id,
            found.label,
            found.opened_on,
            (found.document.type, found.document.number) if found.document else None,
            tuple(Traveller(**each.model_dump()) for each in found.travellers),
        )


def _read(shape: type[Shape], body: bytes) -> Shape:
    try:
        return shape.model_validate_json(body)
    except ValidationError:
        raise ServiceFailed("the answer cannot be read") from None  # its text may hold somebody's numbers
