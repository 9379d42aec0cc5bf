"""The public keys of clients that publish them at a `jwks_uri`, kept for a while."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sso.fetching import FetchJson, FetchRefused
from sso.ports import Clock
from sso.signed import SignatureRefused

KEPT = timedelta(minutes=10)
PATIENCE = timedelta(seconds=30)  # between two fetches that an unknown kid, or a server that is down, can cause


@dataclass(slots=True)
class _Held:
    jwks: dict[str, Any]
    asked_at: datetime
    read_at: datetime | None


class ClientKeys:
    """Keys by address. Call `learn` outside any transaction; `known` only looks at what was read."""

    def __init__(self, fetch: FetchJson, clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def learn(self, jwks_uri: str, kid: str | None) -> None:
        """Read the keys at this address when they are old, or when `kid` is not among them.

        A client whose server is away keeps the keys that were read last.
        """
        now = self._clock()
        with self._lock:
            held = self._held.setdefault(jwks_uri, _Held({}, now - KEPT, None))
            fresh = held.read_at is not None and now - held.read_at < KEPT
            knows = kid is None or any(key.get("kid") == kid for key in held.jwks.get("keys", []))
            if (fresh and knows) or abs(now - held.asked_at) < PATIENCE:
                return
            held.asked_at = now
        try:
            document = self._fetch(jwks_uri)
        except FetchRefused:
            return  # the request is then refused for want of a key, which is what its sender can do something about
        keys = document.get("keys") if isinstance(document, dict) else None
        if isinstance(keys, list) and all(isinstance(key, dict) for key in keys):
            with self._lock:
                held.jwks, held.read_at = {"keys": keys}, now

    def known(self, jwks_uri: str | None) -> dict[str, Any]:
        """The JWK Set that was read last from this address."""
        held = self._held.get(jwks_uri or "")
        if held is None or held.read_at is None:
            raise SignatureRefused("the client's keys could not be read")
        return held.jwks
