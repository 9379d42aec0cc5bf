"""`/companions`: a person's frequent passengers, for a channel's form to fill itself in.

Not a standard. The token carries the scope `companions`, and the person has allowed this very client on their page
(`/account/passengers`): a scope that was granted once says nothing about other people's documents. Every reading is
kept in the audit.
"""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import audit
from sso.endpoints.protected import NO_STORE, Bearer, protected
from sso.incoming import Row, problem
from sso.people import companions
from sso.people.companions import Companion
from sso.provider import Provider

SCOPE = "companions"


def routes(provider: Provider) -> list[Row]:
    """The address of this endpoint."""

    def serve(connection: Connection, bearer: Bearer) -> Response:
        person, client_id = bearer.identity.identity_id, bearer.token.client_id
        if client_id not in companions.allowed(connection, person):
            page = provider.options.url("/account/passengers")
            return problem(
                403,
                "companions_not_shared",
                "the person has not allowed this client to read their frequent passengers",
                f"ask them to allow it at {page}",
            )
        kept = companions.of_identity(connection, provider.cipher, person)
        audit.record(
            connection, provider.clock(), "companions_read", identity_id=person, client_id=client_id, count=len(kept)
        )
        return JSONResponse({"companions": [_told(each) for each in kept]}, headers=NO_STORE)

    return [protected(provider, "GET", "/companions", SCOPE, serve)]


def _told(companion: Companion) -> dict[str, Any]:
    traveller = companion.traveller
    return {
        "companion_id": str(companion.companion_id),
        "name": traveller.name,
        "document": {"type": traveller.document_type, "number": traveller.number},
        "ticket_type": traveller.ticket_type,
        "phone": traveller.phone,
    }
