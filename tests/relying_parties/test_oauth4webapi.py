"""oauth4webapi (npm), an independent relying party: every flow that it knows, against our provider."""

from __future__ import annotations

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
    "jwt_access_token",
    "introspection",
    "revocation",
    "device",
    "ciba",
)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(subject: Subject, flow: str) -> None:
    node.play("oauth4webapi.mjs", "oauth4webapi", subject, flow)
