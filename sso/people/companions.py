"""Frequent passengers: kept once at the identity, offered to every channel that the person allows.

Numbers, names and telephones are sealed. A channel's client reads them (`/companions`) only with a token of the person
that carries the scope `companions` *and* with the person's own consent for that client, which ends with one click.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso import audit
from sso.people import documents, identities
from sso.people.documents import DocumentRules
from sso.people.proofs import ProofRefused
from sso.people.registers import Traveller
from sso.ports import FieldCipher, Minter

COMPANIONS_MAX = 15
"""How many one person may keep, as ticket sellers have always had it."""
TICKET_TYPES = ("adult", "child", "student", "disabled_veteran")


@dataclass(frozen=True, slots=True, repr=False)
class Companion:
    """A kept passenger, opened."""

    companion_id: UUID
    traveller: Traveller


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of passengers that came with another account."""

    added: int
    known: int  # the same document was there
    left_out: int  # there was no more room, or the number is not one


def clean(rules: DocumentRules, traveller: Traveller) -> Traveller:
    """The traveller as it is kept. Raises ProofRefused: `bad_real_name`, `bad_document`, `bad_phone`,
    `bad_ticket_type`."""
    name = traveller.name.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise ProofRefused("bad_real_name")
    if traveller.ticket_type not in TICKET_TYPES:
        raise ProofRefused("bad_ticket_type")
    phone = identities.compact_phone(traveller.phone) if traveller.phone else None
    if traveller.phone and phone is None:
        raise ProofRefused("bad_phone")
    try:
        number = documents.compact(rules, traveller.document_type, traveller.number)
    except documents.DocumentRefused as refused:
        raise ProofRefused("bad_document") from refused
    return Traveller(name, traveller.document_type, number, traveller.ticket_type, phone)


def of_identity(connection: Connection, cipher: FieldCipher, identity_id: UUID) -> list[Companion]:
    """A person's passengers, in the order they were added."""
    rows = connection.execute(
        """SELECT companion_id, name_sealed, document_type, number_sealed, ticket_type, phone_sealed FROM sso.companion
           WHERE identity_id = %s AND removed_at IS NULL ORDER BY created_at, companion_id""",
        (identity_id,),
    )
    return [
        Companion(
            companion_id,
            Traveller(cipher.open(name), kind, cipher.open(number), ticket_type, cipher.open(phone) if phone else None),
        )
        for companion_id, name, kind, number, ticket_type, phone in rows
    ]


def add(
    connection: Connection, cipher: FieldCipher, mint: Minter, identity_id: UUID, traveller: Traveller, now: datetime
) -> None:
    """Keep one more; `traveller` is clean. Raises ProofRefused: `companion_known`, `companions_full`."""
    brought = bring(connection, cipher, mint, identity_id, [traveller], None, now)
    if not brought.added:
        raise ProofRefused("companion_known" if brought.known else "companions_full", 409)


