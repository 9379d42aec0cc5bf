"""Two identities that are one person's become one; for 30 days they can be parted again.

The person is signed in to the account that stays and has just proven the other one (`proven_sides`). The other one
falls asleep: it keeps its row, its password and its passkeys, and opens nothing. What was under way there ends at
once: its sessions and tokens, codes not yet used, changes of its number or its recovery that wait. Both are told, the
other one under the number it had, and whoever holds that number can part the accounts again without any login.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso import audit, logout, sessions
from sso.people import companions, identities, lockout, notices, proofs, proven_sides, real_names, totp
from sso.people.fates import FATES
from sso.people.identities import Identity
from sso.people.links import LINKS_PATH
from sso.people.proofs import ProofRefused
from sso.people.proven_sides import UNDO_FOR, Holder, OtherSide
from sso.provider import Provider

KEPT, ABSORBED, STAFF = "kept", "absorbed", "staff"
PART_PATH = "/links/undo"
"""The page for whoever holds the absorbed account's number."""

# --- the other side is proven -----------------------------------------------------------------------------------------


def by_password(provider: Provider, holder: Holder, login: str, password: str) -> str:
    """The other account's login and password; answers the handle of the proof.

    Raises ProofRefused: those of `proofs.by_password` and of `_refuse_hopeless`.
    """
    other = proofs.by_password(provider, login, password)
    return _remember(provider, holder, other, "password")


def by_code(provider: Provider, holder: Holder, challenge: str, code: str) -> str:
    """The code that was sent to the other account's number (`proofs.send_code`, `login`); see `by_password`."""
    proven = proofs.by_code(provider, "login", challenge, code)
    if proven.identity is None:
        raise ProofRefused("wrong_code", 401)
    return _remember(provider, holder, proven.identity, "code")


def _remember(provider: Provider, holder: Holder, other: Identity, proof: str) -> str:
    with provider.pool.connection() as connection:
        _refuse_hopeless(connection, provider, holder.identity_id, other)
        side = OtherSide(proof, provider.clock(), absorbed_id=other.identity_id)
        return proven_sides.keep(connection, provider, holder, side)


def _refuse_hopeless(connection: Connection, provider: Provider, kept_id: UUID, other: Identity) -> None:
    """Raises ProofRefused: `join_same`, `join_staff`, `join_keep_stronger`, `join_two_people`, `locked_elsewhere`.

    An account with a second step is not opened by one proof: it can absorb, but not be absorbed.
    """
    kept = identities.load(connection, kept_id)
    if other.identity_id == kept_id:
        raise ProofRefused("join_same", 409)
    if kept is None or kept.kind != "passenger" or other.kind != "passenger":
        raise ProofRefused("join_staff", 403)
    if totp.enrolled(connection, other.identity_id):
        raise ProofRefused("join_keep_stronger", 409)
    if lockout.locked(connection, other.identity_id, provider.clock()):
        raise ProofRefused("locked_elsewhere", 429)
    mine, theirs = (real_names.of(connection, provider.cipher, each) for each in (kept_id, other.identity_id))
    if mine and theirs and mine.confirmed and theirs.confirmed:
        raise ProofRefused("join_two_people", 409)  # a document has one confirmed holder, so these are two documents


# --- shown, and done --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What joining will do, for the person to read first. Counts of what is live at the other account."""

    name: str
    phone: str | None  # offered as the one to log in with: its holder has just read us a code from it
    sessions: int
    links: int
    companions: int
    real_name: bool


def preview(connection: Connection, provider: Provider, other: OtherSide) -> Preview:
    """What `join` would do now. Raises ProofRefused `link_stale`."""
    identity = identities.load(connection, other.absorbed_id) if other.absorbed_id else None
    if identity is None:
        raise ProofRefused("link_stale", 410)
    person, now, cipher = identity.identity_id, provider.clock(), provider.cipher
    standing = real_names.of(connection, cipher, person)
    return Preview(
        identity.display_name,
        cipher.open(identity.phone_sealed) if identity.phone_sealed and other.proof == "code" else None,
        len(sessions.of_identity(connection, person, now, provider.options)),
        _count(connection, "linked_account WHERE ended_at IS NULL AND", person),
        _count(connection, "companion WHERE removed_at IS NULL AND", person),
        standing is not None and standing.confirmed,
    )


def _count(connection: Connection, what: str, identity_id: UUID) -> int:
    row = connection.execute(f"SELECT count(*) FROM sso.{what} identity_id = %s".encode(), (identity_id,)).fetchone()
    return int(row[0]) if row else 0


