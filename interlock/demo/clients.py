"""The five channels as clients of the provider: one row each, as their operators would register them.

web       a server with a key of its own                 code
app       public, every token bound to the device's key  code
phone     a server; pinged when a caller has decided     CIBA
windows   a server                                       device
agents    an agents' company, whose clerks act for passengers who have agreed   code, token exchange
"""

import json
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey

from simulators.configuration import Simulation
from sso.admin import Registration, register_client
from sso.provider import USER_SCOPES, Provider

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

NAMES: Mapping[str, tuple[str, str]] = {
    "web": ("铁路网站", "Railway website"),
    "app": ("铁路手机应用", "Railway app"),
    "phone": ("电话订票", "Phone booking"),
    "windows": ("车站窗口", "Station windows"),
    "agents": ("远行代售", "Far Journeys agents"),
}


def register_logins(provider: Provider, simulation: Simulation) -> None:
    """Register every channel's login; again, it brings them back to what stands here."""
    for channel, access in simulation.channels.items():
        home = f"http://127.0.0.1:{access.port}"
        chinese, english = NAMES[channel]
        common: dict[str, Any] = {
            "client_id": channel,
            "name_zh": chinese,
            "name_en": english,
            "scopes": USER_SCOPES,
            "backchannel_logout_uri": f"{home}/backchannel-logout",
            "id_token_algorithm": "ES256",
            "jwks": public_keys(access.login_key),
        }
        register_client(provider, Registration(**common, **_terms(channel, home)))


def _terms(channel: str, home: str) -> dict[str, Any]:
    browser = {"redirect_uris": [f"{home}/callback"], "post_logout_redirect_uris": [f"{home}/goodbye"]}
    rows: dict[str, dict[str, Any]] = {
        "web": browser,
        "app": {**browser, "require_dpop": True},
        "phone": {"further_grants": [CIBA], "ciba_mode": "ping", "notification_uri": f"{home}/ping"},
        "windows": {"further_grants": [DEVICE]},
        "agents": {
            **browser,
            "further_grants": [EXCHANGE],
            "consent": "explicit",
            "may_act": True,
            "resource": home,
            "audiences": [home],
        },
    }
    return rows[channel]


def new_login_key(channel: str) -> str:
    """A private JWK for a channel whose login runs on a server; empty for the app."""
    return "" if channel == "app" else json.dumps(ECKey.generate_key("P-256").as_dict(private=True))


def public_keys(private: str) -> dict[str, Any] | None:
    """The JWK set to register (RFC 7517), or None for a public client."""
    if not private:
        return None
    key = ECKey.import_key(json.loads(private))
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}]}
