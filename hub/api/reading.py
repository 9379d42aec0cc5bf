"""A request's body and id, with limits, before anything trusts them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from schemas.problems import ProblemError, problem

MESSAGE_ID_MAX = 200


@dataclass(frozen=True, slots=True)
class Body:
    """What came: at most ``limit`` bytes of it are kept; ``size`` counts what was sent up to where we stopped."""

    raw: bytes
    size: int
    too_large: bool

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


async def read_body(request: Request, limit: int) -> Body:
    """Read at most ``limit`` bytes; a longer body is not read to its end.

    Raises ``message_truncated`` when the caller goes away before the end: what came is not what was sent, and must not
    use up the message's id.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                return Body(b"".join(chunks)[:limit], size, True)
            chunks.append(chunk)
    except ClientDisconnect as gone:
        raise ProblemError(problem("message_truncated", f"{size} bytes came, then the connection ended.")) from gone
    return Body(b"".join(chunks), size, False)


def plain_headers(scope: Scope) -> dict[str, str]:
    """The header fields of a request, names in lower case; of a field that stands there twice, the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def message_id(headers: Mapping[str, str]) -> str | None:
    """``webhook-id`` (Standard Webhooks) or ``Idempotency-Key``; None when there is neither or it is absurd."""
    value = headers.get("webhook-id") or headers.get("idempotency-key")
    return value if value and is_message_id(value) else None


def is_message_id(value: object) -> bool:
    """Whether this can be a message's id: 1 to 200 printable characters."""
    return isinstance(value, str) and 0 < len(value) <= MESSAGE_ID_MAX and value.isprintable()
