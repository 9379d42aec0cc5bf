"""openid-client (npm), an independent relying party: every flow that it knows, against our provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.subject import Subject
from tests.relying_parties import node

FLOWS = (
    "code",
    "userinfo",
    "refresh",
    "public",
    "private_key_jwt",
    "par",
    "dpop",
    "client_credentials",
    "introspection",
    "revocation",
    "device",
    "ciba",
    "rp_logout",
)


@pytest.fixture(scope="module")
def ended(provider: Subject) -> Iterator[dict[str, str | None]]:
    """How each flow ended."""
    yield node.play("openid_client.mjs", "openid-client", provider, FLOWS)
    provider.close_browsers()


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(ended: dict[str, str | None], flow: str) -> None:
    assert ended[flow] is None
