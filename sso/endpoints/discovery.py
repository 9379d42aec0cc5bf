"""What the provider says about itself (OpenID Connect Discovery 1.0 section 3, RFC 8414)."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from sso.client_authentication import AUTH_METHODS
from sso.endpoints.rules.authorization import PROMPTS, RESPONSE_MODES
from sso.grants import GRANTS
from sso.incoming import Incoming, Row
from sso.keys import ALGORITHMS
from sso.options import SsoOptions
from sso.people.assurance import CLASSES
from sso.provider import SCOPE_CLAIMS, SCOPES_SUPPORTED, Provider
from sso.signed import ALGORITHMS as SIGNED_BY_OTHERS

CACHEABLE = {"Cache-Control": "public, max-age=300"}


def routes(provider: Provider) -> list[Row]:
    """The discovery document under both of its names, and the keys that verify what we sign."""
    document = metadata(provider.options)

    def described(incoming: Incoming) -> Response:
        return JSONResponse(document, headers=CACHEABLE)

    def jwks(incoming: Incoming) -> Response:
        provider.keys.refresh()
        return JSONResponse(provider.keys.jwks(), headers=CACHEABLE, media_type="application/jwk-set+json")

    return [
        Row("GET", "/.well-known/openid-configuration", described),
        Row("GET", "/.well-known/oauth-authorization-server", described),
        Row("GET", "/jwks", jwks),
    ]


def metadata(options: SsoOptions) -> dict[str, Any]:
    """The discovery document, built from the configured issuer alone."""
    person_claims = [claim for claims in SCOPE_CLAIMS.values() for claim in claims]
    return {
        "issuer": options.issuer,
        "authorization_endpoint": options.url("/authorize"),
        "token_endpoint": options.url("/token"),
        "userinfo_endpoint": options.url("/userinfo"),
        "pushed_authorization_request_endpoint": options.url("/par"),
        "require_pushed_authorization_requests": False,
        "introspection_endpoint": options.url("/introspect"),
        "introspection_endpoint_auth_methods_supported": [method for method in AUTH_METHODS if method != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": list(SIGNED_BY_OTHERS),
        "revocation_endpoint": options.url("/revoke"),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(SIGNED_BY_OTHERS),
        "device_authorization_endpoint": options.url("/device_authorization"),
        "backchannel_authentication_endpoint": options.url("/backchannel_authentication"),
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": list(SIGNED_BY_OTHERS),
        "backchannel_user_code_parameter_supported": False,
        "jwks_uri": options.url("/jwks"),
        "end_session_endpoint": options.url("/logout"),
        "registration_endpoint": options.url("/clients"),
        "scopes_supported": list(SCOPES_SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": [grant.GRANT_TYPE for grant in GRANTS],
        "acr_values_supported": list(CLASSES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(SIGNED_BY_OTHERS),
        "dpop_signing_alg_values_supported": list(SIGNED_BY_OTHERS),
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"),
            *person_claims,
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": list(PROMPTS),
        "ui_locales_supported": ["zh-CN", "en"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }
