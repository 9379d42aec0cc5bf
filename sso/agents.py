"""Agents: who acts for a passenger, and what they did (RFC 8693).

An agents' company is a client with `may_act`; its clerks are in `sso.clerks`. A person is never impersonated: every
token that came out of an exchange names who acts, and everything done with it is written down under both, for the
person to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from sso import audit

CHAIN_MAX = 4
"""How many may stand in a row behind a token; a longer chain is nobody's honest request."""

ISSUED, ACTED, REFUSED = "agent_token_issued", "agent_acted", "agent_token_refused"
TOKEN = "token"
"""The deed of getting a token: every other one is named by the resource that was asked."""


# --- the act claim ---------------------------------------------------------------------------------------------------


def act_claim(actors: Sequence[str]) -> dict[str, Any] | None:
    """The `act` claim (RFC 8693 section 4.1) of subjects, who acts now first; None when nobody acts.

    >>> act_claim(["clerk", "client:agents"])
    {'sub': 'clerk', 'act': {'sub': 'client:agents'}}
    """
    claim: dict[str, Any] | None = None
    for subject in reversed(actors):
        claim = {"sub": subject} | ({"act": claim} if claim else {})
    return claim


# --- what they did ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done for a person. `what` names a word of the pages (`deed_WHAT`); `about` is the id of what
    it was done to, if there is one; `clerk` the name of whoever did it, None when the company's system did."""

    at: datetime
    what: str
    about: str | None
    clerk: str | None


def record(
    connection: Connection,
    now: datetime,
    *,
    identity_id: UUID,
    client_id: str,
    actors: Sequence[str],
    what: str,
    about: str | None = None,
    session_id: UUID | None = None,
    **detail: str,
) -> None:
    """Write down that the first of `actors` did `what` for the person `identity_id` through `client_id`."""
    audit.record(
        connection,
        now,
        ISSUED if what == TOKEN else ACTED,
        identity_id=identity_id,
        client_id=client_id,
        session_id=session_id,
        actor=actors[0],
        actors=" ".join(actors),
        what=what,
        **({"about": about} if about else {}),
        **detail,
    )


def deeds(connection: Connection, identity_id: UUID, client_id: str, limit: int = 20) -> list[Deed]:
    """What a client's agents did for a person, the latest first."""
    rows = connection.execute(
        """SELECT at, detail->>'what', detail->>'about', detail->>'actor' FROM sso.audit
           WHERE identity_id = %s AND client_id = %s AND kind IN ('agent_token_issued', 'agent_acted')
           ORDER BY audit_id DESC LIMIT %s""",
        (identity_id, client_id, limit),
    ).fetchall()
    # A client's subject is never the form of a person's (`client:...`), so what is looked up here is a clerk.
    clerks = connection.execute(
        "SELECT identity_id::text, display_name FROM sso.identity WHERE identity_id::text = ANY(%s)",
        (list({row[3] for row in rows}),),
    ).fetchall()
    names: dict[str, str] = dict(clerks)
    return [Deed(at, what, about, names.get(actor)) for at, what, about, actor in rows]