def join(connection: Connection, provider: Provider, kept_id: UUID, other: OtherSide, *, take_phone: bool) -> UUID:
    """Join them; `take_phone`: from now on the person logs in with the other account's number.

    Raises ProofRefused: `link_stale` (somebody was faster), those of `_refuse_hopeless`.
    """
    assert other.absorbed_id is not None
    now, mint, absorbed_id = provider.clock(), provider.mint, other.absorbed_id
    # In one order whoever asks: two people who join each other's accounts at once do not wait in a circle.
    connection.execute(
        "SELECT FROM sso.identity WHERE identity_id = ANY(%s) ORDER BY identity_id FOR UPDATE",
        ([kept_id, absorbed_id],),
    )
    absorbed = identities.load(connection, absorbed_id)
    if absorbed is None:
        raise ProofRefused("link_stale", 410)
    _refuse_hopeless(connection, provider, kept_id, absorbed)
    # Before a number changes: each is told under the one it has.
    shown, url = _shown(connection, kept_id), provider.options.url
    notices.notify(connection, mint, kept_id, "accounts_joined", now, where=url(LINKS_PATH))
    notices.notify(connection, mint, absorbed_id, "account_absorbed", now, kept=shown, where=url(PART_PATH))
    joining_id = mint.identifier()
    logout.end_all_sessions(connection, absorbed_id, "accounts_joined", now, provider.options, mint)
    values = {"now": now, "kept": kept_id, "absorbed": absorbed_id, "joining": joining_id}
    for _, _, statements in FATES:
        for statement in statements:
            connection.execute(statement.encode(), values)
    companions.move(connection, absorbed_id, kept_id, joining_id)
    real_name_moved = move_real_name(connection, absorbed_id, kept_id)
    connection.execute(
        "UPDATE sso.identity SET disabled_at = %(now)s, joined_to = %(kept)s WHERE identity_id = %(absorbed)s", values
    )
    taken = _take_phone(connection, kept_id, absorbed_id, now) if take_phone and other.proof == "code" else (None, None)
    connection.execute(
        """INSERT INTO sso.joining (joining_id, kept_identity_id, absorbed_identity_id, proof, taken_phone_sealed,
               taken_phone_blind, real_name_moved, joined_at, undo_until)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (joining_id, kept_id, absorbed_id, other.proof, *taken, real_name_moved, now, now + UNDO_FOR),
    )
    for person in (kept_id, absorbed_id):
        audit.record(connection, now, "accounts_joined", identity_id=person, kept=str(kept_id), proof=other.proof)
    return joining_id


def _shown(connection: Connection, identity_id: UUID) -> str:
    identity = identities.load(connection, identity_id)
    return identity.display_name[:1] + "*" if identity else "*"


def move_real_name(connection: Connection, giver_id: UUID, taker_id: UUID) -> bool:
    """A confirmed real name goes with its person; what somebody only said about themselves does not."""
    confirmed = connection.execute(
        "SELECT 1 FROM sso.real_name WHERE identity_id = %s AND state <> 'unverified'", (giver_id,)
    ).fetchone()
    connection.execute("DELETE FROM sso.real_name WHERE identity_id = %s AND state = 'unverified'", (giver_id,))
    if not confirmed:
        return False
    connection.execute("DELETE FROM sso.real_name WHERE identity_id = %s", (taker_id,))
    connection.execute("UPDATE sso.real_name SET identity_id = %s WHERE identity_id = %s", (taker_id, giver_id))
    return True


_Phone = tuple[str | None, str | None]
"""Sealed, and the index it is found by."""


def _take_phone(connection: Connection, kept_id: UUID, absorbed_id: UUID, now: datetime) -> _Phone:
    """The two change numbers; answers the one that was taken over."""
    kept, absorbed = _phone(connection, kept_id), _phone(connection, absorbed_id)
    _set_phone(connection, kept_id, (None, None), now)  # a number is one person's at any moment
    _set_phone(connection, absorbed_id, kept, now)
    _set_phone(connection, kept_id, absorbed, now)
    return absorbed


def _give_phone_back(connection: Connection, kept_id: UUID, absorbed_id: UUID, taken: _Phone, now: datetime) -> None:
    """Each has its own again. A number that was changed since stays with who has it now."""
    kept, absorbed = _phone(connection, kept_id), _phone(connection, absorbed_id)
    _set_phone(connection, absorbed_id, (None, None), now)
    if kept[1] == taken[1]:
        _set_phone(connection, kept_id, absorbed, now)
    if not connection.execute("SELECT 1 FROM sso.identity WHERE phone_blind = %s", (taken[1],)).fetchone():
        _set_phone(connection, absorbed_id, taken, now)


def _phone(connection: Connection, identity_id: UUID) -> _Phone:
    row = connection.execute(
        "SELECT phone_sealed, phone_blind FROM sso.identity WHERE identity_id = %s", (identity_id,)
    ).fetchone()
    return row or (None, None)


def _set_phone(connection: Connection, identity_id: UUID, phone: _Phone, now: datetime) -> None:
    connection.execute(
        "UPDATE sso.identity SET phone_sealed = %s, phone_blind = %s, updated_at = %s WHERE identity_id = %s",
        (*phone, now, identity_id),
    )


# --- parted again -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Joining:
    """A joining that stands and can be undone until `undo_until`."""

    joining_id: UUID
    name: str
    joined_at: datetime
    undo_until: datetime


def of_identity(connection: Connection, identity_id: UUID, now: datetime) -> list[Joining]:
    """The accounts that were joined to this one and can still be parted from it, newest first."""
    rows = connection.execute(
        """SELECT joining_id, display_name, joined_at, undo_until FROM sso.joining
           JOIN sso.identity ON identity_id = absorbed_identity_id
           WHERE kept_identity_id = %s AND parted_at IS NULL AND undo_until > %s ORDER BY joined_at DESC, joining_id""",
        (identity_id, now),
    )
    return [Joining(*row) for row in rows]


def send_part_code(provider: Provider, phone: str, locale: str) -> str:
    """Send a code to a number whose account was joined to another; answers the handle, the same for any number.

    Raises ProofRefused: `code_too_soon`, `code_not_sent`.
    """
    with provider.pool.connection() as connection:
        row = connection.execute(
            """SELECT absorbed_identity_id FROM sso.joining JOIN sso.identity ON identity_id = absorbed_identity_id
               WHERE coalesce(taken_phone_blind, phone_blind) = %s AND parted_at IS NULL AND undo_until > %s""",
            (provider.cipher.blind(f"phone:{phone}"), provider.clock()),
        ).fetchone()
    return proofs.send_code(provider, "part", phone, locale, row[0] if row else None)


def part_by_code(provider: Provider, challenge: str, code: str) -> None:
    """Whoever holds the sleeping account's number takes it back: the joining may have been somebody else's doing.

    Raises ProofRefused: `wrong_code`, `locked`, `part_too_late`.
    """
    proven = proofs.by_code(provider, "part", challenge, code)
    with provider.pool.connection() as connection:
        row = connection.execute(
            "SELECT joining_id FROM sso.joining WHERE absorbed_identity_id = %s AND parted_at IS NULL",
            (proven.for_identity,),
        ).fetchone()
        if row is None or not part(connection, provider, row[0], ABSORBED):
            raise ProofRefused("part_too_late", 410)


def part(connection: Connection, provider: Provider, joining_id: UUID, by: str, kept_id: UUID | None = None) -> bool:
    """Undo a joining: the sleeping account wakes, with what it brought along. False: not theirs, parted or too late.

    by: `kept` (then `kept_id` says who asks), `absorbed` or `staff` (`parting.part_at_window`). Unless the account that
    stayed asks, a password that was the proof is forgotten: another person may know it.
    """
    now = provider.clock()
    row = connection.execute(
        """UPDATE sso.joining SET parted_at = %(now)s, parted_by = %(by)s
           WHERE joining_id = %(joining)s AND parted_at IS NULL AND undo_until > %(now)s
             AND (%(by)s <> 'kept' OR kept_identity_id = %(kept)s)
           RETURNING kept_identity_id, absorbed_identity_id, proof, taken_phone_sealed, taken_phone_blind,
               real_name_moved""",
        {"now": now, "by": by, "joining": joining_id, "kept": kept_id},
    ).fetchone()
    if row is None:
        return False
    kept, absorbed, proof, *taken, real_name_moved = row
    notices.notify(connection, provider.mint, kept, "accounts_parted", now)
    notices.notify(connection, provider.mint, absorbed, "accounts_parted", now)
    connection.execute(
        "UPDATE sso.identity SET disabled_at = NULL, joined_to = NULL WHERE identity_id = %s AND joined_to = %s",
        (absorbed, kept),
    )
    companions.move_back(connection, absorbed, joining_id)
    connection.execute(
        """UPDATE sso.linked_account SET identity_id = %s, joining_id = NULL, next_attempt_at = %s
           WHERE joining_id = %s AND ended_at IS NULL""",
        (absorbed, now, joining_id),
    )
    if real_name_moved:
        move_real_name(connection, kept, absorbed)
    if taken[1]:
        _give_phone_back(connection, kept, absorbed, (taken[0], taken[1]), now)
    if by != KEPT and proof == "password":
        connection.execute("UPDATE sso.identity SET password_hash = NULL WHERE identity_id = %s", (absorbed,))
    for person in (kept, absorbed):
        audit.record(connection, now, "accounts_parted", identity_id=person, by=by)
    return True


def settle(connection: Connection, now: datetime) -> int:
    """What can no longer be undone lets go of its number and login name, so that they are free; answers how many."""
    connection.execute(
        """UPDATE sso.joining SET taken_phone_sealed = NULL, taken_phone_blind = NULL
           WHERE undo_until <= %s AND taken_phone_blind IS NOT NULL""",
        (now,),
    )
    return connection.execute(
        """UPDATE sso.identity SET phone_sealed = NULL, phone_blind = NULL, login_name = NULL, password_hash = NULL,
               updated_at = %(now)s
           FROM sso.joining WHERE absorbed_identity_id = identity_id AND parted_at IS NULL AND undo_until <= %(now)s
             AND (phone_blind IS NOT NULL OR login_name IS NOT NULL OR password_hash IS NOT NULL)""",
        {"now": now},
    ).rowcount
