"""What a person agreed to: which client may have what of them, whether it may act for them, and until when.

One consent stands at a time for a person and a client. What was agreed before is kept, ended with a reason; nothing is
edited. A client of the operator's own (`consent` implicit) needs none, unless it may act for people (RFC 8693).

Revoking takes every token of that client with it. A revocation and an issue that meet are put in order by the row of
the consent: who issues holds it (`held`), who revokes ends it first and then ends what was issued.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from sso import audit, clerks
from sso.clients import Client
from sso.people import notices
from sso.ports import Minter

TERMS: dict[str, timedelta] = {
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "half_year": timedelta(days=180),
}
"""How long an agent may act, as the person chooses it on the page."""
PLAIN_TERM = timedelta(days=365)
"""How long a consent stands that lets nobody act: it is asked for again after a year."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to give a client. `acts`: the client may act for them, visibly, within `scope`."""

    consent_id: UUID
    identity_id: UUID
    client_id: str
    scope: list[str]
    acts: bool
    given_at: datetime
    expires_at: datetime

    def covers(self, scope: Collection[str], *, acts: bool) -> bool:
        """Whether all of this was agreed to."""
        return set(scope) <= set(self.scope) and (self.acts or not acts)


_LIVE = sql.SQL(
    """SELECT consent_id, identity_id, client_id, scope, acts, given_at, expires_at FROM sso.consent
       WHERE identity_id = %(identity)s AND ended_at IS NULL AND expires_at > %(now)s"""
)


def live(connection: Connection, identity_id: UUID, client_id: str, now: datetime) -> Consent | None:
    """The consent that stands."""
    return _one(connection, sql.SQL(""), identity_id, client_id, now)


def held(connection: Connection, identity_id: UUID, client_id: str, now: datetime) -> Consent | None:
    """The consent that stands, kept from being revoked until this transaction ends."""
    return _one(connection, sql.SQL(" FOR SHARE"), identity_id, client_id, now)


def _one(connection: Connection, lock: sql.SQL, identity_id: UUID, client_id: str, now: datetime) -> Consent | None:
    with connection.cursor(row_factory=class_row(Consent)) as cursor:
        cursor.execute(
            _LIVE + sql.SQL(" AND client_id = %(client)s") + lock,
            {"identity": identity_id, "client": client_id, "now": now},
        )
        return cursor.fetchone()


def of_identity(connection: Connection, identity_id: UUID, now: datetime) -> list[Consent]:
    """Everything a person has agreed to that still stands: agents first, then the newest."""
    with connection.cursor(row_factory=class_row(Consent)) as cursor:
        cursor.execute(
            _LIVE + sql.SQL(" ORDER BY acts DESC, given_at DESC, client_id"), {"identity": identity_id, "now": now}
        )
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Ended:
    """A client that may no longer, and since when; the last consent that it had."""

    consent: Consent
    ended_at: datetime


def ended(connection: Connection, identity_id: UUID, now: datetime, limit: int = 10) -> list[Ended]:
    """Clients whose last consent ran out or was taken back, the latest first."""
    rows = connection.execute(
        """SELECT consent_id, identity_id, client_id, scope, acts, given_at, expires_at, least(ended_at, expires_at)
           FROM (SELECT DISTINCT ON (client_id) * FROM sso.consent WHERE identity_id = %s
                 ORDER BY client_id, given_at DESC, ended_at DESC NULLS FIRST) AS latest
           WHERE ended_at IS NOT NULL OR expires_at <= %s
           ORDER BY least(ended_at, expires_at) DESC, client_id LIMIT %s""",
        (identity_id, now, limit),
    ).fetchall()
    return [Ended(Consent(*row[:7]), row[7]) for row in rows]


def required(client: Client) -> bool:
    """Whether this client has anything only with the person's consent. (Its own clerks are not asked.)"""
    return client.consent == "explicit" or client.may_act


def missing(
    connection: Connection,
    client: Client,
    identity_id: UUID,
    scope: Sequence[str],
    prompts: Collection[str],
    now: datetime,
) -> bool:
    """Whether the person must be asked before `client` gets `scope`; `prompt=consent` asks every time, for any client
    (OpenID Connect Core 3.1.2.1)."""
    if "consent" in prompts:
        return True
    if not required(client):
        return False
    standing = live(connection, identity_id, client.client_id, now)
    if standing is not None and standing.covers(scope, acts=client.may_act):
        return False
    return clerks.held(connection, client.client_id, identity_id) is None


def stands(connection: Connection, client: Client, identity_id: UUID, scope: Sequence[str], now: datetime) -> bool:
    """Whether tokens with `scope` may be issued, or issued again, to `client`; the consent is held meanwhile."""
    if not required(client):
        return True
    standing = held(connection, identity_id, client.client_id, now)
    if standing is not None and standing.covers(scope, acts=False):
        return True
    return clerks.held(connection, client.client_id, identity_id) is not None


def lets_act(connection: Connection, client: Client, identity_id: UUID, now: datetime) -> bool:
    """Whether the person lets the client act for them: what `may_act` in their token says (RFC 8693 section 4.4)."""
    standing = live(connection, identity_id, client.client_id, now) if client.may_act else None
    return standing is not None and standing.acts


def give(
    connection: Connection,
    client: Client,
    identity_id: UUID,
    scope: Sequence[str],
    term: str | None,
    session_id: UUID,
    now: datetime,
    mint: Minter,
) -> Consent:
    """The person agrees, in `session_id`. `term` names one of TERMS for a client that may act (`month` when unknown).

    What they agreed to before and what stands still is kept in it: a smaller request later takes nothing away.
    """
    # Two pages answered at once: one after the other, or both would open a consent.
    row = connection.execute(
        "SELECT locale FROM sso.identity WHERE identity_id = %s FOR NO KEY UPDATE", (identity_id,)
    ).fetchone()
    before = live(connection, identity_id, client.client_id, now)
    agreed = list(dict.fromkeys([*(before.scope if before else []), *scope]))
    lasts = TERMS.get(term or "", TERMS["month"]) if client.may_act else PLAIN_TERM
    consent = Consent(mint.identifier(), identity_id, client.client_id, agreed, client.may_act, now, now + lasts)
    _end(connection, identity_id, client.client_id, "replaced", now)
    connection.execute(
        """INSERT INTO sso.consent
               (consent_id, identity_id, client_id, scope, acts, given_at, expires_at, session_id)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            consent.consent_id,
            identity_id,
            client.client_id,
            agreed,
            consent.acts,
            now,
            consent.expires_at,
            session_id,
        ),
    )
    audit.record(
        connection,
        now,
        "consent_given",
        identity_id=identity_id,
        client_id=client.client_id,
        session_id=session_id,
        scope=" ".join(agreed),
        acts=consent.acts,
        until=consent.expires_at.isoformat(),
    )
    if consent.acts and row:
        # Whoever agreed in the person's name at an unlocked phone is found out this way.
        until = f"{consent.expires_at:%Y-%m-%d}"
        notices.notify(connection, mint, identity_id, "consent_given", now, client=client.name(row[0]), until=until)
    return consent


def revoke(connection: Connection, identity_id: UUID, client_id: str, reason: str, now: datetime) -> bool:
    """The person takes it back: the consent ends, and with it every code and every token of that client at once.

    False when there was nothing to take back; tokens are ended all the same.
    """
    ended = _end(connection, identity_id, client_id, reason, now)
    connection.execute(
        """UPDATE sso.token_grant SET revoked_at = %(now)s, revoke_reason = %(reason)s
           WHERE identity_id = %(identity)s AND client_id = %(client)s AND revoked_at IS NULL""",
        {"now": now, "reason": reason, "identity": identity_id, "client": client_id},
    )
    connection.execute(
        """UPDATE sso.code SET consumed_at = %(now)s
           WHERE identity_id = %(identity)s AND client_id = %(client)s AND consumed_at IS NULL""",
        {"now": now, "identity": identity_id, "client": client_id},
    )
    if ended:
        audit.record(connection, now, "consent_revoked", identity_id=identity_id, client_id=client_id, reason=reason)
    return ended


def _end(connection: Connection, identity_id: UUID, client_id: str, reason: str, now: datetime) -> bool:
    changed = connection.execute(
        """UPDATE sso.consent SET ended_at = %s, end_reason = %s
           WHERE identity_id = %s AND client_id = %s AND ended_at IS NULL""",
        (now, reason, identity_id, client_id),
    )
    return changed.rowcount > 0
