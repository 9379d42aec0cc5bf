"""openid-client and oauth4webapi (npm), two independent relying parties: every flow that they know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.subject import Subject
from tests.relying_parties import node
from tests.relying_parties.matrix import FLOWS

UNKNOWN = {
    "openid-client": {"jwt_access_token", "backchannel_logout"},
    "oauth4webapi": {"rp_logout", "backchannel_logout"},
}
"""Flows that the libraries have no words for."""
CASES = [(party, flow) for party, unknown in UNKNOWN.items() for flow in FLOWS if flow not in unknown]


@pytest.fixture(scope="module")
def ended(provider: Subject) -> Iterator[dict[tuple[str, str], str | None]]:
    """How each flow of each party ended: both programs have played, one after the other."""
    found: dict[tuple[str, str], str | None] = {}
    for party in UNKNOWN:
        flows = [flow for each, flow in CASES if each == party]
        played = node.play(f"{party.replace('-', '_')}.mjs", party, provider, flows)
        found |= {(party, flow): said for flow, said in played.items()}
    yield found
    provider.close_browsers()


@pytest.mark.parametrize(("party", "flow"), CASES)
def test_flow(ended: dict[tuple[str, str], str | None], party: str, flow: str) -> None:
    assert ended[party, flow] is None
