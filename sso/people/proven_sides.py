"""Both sides proven: what stands between "this account is mine, too" and the deed.

A person who is signed in (one side, at most five minutes ago) has just proven another account (the other side). Then
they read what will happen and confirm it: once, in the same session, within five minutes. The proof is kept as a row,
by the digest of a handle that the page carries.
"""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from psycopg import Connection

from sso.people.proofs import ProofRefused
from sso.people.registers import ChannelAccount, Traveller
from sso.ports import FieldCipher, digest
from sso.provider import Provider

PROOF_FRESH = timedelta(minutes=5)
"""How long the other side counts as proven."""
UNDO_FOR = timedelta(days=30)
"""How long a link or a joining can be undone."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is signed in, and in which session: only there can the proof be used."""

    identity_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class OtherSide:
    """What was proven: an account of a channel, or another identity of ours. `proof`: password, code or window."""

    proof: str
    proven_at: datetime
    channel: str | None = None
    account: ChannelAccount | None = None
    absorbed_id: UUID | None = None


def keep(connection: Connection, provider: Provider, holder: Holder, other: OtherSide) -> str:
    """Remember the proof; answers the handle."""
    handle = provider.mint.secret()
    connection.execute(
        """INSERT INTO sso.link_proof (handle_digest, identity_id, session_id, absorbed_identity_id, channel,
               account_sealed, proof, proven_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            digest(handle),
            holder.identity_id,
            holder.session_id,
            other.absorbed_id,
            other.channel,
            sealed_account(provider.cipher, other.account) if other.account else None,
            other.proof,
            other.proven_at,
            other.proven_at + PROOF_FRESH,
        ),
    )
    return handle


_COLUMNS = "proof, proven_at, channel, account_sealed, absorbed_identity_id"
_LOOK = f"""SELECT {_COLUMNS} FROM sso.link_proof
    WHERE handle_digest = %s AND identity_id = %s AND session_id = %s AND expires_at > %s AND consumed_at IS NULL"""
_USE = f"""UPDATE sso.link_proof SET consumed_at = %s
    WHERE handle_digest = %s AND identity_id = %s AND session_id = %s AND expires_at > %s AND consumed_at IS NULL
    RETURNING {_COLUMNS}"""


def look(connection: Connection, provider: Provider, holder: Holder, handle: str) -> OtherSide:
    """What the handle stands for, for the page that shows what will happen. Raises ProofRefused `link_stale`."""
    now = provider.clock()
    row = connection.execute(_LOOK.encode(), (digest(handle), holder.identity_id, holder.session_id, now)).fetchone()
    return _other_side(provider.cipher, row)


def use(connection: Connection, provider: Provider, holder: Holder, handle: str) -> OtherSide:
    """The same, once: of two requests one finds it used. The caller commits also when it then refuses.

    Raises ProofRefused `link_stale`.
    """
    now = provider.clock()
    row = connection.execute(
        _USE.encode(), (now, digest(handle), holder.identity_id, holder.session_id, now)
    ).fetchone()
    return _other_side(provider.cipher, row)


def _other_side(
    cipher: FieldCipher, row: tuple[str, datetime, str | None, str | None, UUID | None] | None
) -> OtherSide:
    if row is None:
        raise ProofRefused("link_stale", 410)
    proof, proven_at, channel, account, absorbed_id = row
    return OtherSide(proof, proven_at, channel, opened_account(cipher, account) if account else None, absorbed_id)


def sealed_account(cipher: FieldCipher, account: ChannelAccount) -> str:
    """An account as a sealed text."""
    return cipher.seal(json.dumps(asdict(account), default=date.isoformat))


def opened_account(cipher: FieldCipher, sealed: str) -> ChannelAccount:
    """The account again."""
    stored = json.loads(cipher.open(sealed))
    return ChannelAccount(
        stored["account_id"],
        stored["label"],
        date.fromisoformat(stored["opened_on"]) if stored["opened_on"] else None,
        (stored["document"][0], stored["document"][1]) if stored["document"] else None,
        tuple(Traveller(**each) for each in stored["travellers"]),
    )
