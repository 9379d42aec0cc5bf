"""A joining is undone at a window, for a person who no longer holds the sleeping account's number.

The document decides: a confirmed name went along with its person at the joining, so whoever has that document in hand
is the account's holder on either side, also when somebody else joined it to theirs.
"""

from uuid import UUID

from psycopg import Connection

from sso import audit
from sso.people import identities, joining, lockout, real_names, recovery
from sso.people.proofs import ProofRefused
from sso.provider import Provider


def part_at_window(
    connection: Connection,
    provider: Provider,
    clerk_id: UUID,
    *,
    login: str,
    name: str,
    document_type: str,
    number: str,
) -> None:
    """A clerk has compared person and document; `login` is the sleeping account's phone number or user name.

    The caller has made sure of the clerk (role `window`, two factors) and commits also when this refuses. Raises
    ProofRefused: `bad_document`, `identify_unknown` (no passenger has that confirmed name and document),
    `part_not_theirs` (that account is not joined to theirs, or no longer parted), `declared_too_often`.
    """
    now, subject = provider.clock(), f"clerk:{clerk_id}"
    if lockout.take_attempt(connection, subject, real_names.METHOD, now, provider.options):
        raise ProofRefused("declared_too_often", 429)
    passenger, _ = recovery.holder(connection, provider, name, document_type, number)
    phone = identities.compact_phone(login)
    row = connection.execute(
        """SELECT joining_id FROM sso.joining JOIN sso.identity ON identity_id = absorbed_identity_id
           WHERE kept_identity_id = %(kept)s AND parted_at IS NULL
             AND (coalesce(taken_phone_blind, phone_blind) = %(phone)s OR login_name = %(name)s)""",
        {
            "kept": passenger.identity_id,
            "phone": provider.cipher.blind(f"phone:{phone}") if phone else None,
            "name": identities.compact_login_name(login),
        },
    ).fetchone()
    if row is None or not joining.part(connection, provider, row[0], joining.STAFF):
        raise ProofRefused("part_not_theirs", 404)
    lockout.forgive(connection, subject, real_names.METHOD)
    audit.record(connection, now, "accounts_parted_at_window", identity_id=passenger.identity_id, clerk=str(clerk_id))
