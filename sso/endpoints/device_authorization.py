"""The device authorization endpoint (RFC 8628 section 3.1 and 3.2).

What a request must satisfy is the column `device_authorization` of `sso.endpoints.steps`. The answer's `user_code`
goes onto the screen of the window or kiosk, `verification_uri_complete` into its QR code.
"""

from typing import Any

from authlib.oauth2 import OAuth2Error

from sso import approvals, audit, user_codes
from sso.approvals import Deadlines, Keys, Wanted
from sso.endpoints.asked import Asked
from sso.endpoints.steps import program
from sso.incoming import Row
from sso.provider import Provider

PATH = "/device_authorization"
TRIES = 5
"""How often another user code is drawn when one is in use already; with 20^8 of them the second will do."""


def routes(provider: Provider) -> list[Row]:
    """The endpoint's address."""
    return [Row("POST", PATH, program(provider, PATH.removeprefix("/"), start))]


def start(asked: Asked) -> dict[str, Any]:
    """Keep the request; answers what the device shows and polls with."""
    if "none" in asked.client.auth_methods:
        _refuse_flood(asked)
    provider, wishes, limits = asked.provider, asked.wishes, asked.provider.options.approvals
    device_code, deadlines = (
        provider.mint.secret(),
        Deadlines(asked.now, asked.now + limits.device_lifetime, limits.interval),
    )
    wanted = Wanted(asked.client.client_id, list(wishes.scope), wishes.audience, list(wishes.acr_values), wishes.place)
    user_code = _keep(asked, wanted, device_code, deadlines)
    audit.record(asked.connection, asked.now, "device_requested", client_id=asked.client.client_id)
    shown = user_codes.shown(user_code)
    return {
        "device_code": device_code,
        "user_code": shown,
        "verification_uri": provider.options.url("/device"),
        "verification_uri_complete": provider.options.url(f"/device?user_code={shown}"),
        "expires_in": int(limits.device_lifetime.total_seconds()),
        "interval": int(limits.interval.total_seconds()),
    }


def _refuse_flood(asked: Asked) -> None:
    """Anybody can start requests in the name of a client that proves nothing, so they are counted by address."""
    limits = asked.provider.options.approvals
    address = [(f"devices:{asked.incoming.peer}", limits.devices_per_address)]
    if not user_codes.may_guess(asked.connection, address, asked.now, limits.counted_within):
        raise OAuth2Error("Too many requests from here; wait.", status_code=429, error="temporarily_unavailable")
    user_codes.note_wrong_guess(asked.connection, address, asked.now)


def _keep(asked: Asked, wanted: Wanted, device_code: str, deadlines: Deadlines) -> str:
    mint, cipher = asked.provider.mint, asked.provider.cipher
    for _ in range(TRIES):
        user_code = user_codes.drawn(mint.digits(2 * user_codes.LENGTH))
        keys = Keys(device_code, user_code_blind=user_codes.blind(cipher, user_code))
        if approvals.add(asked.connection, "device", wanted, keys, (mint.identifier(), mint.identifier()), deadlines):
            return user_code
    raise RuntimeError("no user code is free")