def bring(
    connection: Connection,
    cipher: FieldCipher,
    mint: Minter,
    identity_id: UUID,
    travellers: Iterable[Traveller],
    origin_id: UUID | None,
    now: datetime,
) -> Brought:
    """Keep clean travellers as far as there is room; a document that is there already stays as it is."""
    known = _held(connection, identity_id)
    added = left_out = repeated = 0
    for traveller in travellers:
        blind = documents.blind(cipher, traveller.document_type, traveller.number)
        if blind in known:
            repeated += 1
        elif len(known) >= COMPANIONS_MAX:
            left_out += 1
        else:
            known.add(blind)
            added += 1
            connection.execute(
                """INSERT INTO sso.companion (companion_id, identity_id, name_sealed, document_type, number_sealed,
                       number_blind, phone_sealed, ticket_type, origin_id, created_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    mint.identifier(),
                    identity_id,
                    cipher.seal(traveller.name),
                    traveller.document_type,
                    cipher.seal(traveller.number),
                    blind,
                    cipher.seal(traveller.phone) if traveller.phone else None,
                    traveller.ticket_type,
                    origin_id,
                    now,
                ),
            )
    return Brought(added, repeated, left_out)


def _held(connection: Connection, identity_id: UUID) -> set[str]:
    """Documents of the passengers who are kept. The person's row is locked: of two at once one is the sixteenth."""
    connection.execute("SELECT FROM sso.identity WHERE identity_id = %s FOR UPDATE", (identity_id,))
    rows = connection.execute(
        "SELECT number_blind FROM sso.companion WHERE identity_id = %s AND removed_at IS NULL", (identity_id,)
    )
    return {row[0] for row in rows}


def remove(connection: Connection, identity_id: UUID, companion_id: UUID, now: datetime) -> bool:
    """Keep them no longer: name and numbers are gone at once. False when it was not this person's."""
    changed = connection.execute(
        """UPDATE sso.companion SET removed_at = %s, name_sealed = '', number_sealed = '', number_blind = '',
               phone_sealed = NULL WHERE companion_id = %s AND identity_id = %s AND removed_at IS NULL""",
        (now, companion_id, identity_id),
    )
    return changed.rowcount == 1


def move(connection: Connection, absorbed_id: UUID, kept_id: UUID, joining_id: UUID) -> None:
    """At a joining: bring them over as far as there is room; doubles and the rest stay where they are."""
    known = _held(connection, kept_id)
    rows = connection.execute(
        """SELECT companion_id, number_blind FROM sso.companion WHERE identity_id = %s AND removed_at IS NULL
           ORDER BY created_at, companion_id""",
        (absorbed_id,),
    ).fetchall()
    moving = [companion_id for companion_id, blind in rows if blind not in known][: COMPANIONS_MAX - len(known)]
    connection.execute(
        "UPDATE sso.companion SET identity_id = %s, origin_id = %s WHERE companion_id = ANY(%s)",
        (kept_id, joining_id, moving),
    )


def move_back(connection: Connection, absorbed_id: UUID, joining_id: UUID) -> None:
    """The joining was undone: those that came with it and are still kept go back."""
    connection.execute(
        "UPDATE sso.companion SET identity_id = %s, origin_id = NULL WHERE origin_id = %s AND removed_at IS NULL",
        (absorbed_id, joining_id),
    )


def take_away(connection: Connection, identity_id: UUID, origin_id: UUID, now: datetime) -> None:
    """The link that brought them was undone."""
    rows = connection.execute(
        "SELECT companion_id FROM sso.companion WHERE identity_id = %s AND origin_id = %s AND removed_at IS NULL",
        (identity_id, origin_id),
    ).fetchall()
    for (companion_id,) in rows:
        remove(connection, identity_id, companion_id, now)


# --- who may read them ------------------------------------------------------------------------------------------------


def allow(connection: Connection, identity_id: UUID, client_id: str, now: datetime) -> None:
    """The person lets a client read their passengers."""
    connection.execute(
        """INSERT INTO sso.companion_consent (identity_id, client_id, given_at) VALUES (%s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (identity_id, client_id, now),
    )
    audit.record(connection, now, "companions_shared", identity_id=identity_id, client_id=client_id)


def forbid(connection: Connection, identity_id: UUID, client_id: str, now: datetime) -> None:
    """No longer; the next call of that client is refused."""
    connection.execute(
        "DELETE FROM sso.companion_consent WHERE identity_id = %s AND client_id = %s", (identity_id, client_id)
    )
    audit.record(connection, now, "companions_withheld", identity_id=identity_id, client_id=client_id)


def allowed(connection: Connection, identity_id: UUID) -> set[str]:
    """The clients that may read them."""
    rows = connection.execute("SELECT client_id FROM sso.companion_consent WHERE identity_id = %s", (identity_id,))
    return {row[0] for row in rows}
