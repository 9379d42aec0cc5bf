"""Who is at the door before anybody has proven who he is, and how much of the house he may take.

A caller is the bearer of a token that was found good, or else the network address that the request came from. How many
of his requests are being worked on is counted in this process's memory; the strangers' buckets are shared by all
processes (``hub.api.buckets``).

A stranger's bucket holds a minute's worth and fills evenly. A request without proof costs one, one whose proof is found
bad ten: guessing secrets is slower than browsing. Channels behind the stranger's address are not held up: a token that
was good, or a signature that is, passes whatever the bucket says.
"""

import hashlib
import math
import threading
from collections import OrderedDict

from hub.api.buckets import Buckets
from schemas.problems import ProblemError, problem

BAD_PROOF_COST = 10
_TOKENS_KEPT = 10_000


class TooManyRequests(ProblemError):
    """The problem ``too_many_requests``, with the seconds after which there is room again (``Retry-After``)."""

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(problem("too_many_requests", detail))
        self.retry_after_seconds = max(1, math.ceil(seconds))


class Callers:
    """Safe to use from several threads; ``spend`` and ``need_room`` in one event loop."""

    def __init__(self, at_once: int = 256, strangers_per_minute: int = 6000, strangers: Buckets | None = None) -> None:
        self._at_once, self._per_minute = at_once, strangers_per_minute
        self._strangers = strangers or Buckets()
        self._lock = threading.Lock()
        self._inside: dict[str, int] = {}
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    def vouch(self, token: str) -> None:
        """A bearer token was found good: from now on its bearer is counted by himself."""
        digest = _digest(token)
        with self._lock:
            self._proven[digest] = None
            self._proven.move_to_end(digest)
            while len(self._proven) > _TOKENS_KEPT:
                self._proven.popitem(last=False)

    def name(self, authorization: str, address: str) -> tuple[str, bool]:
        """(by what this caller is counted, whether he has proven himself before); ``authorization``: the header."""
        token = authorization.partition(" ")[2].strip()
        if token:
            digest = _digest(token)
            with self._lock:
                if digest in self._proven:
                    return digest.hex(), True
        return address, False

    def enter(self, name: str) -> None:
        """One request more of this caller. Raises ``TooManyRequests`` when as many are being worked on as he may."""
        with self._lock:
            inside = self._inside.get(name, 0)
            if inside >= self._at_once:
                raise TooManyRequests(f"{inside} requests of this caller are being worked on.", 1)
            self._inside[name] = inside + 1

    def leave(self, name: str) -> None:
        with self._lock:
            left = self._inside.get(name, 1) - 1
            if left > 0:
                self._inside[name] = left
            else:
                self._inside.pop(name, None)

    def spend(self, address: str, cost: int) -> None:
        """Take ``cost`` from a stranger's bucket."""
        self._strangers.spend(f"stranger:{address}", self._per_minute, cost)

    async def need_room(self, address: str) -> None:
        """Raises ``TooManyRequests`` when the stranger's bucket is empty."""
        name = f"stranger:{address}"
        if not await self._strangers.has_room(name, self._per_minute):
            detail = "Requests without proof, or with a bad one, came too fast from this address."
            raise TooManyRequests(detail, self._strangers.wait(name, self._per_minute))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
