"""The parameters of an authorization request, one rule each (OpenID Connect Core 3.1.2.1 and its extensions)."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError

from sso.endpoints.asked import Asked
from sso.provider import SCOPE_CLAIMS
from sso.tokens import TokenRefused, decode_own

RESPONSE_MODES = ("query", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256


def no_request_objects(asked: Asked) -> None:
    """OpenID Connect Core 6: an unsupported request object must be refused, never ignored."""
    for name in ("request", "request_uri", "registration"):
        if asked.parameters.get(name) is not None:
            raise OAuth2Error(f"The parameter {name} is not supported.", error=f"{name}_not_supported")


def pushed_where_required(asked: Asked) -> None:
    """RFC 9126 6: a client that registered require_pushed_authorization_requests comes no other way."""
    if asked.client.require_par and not asked.pushed:
        raise InvalidRequestError("The client must push its authorization requests (RFC 9126).")


def response_type(asked: Asked) -> None:
    """OpenID Connect Core 3, RFC 9700 2.1.2: `code` and nothing else."""
    kind = asked.parameters.get("response_type")
    if kind is None:
        raise InvalidRequestError("Missing 'response_type' in request.")
    if kind != "code":
        raise OAuth2Error("Use code.", error="unsupported_response_type")


def response_mode(asked: Asked) -> None:
    """OAuth 2.0 Multiple Response Types 2.1 and Form Post Response Mode; a form cannot post to an app's own scheme."""
    mode = asked.parameters.get("response_mode") or "query"
    if mode not in RESPONSE_MODES or (mode == "form_post" and not is_web(asked.wishes.redirect_uri)):
        raise InvalidRequestError("The response_mode is not supported.")
    asked.wish(response_mode=mode)


def is_web(uri: str) -> bool:
    """Whether a browser can post a form there."""
    return urlsplit(uri).scheme in ("http", "https")


def pkce(asked: Asked) -> None:
    """RFC 7636 and RFC 9700 2.1.1: S256 said in so many words; a missing method would mean `plain`.

    Every client, unless the operator registered it otherwise; what is sent is checked all the same.
    """
    challenge, method = asked.parameters.get("code_challenge"), asked.parameters.get("code_challenge_method")
    if challenge is None:
        if asked.client.require_pkce or method is not None:
            raise InvalidRequestError("PKCE is required: send code_challenge.")
        return
    if method != "S256":
        raise InvalidRequestError("Send code_challenge_method=S256; no other method is accepted.")
    if not CODE_CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("The code_challenge is not the base64url of a SHA-256.")
    asked.wish(code_challenge=challenge)


def dpop_key(asked: Asked) -> None:
    """RFC 9449 10: `dpop_jkt`, or the proof that came with a pushed request, names the one key that may redeem."""
    named, proven = asked.parameters.get("dpop_jkt"), asked.proof.jkt if asked.proof else None
    if named is not None and not CODE_CHALLENGE.fullmatch(named):
        raise InvalidRequestError("The dpop_jkt is not the base64url of a SHA-256.")
    if named is not None and proven is not None and named != proven:
        raise OAuth2Error("dpop_jkt names another key than the proof's.", error="invalid_dpop_proof")
    asked.wish(jkt=named or proven)


def prompt(asked: Asked) -> None:
    """OpenID Connect Core 3.1.2.1: `none` stands alone."""
    prompts = frozenset(asked.parameters.text("prompt").split())
    if not prompts <= set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt is not supported, or none is combined with another value.")
    asked.wish(prompts=prompts)


def max_age(asked: Asked) -> None:
    """OpenID Connect Core 3.1.2.1: seconds since the person last proved who they are."""
    text = asked.parameters.get("max_age")
    if text is None:
        return
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRequestError("max_age must be a number of seconds.")
    asked.wish(max_age=timedelta(seconds=int(text)))


def acr_values(asked: Asked) -> None:
    """OpenID Connect Core 3.1.2.1: the classes the client would like, best first; unknown ones do no harm."""
    asked.wish(acr_values=tuple(asked.parameters.text("acr_values").split()))


def id_token_hint(asked: Asked) -> None:
    """OpenID Connect Core 3.1.2.1, CIBA 7.1: our own ID token, perhaps expired, for this client: who is meant."""
    hint = asked.parameters.get("id_token_hint")
    if hint is None:
        return
    try:
        _, claims = decode_own(hint, asked.provider.keys.for_hints, frozenset({"jwt"}), frozenset({"ES256", "RS256"}))
    except TokenRefused as refused:
        raise InvalidRequestError(f"The id_token_hint is not ours: {refused}") from refused
    if claims.get("iss") != asked.provider.options.issuer or claims.get("aud") != asked.client.client_id:
        raise InvalidRequestError("The id_token_hint was made for another client.")
    asked.wish(hinted_subject=claims.get("sub"))


def scope(asked: Asked) -> None:
    """RFC 6749 3.3: what the client may have of what it asks; more is left out, nothing left is refused."""
    wanted = asked.parameters.get("scope")
    allowed = asked.client.get_allowed_scope(wanted)
    if not allowed:
        raise InvalidScopeError("Nothing of the requested scope may be given.")
    asked.wish(scope=tuple(allowed.split()))


def resource(asked: Asked) -> None:
    """RFC 8707: one resource, the hub API unless another is named that the client may ask tokens for."""
    named = asked.parameters.get("resource")
    if named is None or named == asked.provider.options.hub_audience:
        return
    if named not in asked.client.audiences:
        raise OAuth2Error("No such resource for this client.", error="invalid_target")
    asked.wish(audience=named)


def claims(asked: Asked) -> None:
    """OpenID Connect Core 5.5: claims asked for by name, given only where the client's scopes open them.

    `sub` with a value says who must be logged in; `acr` with values, when essential, must be met or refused (5.5.1.1).
    """
    text = asked.parameters.get("claims")
    if text is None:
        return
    try:
        wanted = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError("The claims parameter is not JSON.") from error
    if not isinstance(wanted, dict) or not all(isinstance(part, dict) for part in wanted.values()):
        raise InvalidRequestError("The claims parameter must be an object of objects.")
    open_to_client = {claim for scope in asked.client.scopes for claim in SCOPE_CLAIMS.get(scope, ())}
    asked.wish(
        claims={place: sorted(set(wanted.get(place, {})) & open_to_client) for place in ("id_token", "userinfo")}
    )
    for_id_token: dict[str, Any] = wanted.get("id_token", {})
    subject, acr = for_id_token.get("sub"), for_id_token.get("acr")
    if isinstance(subject, dict) and isinstance(subject.get("value"), str):
        if asked.wishes.hinted_subject not in (None, subject["value"]):
            raise InvalidRequestError("The claims parameter and the id_token_hint name two people.")
        asked.wish(hinted_subject=subject["value"])
    if isinstance(acr, dict):
        listed = acr.get("values") if isinstance(acr.get("values"), list) else [acr.get("value")]
        values = tuple(value for value in listed or () if isinstance(value, str))
        asked.wish(acr_values=values or asked.wishes.acr_values, acr_essential=acr.get("essential") is True)
