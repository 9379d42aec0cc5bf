"""Accounts of before: a channel's own account becomes a door of the one identity.

Proven on both sides (`account_proofs`, `proven_sides`), shown before it is done, told to the person, undone within 30
days. The channel learns of it through rows that `tell_channels` drains: it ends the account's own logins, pending
changes and unverified e-mails and telephones. Nothing that a channel says about a person is taken for verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg_pool import ConnectionPool

from sso import audit
from sso.people import companions, identities, notices, real_names
from sso.people.account_proofs import account_blind, refuse_another_person
from sso.people.companions import COMPANIONS_MAX, Brought
from sso.people.proofs import ProofRefused
from sso.people.proven_sides import UNDO_FOR, OtherSide
from sso.people.registers import Channel, ChannelAccount, Traveller
from sso.ports import Clock, FieldCipher
from sso.provider import Provider

LABEL_MAX = 80
LINKS_PATH = "/account/links"
"""The page where a link is undone."""
TELL_BACKOFF, TELL_BACKOFF_MAX = timedelta(seconds=30), timedelta(hours=6)
TELL_LEASE = timedelta(seconds=60)
BATCH = 50


@dataclass(frozen=True, slots=True)
class Preview:
    """What a link will do, for the person to read first."""

    channel: str
    label: str
    opened_on: str | None
    travellers: Brought


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """An account that is linked, or was."""

    link_id: UUID
    channel: str
    label: str
    proof: str
    linked_at: datetime
    undo_until: datetime
    told: str | None


def preview(connection: Connection, provider: Provider, identity_id: UUID, other: OtherSide) -> Preview:
    """What `link` would do now."""
    assert other.account is not None
    assert other.channel is not None
    account = other.account
    clean = _clean(provider, account)
    held = {
        (each.traveller.document_type, each.traveller.number)
        for each in companions.of_identity(connection, provider.cipher, identity_id)
    }
    new = {(each.document_type, each.number) for each in clean} - held
    added = min(len(new), COMPANIONS_MAX - len(held))
    return Preview(
        other.channel,
        account.label,
        account.opened_on.isoformat() if account.opened_on else None,
        Brought(added, len(clean) - len(new), len(account.travellers) - len(clean) + len(new) - added),
    )


def link(connection: Connection, provider: Provider, identity_id: UUID, other: OtherSide) -> UUID:
    """Link the proven account; its passengers come along as far as there is room.

    Raises ProofRefused: `link_taken` (somebody was faster), `link_other_person`. The transaction stays usable.
    """
    assert other.account is not None
    assert other.channel is not None
    account, cipher, now = other.account, provider.cipher, provider.clock()
    refuse_another_person(connection, provider, identity_id, account)
    link_id = provider.mint.identifier()
    try:
        with connection.transaction():
            connection.execute(
                """INSERT INTO sso.linked_account (link_id, identity_id, channel, account_sealed, account_blind, label,
                       proof, linked_at, undo_until, next_attempt_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    link_id,
                    identity_id,
                    other.channel,
                    cipher.seal(account.account_id),
                    account_blind(cipher, other.channel, account.account_id),
                    account.label[:LABEL_MAX],
                    other.proof,
                    now,
                    now + UNDO_FOR,
                    now,
                ),
            )
    except UniqueViolation as taken:
        raise ProofRefused("link_taken", 409) from taken
    companions.bring(connection, cipher, provider.mint, identity_id, _clean(provider, account), link_id, now)
    audit.record(connection, now, "account_linked", identity_id=identity_id, channel=other.channel, proof=other.proof)
    _tell_person(connection, provider, identity_id, "account_linked", other.channel)
    return link_id


def _clean(provider: Provider, account: ChannelAccount) -> list[Traveller]:
    """Those of its passengers whose numbers are numbers."""
    clean = []
    for traveller in account.travellers:
        try:
            clean.append(companions.clean(provider.registers.documents, traveller))
        except ProofRefused:
            continue  # counted as left out in the preview
    return clean


def undo(connection: Connection, provider: Provider, identity_id: UUID, link_id: UUID) -> bool:
    """Take a link back: the account is its own again, what it brought along goes. False: not theirs, or too late."""
    now = provider.clock()
    row = connection.execute(
        """UPDATE sso.linked_account SET ended_at = %s, end_reason = 'undone', next_attempt_at = %s, attempts = 0
           WHERE link_id = %s AND identity_id = %s AND ended_at IS NULL AND undo_until > %s RETURNING channel""",
        (now, now, link_id, identity_id, now),
    ).fetchone()
    if row is None:
        return False
    companions.take_away(connection, identity_id, link_id, now)
    audit.record(connection, now, "account_unlinked", identity_id=identity_id, channel=row[0])
    _tell_person(connection, provider, identity_id, "account_unlinked", row[0])
    return True


