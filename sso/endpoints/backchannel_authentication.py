"""The backchannel authentication endpoint (CIBA Core 7), and where a clerk types the code that a caller reads back.

What a request must satisfy is the column `backchannel_authentication` of `sso.endpoints.steps`. The person decides at
`/account/approvals`; with `acr_values` holding phone-at-call they also get a code by message, which is bound to this
one request, meant to be read to the clerk, and counted with all other codes of the person.

| refusal | when |
|---|---|
| `unknown_user_id` | nobody has this phone number or name, or it is staff's |
| `access_denied` (403) | somebody is guessing at this person's login, or clerks have asked them too often |
| `invalid_request` | phone-at-call for a person without a phone, or for a client that needs a consent first |
| `temporarily_unavailable` (503) | the message could not be sent; the request is withdrawn |
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from fastapi import Response

from sso import approvals, audit, consents
from sso.approvals import Deadlines, Keys, Ping, Proof, Wanted
from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.incoming import Incoming, Row
from sso.people import assurance, identities, lockout, notices
from sso.people.identities import Identity
from sso.pings import seal_ping
from sso.provider import Provider
from sso.server import error_response

PATH = "/backchannel_authentication"
READ_BACK_PATH = f"{PATH}/read-back"
CODE_DIGITS = 6


def refused(error: str, description: str, status: int = 400) -> OAuth2Error:
    """An error of CIBA Core 13."""
    return OAuth2Error(description, status_code=status, error=error)


@dataclass(frozen=True, slots=True)
class Message:
    """A code that goes to a phone once its request is kept."""

    approval_id: UUID
    identity: Identity
    phone: str
    code: str


def routes(provider: Provider) -> list[Row]:
    """The addresses of both."""
    return [
        Row("POST", PATH, lambda incoming: request(provider, incoming)),
        Row("POST", READ_BACK_PATH, program(provider, READ_BACK_PATH.removeprefix("/"), read_back)),
    ]


# --- the request ---------------------------------------------------------------------------------------------------


def request(provider: Provider, incoming: Incoming) -> Response:
    """POST /backchannel_authentication: the request is committed before a message leaves, and withdrawn without it."""
    to_send: list[Message] = []
    answer = program(provider, PATH.removeprefix("/"), lambda asked: start(asked, to_send.append))(incoming)
    for message in to_send:
        try:
            provider.sender.send(message.phone, message.code, message.identity.locale, "call")
        except OSError:
            with provider.pool.connection() as connection:
                approvals.refuse(connection, message.approval_id, message.identity.identity_id, None, provider.clock())
            return error_response(provider, refused("temporarily_unavailable", "No message could be sent.", 503))
    return answer


def start(asked: Asked, to_send: Callable[[Message], None]) -> dict[str, Any]:
    """Keep the request; answers what the client polls with."""
    provider, wishes, client = asked.provider, asked.wishes, asked.client
    identity = _person(asked)
    secret, approval_id = provider.mint.secret(), provider.mint.identifier()
    message = _message(asked, identity, approval_id)
    _refuse_when_locked_or_pestered(asked, identity, message)
    lifetime = wishes.expires_in or provider.options.approvals.call_lifetime
    ping = None
    if client.ciba_mode == "ping" and client.notification_uri and wishes.notification_token:
        ping = Ping(client.notification_uri, seal_ping(provider.cipher, secret, wishes.notification_token))
    approvals.add(
        asked.connection,
        "ciba",
        Wanted(
            client.client_id,
            list(wishes.scope),
            wishes.audience,
            list(wishes.acr_values),
            wishes.place,
            wishes.binding_message,
        ),
        Keys(secret, read_back_blind=_blind(provider, secret, message.code) if message else None),
        (approval_id, provider.mint.identifier()),
        Deadlines(asked.now, asked.now + lifetime, provider.options.approvals.interval),
        identity_id=identity.identity_id,
        ping=ping,
    )
    if message is None:
        name = client.name(identity.locale)
        notices.notify(
            asked.connection, provider.mint, identity.identity_id, "approval_waiting", asked.now, client=name
        )
    audit.record(
        asked.connection,
        asked.now,
        "call_requested",
        identity_id=identity.identity_id,
        client_id=client.client_id,
        code_sent=message is not None,
    )
    if message:
        to_send(message)
    return {
        "auth_req_id": secret,
        "expires_in": int(lifetime.total_seconds()),
        "interval": int(provider.options.approvals.interval.total_seconds()),
    }


def _person(asked: Asked) -> Identity:
    hinted, provider = asked.wishes.hinted_subject, asked.provider
    if hinted is not None:
        identity = identities.load(asked.connection, UUID(hinted))
    else:
        identity = identities.by_login(asked.connection, provider.cipher, asked.parameters.text("login_hint"))
    if identity is None or identity.kind != "passenger":
        raise refused("unknown_user_id", "Nobody can be asked under this hint.")
    return identity


def _message(asked: Asked, identity: Identity, approval_id: UUID) -> Message | None:
    if assurance.PHONE_AT_CALL not in asked.wishes.acr_values:
        return None
    if identity.phone_sealed is None:
        raise InvalidRequestError("This person has no phone to which a code could be sent.")
    provider, client = asked.provider, asked.client
    if consents.missing(asked.connection, client, identity.identity_id, asked.wishes.scope, (), asked.now):
        raise InvalidRequestError("The person must agree on a page to what this client gets; a code cannot say it.")
    return Message(
        approval_id, identity, provider.cipher.open(identity.phone_sealed), provider.mint.digits(CODE_DIGITS)
    )


def _refuse_when_locked_or_pestered(asked: Asked, identity: Identity, message: Message | None) -> None:
    connection, now, options = asked.connection, asked.now, asked.provider.options
    # One request for a person at a time: those that run in parallel are counted too.
    connection.execute("SELECT FROM sso.identity WHERE identity_id = %s FOR NO KEY UPDATE", (identity.identity_id,))
    requests, codes = approvals.asked_since(connection, identity.identity_id, now - timedelta(hours=1))
    why = None
    if lockout.locked(connection, identity.identity_id, now):
        why = "call_while_locked"
    elif requests >= options.approvals.requests_per_hour or (message and codes >= options.phone_codes_per_hour):
        why = "calls_too_often"
    if why is not None:
        audit.record(connection, now, why, identity_id=identity.identity_id, client_id=asked.client.client_id)
        raise refused("access_denied", "This person cannot be asked for now.", 403)


# --- the code that the caller reads --------------------------------------------------------------------------------


def read_back(asked: Asked) -> dict[str, Any]:
    """The clerk's system sends the code that the caller read (`auth_req_id`, `code`); right, it approves the request.

    Refused: `invalid_grant` (no such request of this client is open), `wrong_code`, `access_denied` (403) while codes
    of this person are locked. Attempts are counted before they are checked.
    """
    connection, now, provider = asked.connection, asked.now, asked.provider
    secret, code = asked.parameters.text("auth_req_id"), asked.parameters.text("code").strip()
    found = approvals.read_back(connection, secret, asked.client.client_id, now)
    identity_id = found.approval.identity_id if found else None
    if found is None or identity_id is None:
        raise InvalidGrantError("No request of this client with a code is open under this auth_req_id.")
    subject = lockout.subject_of(identity_id)

    def note(kind: str) -> None:
        audit.record(connection, now, kind, identity_id=identity_id, client_id=asked.client.client_id)

    if lockout.locked(connection, identity_id, now) or lockout.take_attempt(
        connection, subject, lockout.CODE, now, provider.options
    ):
        note("call_while_locked")
        raise refused("access_denied", "Codes of this person are locked for now.", 403)
    if not hmac.compare_digest(found.blind, _blind(provider, secret, code)):
        note("call_code_wrong")
        raise refused("wrong_code", "That is not the code that was sent.")
    lockout.forgive(connection, subject, lockout.CODE)
    proof = Proof(identity_id, None, now, assurance.PHONE_AT_CALL, list(assurance.PHONE_CODE))
    approvals.approve(connection, found.approval.approval_id, proof, now)
    locale = identity.locale if (identity := identities.load(connection, identity_id)) else "zh-CN"
    notices.notify(connection, provider.mint, identity_id, "call_opened", now, client=asked.client.name(locale))
    return {"approved": True}


def _blind(provider: Provider, secret: str, code: str) -> str:
    return provider.cipher.blind(f"call:{secret}:{code}")
