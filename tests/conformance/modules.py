"""The checklist: the names of the OpenID Foundation's test modules that our tests are named after, by plan.

Passing tests of the same name is no certification, and nothing here claims one.
"""

BASIC = """
oidcc-server oidcc-response-type-missing oidcc-idtoken-signature oidcc-userinfo-get oidcc-userinfo-post-header
oidcc-userinfo-post-body oidcc-ensure-request-without-nonce-succeeds-for-code-flow oidcc-scope-profile
oidcc-scope-email oidcc-scope-address oidcc-scope-phone oidcc-scope-all oidcc-display-page oidcc-display-popup
oidcc-prompt-login oidcc-prompt-none-not-logged-in oidcc-prompt-none-logged-in oidcc-max-age-1 oidcc-max-age-10000
oidcc-ensure-request-with-unknown-parameter-succeeds oidcc-id-token-hint oidcc-login-hint oidcc-ui-locales
oidcc-claims-locales oidcc-ensure-request-with-acr-values-succeeds oidcc-codereuse oidcc-codereuse-30seconds
oidcc-ensure-registered-redirect-uri oidcc-ensure-post-request-succeeds oidcc-server-client-secret-post
oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported oidcc-claims-essential
oidcc-ensure-request-object-with-redirect-uri oidcc-refresh-token oidcc-ensure-request-with-valid-pkce-succeeds
"""

MODULES: dict[str, tuple[str, ...]] = {
    "Basic OP": tuple(BASIC.split()),
    "Form Post OP": tuple(BASIC.split()),
    "Config OP": ("oidcc-discovery-endpoint-verification",),
    "Dynamic OP": (
        "oidcc-registration-jwks-uri",
        "oidcc-registration-sector-uri",
        "oidcc-server-rotate-keys",
        "oidcc-redirect-uri-query-mismatch",
        "oidcc-ensure-client-assertion-with-iss-aud-succeeds",
    ),
    "RP-initiated logout": (
        "oidcc-rp-initiated-logout",
        "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
        "oidcc-rp-initiated-logout-modified-id-token-hint",
        "oidcc-rp-initiated-logout-no-id-token-hint",
        "oidcc-rp-initiated-logout-no-params",
        "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
        "oidcc-rp-initiated-logout-no-state",
        "oidcc-rp-initiated-logout-only-state",
        "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
        "oidcc-rp-initiated-logout-bad-id-token-hint",
    ),
    "Back-channel logout": ("oidcc-backchannel-rp-initiated-logout",),
    "CIBA": (
        "fapi-ciba-id1",
        "fapi-ciba-id1-user-rejects-authentication",
        "fapi-ciba-id1-multiple-call-to-token-endpoint",
        "fapi-ciba-id1-auth-req-id-expired",
        "fapi-ciba-id1-ensure-authorization-request-with-binding-message-succeeds",
        "fapi-ciba-id1-ensure-requested-expiry-as-string-succeeds",
        "fapi-ciba-id1-ensure-authorization-request-with-potentially-bad-binding-message",
        "fapi-ciba-id1-ensure-authorization-request-with-multiple-hints-fails",
        "fapi-ciba-id1-ensure-wrong-auth-req-id-in-token-endpoint-request",
        "fapi-ciba-id1-ensure-wrong-client-id-in-token-endpoint-request",
        "fapi-ciba-id1-ping-backchannel-notification-endpoint-response-has-body",
        "fapi-ciba-id1-ping-backchannel-notification-endpoint-response-401",
        "fapi-ciba-id1-ping-backchannel-notification-endpoint-response-403",
        "fapi-ciba-id1-ping-backchannel-notification-endpoint-response-return-redirect-request",
        "fapi-ciba-id1-refresh-token",
    ),
    "FAPI 2": (
        "fapi2-par-attempt-reuse-request_uri",
        "fapi2-par-attempt-to-use-request_uri-for-different-client",
        "fapi2-par-plain-pkce-rejected",
        "fapi2-dpop-negative-tests",
        "fapi2-ensure-authorization-code-is-bound-to-client",
        "fapi2-par-without-duplicate-parameters",
    ),
    "Hydra and Keycloak": (
        "valid-logout-verifiers-cannot-log-out-other-users",
        "only-the-most-recent-token-generation-is-valid",
        "re-using-a-graceful-refresh-token-above-the-count-limit-invalidates-all",
        "revoking-consent-revokes-all-tokens",
        "removing-the-session-does-not-break-refresh",
        "cannot-reuse-user-code",
        "cannot-reuse-device-challenge",
        "id-token-hint-does-not-match",
        "max-age-1-but-prompt-none",
    ),
    "Token exchange": (
        "token-exchange-with-the-wrong-actor-token-fails",
        "token-exchange-with-no-actor-token-fails",
    ),
}
"""Plan -> module names, in the order of the table."""

EMAIL = "a passenger is known by the phone number: no scope email, no address is kept"
PAIRWISE = "one subject for each person, public"
NOT_OFFERED: dict[tuple[str, str], str] = {
    ("ours", "oidcc-scope-email"): EMAIL,
    ("ours", "oidcc-scope-address"): EMAIL,
    ("ours", "oidcc-registration-sector-uri"): PAIRWISE,
    ("control", "oidcc-registration-sector-uri"): PAIRWISE,
    ("control", "oidcc-server-rotate-keys"): "its keys are given once, at the start",
    ("control", "token-exchange-with-the-wrong-actor-token-fails"): "it has no token exchange of its own",
    ("control", "token-exchange-with-no-actor-token-fails"): "it has no token exchange of its own",
}
"""(column, module) -> why it does not apply. Whatever is not listed here has to pass."""


def function_name(module: str) -> str:
    """The test function that stands for a module.

    >>> function_name("fapi2-par-attempt-reuse-request_uri")
    'test_fapi2_par_attempt_reuse_request_uri'
    """
    return "test_" + module.replace("-", "_")
