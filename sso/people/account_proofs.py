"""Proving an account of before: by its password or a code at its channel, or by a clerk at a window who vouches for it.

Guesses are counted per account and per person who guesses, before the channel is asked; the channel counts its own.
"""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from psycopg import Connection

from sso import audit
from sso.people import lockout, proven_sides, real_names
from sso.people.proofs import ProofRefused
from sso.people.proven_sides import Holder, OtherSide
from sso.people.registers import Channel, ChannelAccount
from sso.ports import FieldCipher
from sso.provider import Provider

CODE_DIGITS_VOUCHER = 8
METHOD = "linked_account"
"""Counted under this name, which pauses linking and locks nobody out."""

T = TypeVar("T")


def by_password(provider: Provider, holder: Holder, channel: str, account: str, password: str) -> str:
    """The channel says that the password is right; answers the handle of the proof.

    Raises ProofRefused: `channel_unknown`, `locked`, `link_wrong`, `channel_away`, and those of `_remember`.
    """
    port = _channel(provider, channel).password
    if port is None:
        raise ProofRefused("channel_unknown", 404)
    return _proven(provider, holder, channel, account, "password", lambda: port.by_password(account, password[:1000]))


def send_code(provider: Provider, holder: Holder, channel: str, account: str) -> str:
    """The channel sends a code to the telephone on its own record; answers the channel's handle for it.

    Raises ProofRefused: `channel_unknown`, `locked`, `channel_away`.
    """
    port = _channel(provider, channel).code
    if port is None:
        raise ProofRefused("channel_unknown", 404)
    _count(provider, holder, channel, account)
    return _asked(lambda: port.send_code(account))


def by_code(provider: Provider, holder: Holder, channel: str, account: str, sent: str, code: str) -> str:
    """The code that was read from that telephone; see `by_password`. `sent`: what `send_code` answered."""
    port = _channel(provider, channel).code
    if port is None:
        raise ProofRefused("channel_unknown", 404)
    return _proven(provider, holder, channel, account, "code", lambda: port.by_code(sent, code.strip()))


def by_voucher(provider: Provider, holder: Holder, code: str) -> str:
    """The code of a clerk who has seen document and account (`vouch`); see `by_password`."""
    now = provider.clock()
    _count(provider, holder, "window", "voucher")
    with provider.pool.connection() as connection:
        row = connection.execute(
            """UPDATE sso.link_voucher SET consumed_at = %s
               WHERE code_blind = %s AND expires_at > %s AND consumed_at IS NULL AND clerk_id <> %s
               RETURNING channel, account_sealed""",
            (now, _voucher_blind(provider.cipher, code), now, holder.identity_id),
        ).fetchone()
    if row is None:
        raise ProofRefused("link_wrong", 401)
    _forgive(provider, holder, "window", "voucher")
    account = proven_sides.opened_account(provider.cipher, row[1])
    with provider.pool.connection() as connection:
        return _remember(connection, provider, holder, OtherSide("window", now, row[0], account))


def vouch(provider: Provider, clerk_id: UUID, channel: str, account: str) -> tuple[ChannelAccount, str]:
    """A clerk at a window vouches for an account: what it is, and the code to give to its holder, good for minutes.

    Raises ProofRefused: `channel_unknown`, `link_wrong` (no such account), `channel_away`.
    """
    door = _channel(provider, channel)
    found = _asked(lambda: door.accounts.find(account))
    if found is None:
        raise ProofRefused("link_wrong", 404)
    now, code = provider.clock(), provider.mint.digits(CODE_DIGITS_VOUCHER)
    with provider.pool.connection() as connection:
        connection.execute(
            """INSERT INTO sso.link_voucher (code_blind, channel, account_sealed, clerk_id, created_at, expires_at)
               VALUES (%s, %s, %s, %s, %s, %s)""",
            (
                _voucher_blind(provider.cipher, code),
                channel,
                proven_sides.sealed_account(provider.cipher, found),
                clerk_id,
                now,
                now + proven_sides.PROOF_FRESH,
            ),
        )
        audit.record(connection, now, "account_vouched_for", identity_id=clerk_id, channel=channel)
    return found, code


def _voucher_blind(cipher: FieldCipher, code: str) -> str:
    return cipher.blind(f"voucher:{code.strip()}")


def _proven(
    provider: Provider,
    holder: Holder,
    channel: str,
    account: str,
    proof: str,
    ask: Callable[[], ChannelAccount | None],
) -> str:
    _count(provider, holder, channel, account)
    found = _asked(ask)
    if found is None:
        raise ProofRefused("link_wrong", 401)
    _forgive(provider, holder, channel, account)
    with provider.pool.connection() as connection:
        return _remember(connection, provider, holder, OtherSide(proof, provider.clock(), channel, found))


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except OSError as error:
        raise ProofRefused("channel_away", 503) from error


def _channel(provider: Provider, name: str) -> Channel:
    channel = provider.registers.channels.get(name)
    if channel is None:
        raise ProofRefused("channel_unknown", 404)
    return channel


def _subjects(provider: Provider, holder: Holder, channel: str, account: str) -> tuple[str, str]:
    return (
        f"linking:{holder.identity_id}",
        f"account:{channel}:{provider.cipher.blind('account:' + account.strip().lower())}",
    )


def _count(provider: Provider, holder: Holder, channel: str, account: str) -> None:
    now = provider.clock()
    with provider.pool.connection() as connection:
        pauses = [
            lockout.take_attempt(connection, subject, METHOD, now, provider.options)
            for subject in _subjects(provider, holder, channel, account)
        ]
    if until := max(filter(None, pauses), default=None):
        raise ProofRefused("link_paused", 429, minutes=max(1, round((until - now).total_seconds() / 60)))


def _forgive(provider: Provider, holder: Holder, channel: str, account: str) -> None:
    with provider.pool.connection() as connection:
        for subject in _subjects(provider, holder, channel, account):
            lockout.forgive(connection, subject, METHOD)


def _remember(connection: Connection, provider: Provider, holder: Holder, other: OtherSide) -> str:
    """Keep the proof, unless it leads nowhere.

    Raises ProofRefused: `link_exists`, `link_taken`, `link_other_person`.
    """
    assert other.channel is not None
    assert other.account is not None
    linked = connection.execute(
        "SELECT identity_id FROM sso.linked_account WHERE channel = %s AND account_blind = %s AND ended_at IS NULL",
        (other.channel, account_blind(provider.cipher, other.channel, other.account.account_id)),
    ).fetchone()
    if linked:
        raise ProofRefused("link_exists" if linked[0] == holder.identity_id else "link_taken", 409)
    refuse_another_person(connection, provider, holder.identity_id, other.account)
    return proven_sides.keep(connection, provider, holder, other)


def account_blind(cipher: FieldCipher, channel: str, account_id: str) -> str:
    """What a linked account is found by."""
    return cipher.blind(f"account:{channel}:{account_id}")


def refuse_another_person(
    connection: Connection, provider: Provider, identity_id: UUID, account: ChannelAccount
) -> None:
    """An account that was opened with another document than the confirmed one is another person's.

    That it was opened with the same proves nothing: a channel's word is not a verification.
    Raises ProofRefused `link_other_person`.
    """
    standing = real_names.of(connection, provider.cipher, identity_id)
    if standing is None or not standing.confirmed or account.document is None:
        return
    document_type, number = account.document
    same_kind = document_type == standing.document_type
    if same_kind and number.replace(" ", "").upper() != standing.number:
        raise ProofRefused("link_other_person", 409)
