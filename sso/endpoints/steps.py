"""The protocol as one table: rows are rules in the order in which they are asked, columns are endpoints.

A letter in a row means that the endpoint of that column asks the rule. What an endpoint does after its column has run
is in its own file. A rule asks one thing; its sources and what it refuses stand on top of it (`sso.endpoints.rules`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from authlib.oauth2 import OAuth2Error
from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg import Connection

from sso.client_authentication import learn_client_keys
from sso.endpoints.asked import Asked, Rule
from sso.endpoints.rules import approval, asking, authorization, leaving, proving
from sso.incoming import Incoming
from sso.provider import Provider
from sso.server import error_response
from sso.tokens import learn_key

COLUMNS = {
    "A": "authorize",
    "P": "par",
    "D": "device_authorization",
    "B": "backchannel_authentication",
    "T": "token",
    "I": "introspect",
    "R": "revoke",
    "C": "backchannel_authentication/read-back",
    "L": "logout",
}

TABLE: tuple[tuple[str, Rule], ...] = (
    # who asks, and can it be read
    ("A . . . . . . . .", proving.pushed_request),
    ("A . . . . . . . .", asking.answerable),
    ("A P D B T I R C L", asking.no_repeats),
    ("A P D B . . . C .", asking.no_long_parameters),
    (". . . . T . . . .", asking.known_grant_type),
    (". P D B T I R C .", asking.authenticated_client),
    (". . . B . I . C .", asking.confidential_client),
    ("A P D B T . . C .", asking.allowed_grant),
    (". P . . T . . . .", proving.proof_of_possession),
    (". . D B . . . . .", approval.signed_request),
    (". P . . . . . . .", asking.registered_redirect_uri),
    # what is asked
    ("A P . . . . . . .", authorization.no_request_objects),
    ("A . . . . . . . .", authorization.pushed_where_required),
    ("A P . . . . . . .", authorization.response_type),
    ("A P . . . . . . .", authorization.response_mode),
    ("A P . . . . . . .", authorization.pkce),
    ("A P . . . . . . .", authorization.dpop_key),
    ("A P . . . . . . .", authorization.prompt),
    ("A P . . . . . . .", authorization.max_age),
    ("A P D B . . . . .", authorization.acr_values),
    ("A P . B . . . . .", authorization.id_token_hint),
    ("A P D B . . . . .", authorization.resource),
    ("A P D B . . . . .", authorization.scope),
    ("A P . . . . . . .", authorization.claims),
    # what somebody will be asked on their phone
    (". . D B . . . . .", approval.place),
    (". . . B . . . . .", approval.one_hint),
    (". . . B . . . . .", approval.openid_scope),
    (". . . B . . . . .", approval.binding_message),
    (". . . B . . . . .", approval.requested_expiry),
    (". . . B . . . . .", approval.notification_token),
    # who leaves, and where to
    (". . . . . . . . L", leaving.hinted_session),
    (". . . . . . . . L", leaving.goodbye),
)
"""Not looked at, on purpose: `display`, `claims_locales`, `logout_hint`, and any parameter we do not know;
`login_hint` and `ui_locales` are the pages' affair, and never wrong."""


def _column(letter: str) -> tuple[Rule, ...]:
    place = 2 * list(COLUMNS).index(letter)
    return tuple(rule for cells, rule in TABLE if cells[place] == letter)


RULES: dict[str, tuple[Rule, ...]] = {endpoint: _column(letter) for letter, endpoint in COLUMNS.items()}
"""The column of each endpoint, top to bottom."""


def run(asked: Asked) -> None:
    """Ask every rule of the endpoint's column in order. Raises OAuth2Error with the first that is broken.

    What a rule has used up (a code, a `jti`) must stay so: the caller commits also when a rule raises.
    """
    for rule in RULES[asked.endpoint]:
        rule(asked)


TOKENS = ("id_token_hint", "subject_token", "actor_token", "token")
"""Parameters that may hold a token of ours, whose key must have been read before the transaction."""


@contextmanager
def _statements(connection: Connection, each_by_itself: bool) -> Iterator[None]:
    """Every statement a transaction of its own, or all together; the connection goes back as it came."""
    connection.autocommit = each_by_itself
    try:
        yield
    finally:
        if each_by_itself:
            connection.autocommit = False


def program(
    provider: Provider,
    endpoint: str,
    act: Callable[[Asked], Response | dict[str, Any]],
    each_by_itself: Callable[[Incoming], bool] = lambda incoming: False,
) -> Callable[[Incoming], Response]:
    """The handler of an endpoint that programs call: its column, then `act`, in one transaction.

    The transaction commits for every protocol error too, so that what was presented is spent whatever the answer.
    each_by_itself: whether this request writes one row at most, so that every statement may be a transaction of its
    own: two round trips to the database less.
    """

    def handle(incoming: Incoming) -> Response:
        provider.tokens.prepare()
        learn_client_keys(provider, incoming)
        for name in TOKENS:
            if token := incoming.form.get(name):
                learn_key(token, provider.keys)
        with provider.pool.connection() as connection, _statements(connection, each_by_itself(incoming)):
            asked = Asked.from_incoming(provider, connection, incoming, endpoint)
            try:
                run(asked)
                body = act(asked)
            except OAuth2Error as error:
                return error_response(provider, error)
        return body if isinstance(body, Response) else JSONResponse(body, headers={"Cache-Control": "no-store"})

    return handle
