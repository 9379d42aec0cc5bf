"""Config OP: the discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414)."""

from __future__ import annotations

from tests.conformance.subject import Subject

REQUIRED = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def test_oidcc_discovery_endpoint_verification(subject: Subject) -> None:
    said = subject.metadata
    assert set(REQUIRED) <= said.keys()
    assert said["issuer"] == subject.issuer
    assert "code" in said["response_types_supported"]
    assert "public" in said["subject_types_supported"]
    assert "RS256" in said["id_token_signing_alg_values_supported"], "every relying party knows RS256"
    assert "none" not in said["id_token_signing_alg_values_supported"]
    assert "openid" in said["scopes_supported"]
    assert "sub" in said["claims_supported"]
    assert "S256" in said["code_challenge_methods_supported"]
    assert "plain" not in said["code_challenge_methods_supported"]
    assert said["authorization_response_iss_parameter_supported"] is True
    if subject.name == "ours":
        assert said["response_types_supported"] == ["code"], "nothing implicit (RFC 9700 section 2.1.2)"
    for endpoint in ("token", "introspection", "revocation"):  # RFC 8414 section 2
        if "private_key_jwt" in said.get(f"{endpoint}_endpoint_auth_methods_supported", []):
            assert said[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
    addresses = [value for name, value in said.items() if name.endswith(("_endpoint", "_uri"))]
    assert all(address.startswith(f"{subject.issuer}/") for address in addresses), addresses
    keys = subject.http.get(said["jwks_uri"]).json()["keys"]
    assert keys
    assert not any(PRIVATE & key.keys() for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)
