"""Dynamic client registration (RFC 7591) and its management (RFC 7592), guarded by an initial access token.

    POST   /clients        initial access token          registers; answers the client's secret and its token, once
    GET    /clients/ID     the registration's own token  what is registered
    PUT    /clients/ID     the registration's own token  replaces all of it (RFC 7592 2.2); the secret stays
    DELETE /clients/ID     the registration's own token  the client and all it holds are gone

The registration's token stays the same: one that changed with every answer would be lost with an answer.
"""

import hmac
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso import audit, clients, families, registering
from sso.clients import Client
from sso.incoming import Incoming, Row
from sso.ports import digest
from sso.provider import Provider
from sso.registering import MetadataRefused

PATH = "/clients"
_OURS = ("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at")


class RegistrationEndpoint:
    """Handlers for `/clients`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[Row]:
        """The addresses of this endpoint."""
        return [
            Row("POST", PATH, self.register, reads="json"),
            Row("GET", f"{PATH}/{{client_id}}", self.show),
            Row("PUT", f"{PATH}/{{client_id}}", self.change, reads="json"),
            Row("DELETE", f"{PATH}/{{client_id}}", self.remove),
        ]

    def register(self, incoming: Incoming) -> Response:
        """POST /clients (RFC 7591 section 3)."""
        provider, now = self._provider, self._provider.clock()
        token, secret = provider.mint.secret(), provider.mint.secret()
        try:
            # A refusal leaves by an exception, so that it rolls back the use of the initial access token.
            with provider.pool.connection() as connection:
                leave = registering.take_leave(connection, _bearer(incoming) or "", now)
                if leave is None:
                    return _unauthorized("The initial access token is not good for a registration.")
                found = registering.read(incoming.document, leave.scopes, provider.options)
                client = Client(
                    client_id=f"self-{provider.mint.identifier()}",
                    secret_digest=digest(secret) if _has_secret(found) else None,
                    registration_digest=digest(token),
                    **found,
                )
                clients.save(connection, client, now)
                connection.execute(
                    "UPDATE sso.client SET registered_with = %s WHERE client_id = %s",
                    (leave.token_digest, client.client_id),
                )
                audit.record(connection, now, "client_registered_itself", client_id=client.client_id, label=leave.label)
        except MetadataRefused as refused:
            return _refused(refused)
        shown = {"client_secret": secret} if client.secret_digest else {}
        return _answer(201, self._described(client, now, token) | shown)

    def show(self, incoming: Incoming) -> Response:
        """GET /clients/ID (RFC 7592 section 2.1)."""
        with self._provider.pool.connection() as connection:
            client = self._own(connection, incoming)
            if client is None:
                return _unauthorized("The registration access token is not this client's.")
            since = _registered_at(connection, client)
        return _answer(200, self._described(client, since, _bearer(incoming) or ""))

    def change(self, incoming: Incoming) -> Response:
        """PUT /clients/ID (RFC 7592 section 2.2): what is not sent is not registered any more.

        The client must keep its way of authenticating if the other way would need a secret that it has not.
        """
        provider, now = self._provider, self._provider.clock()
        try:
            with provider.pool.connection() as connection:
                before = self._own(connection, incoming)
                if before is None:
                    return _unauthorized("The registration access token is not this client's.")
                found = registering.read(incoming.document, _scopes_allowed(connection, before), provider.options)
                _check_identity(incoming.document, before)
                if _has_secret(found) and before.secret_digest is None:
                    raise MetadataRefused("invalid_client_metadata", "Register anew to get a client_secret.")
                kept = before.secret_digest if _has_secret(found) else None
                client = replace(before, secret_digest=kept, **found)
                clients.save(connection, client, now)
                audit.record(connection, now, "client_changed_itself", client_id=client.client_id)
                since = _registered_at(connection, client)
        except MetadataRefused as refused:
            return _refused(refused)
        return _answer(200, self._described(client, since, _bearer(incoming) or ""))

    def remove(self, incoming: Incoming) -> Response:
        """DELETE /clients/ID (RFC 7592 section 2.3): its grants are revoked with it."""
        now = self._provider.clock()
        with self._provider.pool.connection() as connection:
            client = self._own(connection, incoming)
            if client is None:
                return _unauthorized("The registration access token is not this client's.")
            connection.execute(
                "UPDATE sso.client SET disabled_at = %s, registration_digest = NULL WHERE client_id = %s",
                (now, client.client_id),
            )
            families.revoke_client(connection, client.client_id, "client_removed_itself", now)
            audit.record(connection, now, "client_removed_itself", client_id=client.client_id)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    def _own(self, connection: Connection, incoming: Incoming) -> Client | None:
        """The client of the path, if the bearer token is its registration's; the same answer for an unknown one."""
        client, token = clients.load(connection, incoming.path["client_id"]), _bearer(incoming)
        if client is None or client.registration_digest is None or token is None:
            return None
        return client if hmac.compare_digest(client.registration_digest, digest(token)) else None

    def _described(self, client: Client, since: datetime, token: str) -> dict[str, Any]:
        described = registering.described(client) | {
            "client_id_issued_at": int(since.timestamp()),
            "registration_access_token": token,
            "registration_client_uri": self._provider.options.url(f"{PATH}/{client.client_id}"),
        }
        return described | ({"client_secret_expires_at": 0} if client.secret_digest else {})


def _check_identity(document: dict[str, Any], before: Client) -> None:
    """RFC 7592 2.2: the client names itself, and does not write what only we decide."""
    if document.get("client_id") != before.client_id:
        raise MetadataRefused("invalid_client_metadata", "client_id must be this client's.")
    if ours := [name for name in _OURS if name in document]:
        raise MetadataRefused("invalid_client_metadata", f"Leave out: {', '.join(ours)}.")
    secret = document.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and before.check_client_secret(secret)):
        raise MetadataRefused("invalid_client_metadata", "client_secret cannot be chosen by the client.")


def _has_secret(found: dict[str, Any]) -> bool:
    return bool({"client_secret_basic", "client_secret_post"} & set(found["auth_methods"]))


def _scopes_allowed(connection: Connection, client: Client) -> list[str]:
    row = connection.execute(
        """SELECT leave.scopes FROM sso.client JOIN sso.initial_access_token AS leave
               ON leave.token_digest = client.registered_with WHERE client_id = %s""",
        (client.client_id,),
    ).fetchone()
    return list(row[0]) if row else list(client.scopes)


def _registered_at(connection: Connection, client: Client) -> datetime:
    row = connection.execute("SELECT created_at FROM sso.client WHERE client_id = %s", (client.client_id,)).fetchone()
    assert row is not None, "the client was read in this transaction"
    return row[0]  # type: ignore[no-any-return]


def _bearer(incoming: Incoming) -> str | None:
    scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _answer(status: int, body: dict[str, Any]) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _refused(refused: MetadataRefused) -> Response:
    return _answer(400, {"error": refused.error, "error_description": refused.description})


def _unauthorized(description: str) -> Response:
    answer = _answer(401, {"error": "invalid_token", "error_description": description})
    answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return answer