def _tell_person(connection: Connection, provider: Provider, identity_id: UUID, kind: str, channel: str) -> None:
    identity = identities.load(connection, identity_id)
    name = provider.registers.channel_name(channel, identity.locale if identity else provider.options.default_locale)
    where = provider.options.url(LINKS_PATH)
    notices.notify(connection, provider.mint, identity_id, kind, provider.clock(), channel=name, where=where)


def of_identity(connection: Connection, identity_id: UUID) -> list[LinkedAccount]:
    """The accounts that are linked, newest first."""
    rows = connection.execute(
        """SELECT link_id, channel, label, proof, linked_at, undo_until, told FROM sso.linked_account
           WHERE identity_id = %s AND ended_at IS NULL ORDER BY linked_at DESC, link_id""",
        (identity_id,),
    )
    return [LinkedAccount(*row) for row in rows]


# --- what the rest of the house asks ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class KnownAs:
    """By what a person is known elsewhere: only what was proven or confirmed. Never logged."""

    phone: str | None
    document: tuple[str, str] | None  # kind, number
    accounts: tuple[tuple[str, str], ...]  # channel, account id


def known_as(connection: Connection, cipher: FieldCipher, identity_id: UUID) -> KnownAs:
    """By what other systems know this person. Empty for an identity that is unknown, disabled or asleep."""
    identity = identities.load(connection, identity_id)
    if identity is None:
        return KnownAs(None, None, ())
    name = real_names.of(connection, cipher, identity_id)
    rows = connection.execute(
        """SELECT channel, account_sealed FROM sso.linked_account WHERE identity_id = %s AND ended_at IS NULL
           ORDER BY linked_at, link_id""",
        (identity_id,),
    )
    return KnownAs(
        cipher.open(identity.phone_sealed) if identity.phone_sealed else None,
        (name.document_type, name.number) if name and name.confirmed else None,
        tuple((channel, cipher.open(account)) for channel, account in rows),
    )


# --- the channel is told ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What one call of `tell_channels` did, in accounts."""

    told: int
    waiting: int


_CLAIM = """UPDATE sso.linked_account SET attempts = attempts + 1, next_attempt_at = %(lease)s
    WHERE link_id IN (SELECT link_id FROM sso.linked_account WHERE next_attempt_at <= %(now)s
                      ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
    RETURNING link_id, identity_id, channel, account_sealed, ended_at IS NULL, attempts"""


def tell_channels(pool: ConnectionPool, clock: Clock, cipher: FieldCipher, channels: Mapping[str, Channel]) -> Told:
    """Tell every channel what became of its accounts, until it has heard; call it from time to time.

    What is told is the state as it is now, so a link that was undone before anybody was told is told as undone. No
    transaction is open while a channel is talked to; whoever dies in between is replaced when the lease ends. Nobody
    gives up: an account that stays open at its channel is a second door.
    """
    told = waiting = 0
    started = clock()
    while True:
        with pool.connection() as connection:
            parameters = {"lease": started + TELL_LEASE, "now": started, "batch": BATCH}
            due = connection.execute(_CLAIM, parameters).fetchall()
        if not due:
            return Told(told, waiting)
        for link_id, identity_id, channel, account, standing, attempts in due:
            error = _tell(channels.get(channel), cipher.open(account), str(identity_id), standing=standing)
            again = None if error is None else clock() + min(TELL_BACKOFF * 2 ** min(attempts, 12), TELL_BACKOFF_MAX)
            with pool.connection() as connection:
                # Undone while we were telling: the row has a newer moment of its own, and stays due.
                connection.execute(
                    """UPDATE sso.linked_account SET next_attempt_at = %s, last_error = %s,
                           told = CASE WHEN %s THEN told ELSE %s END
                       WHERE link_id = %s AND (ended_at IS NULL) = %s""",
                    (again, error, error is not None, "absorbed" if standing else "released", link_id, standing),
                )
            told, waiting = (told + 1, waiting) if error is None else (told, waiting + 1)


def _tell(channel: Channel | None, account_id: str, subject: str, *, standing: bool) -> str | None:
    """None when the channel has done it, or what went wrong."""
    if channel is None:
        return "the channel is not connected"
    try:
        if standing:
            channel.accounts.absorb(account_id, subject)
        else:
            channel.accounts.release(account_id)
    except OSError as error:
        return type(error).__name__
    return None
