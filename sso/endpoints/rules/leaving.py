"""Who leaves, and where to (OpenID Connect RP-Initiated Logout 1.0)."""

from urllib.parse import urlencode
from uuid import UUID

from authlib.oauth2 import OAuth2Error

from sso import clients
from sso.endpoints.asked import Asked
from sso.tokens import TokenRefused, decode_own


def hinted_session(asked: Asked) -> None:
    """Section 2 and 4: the hint is an ID token of ours, expired or not, and says of which client and session.

    One that is broken, altered or made for another client than `client_id` names stops the logout. The key that signed
    it may have retired long ago.
    """
    hint, client_id = asked.parameters.get("id_token_hint"), asked.parameters.get("client_id")
    if hint is not None:
        try:
            keys = asked.provider.keys.for_hints
            _, claims = decode_own(hint, keys, frozenset({"jwt"}), frozenset({"ES256", "RS256"}))
        except TokenRefused as refused:
            raise OAuth2Error(str(refused), error=refused.code) from refused
        if claims.get("iss") != asked.provider.options.issuer or client_id not in (None, claims.get("aud")):
            raise OAuth2Error("The hint and client_id disagree.", error="id_token_hint_of_another_client")
        client_id = str(claims.get("aud"))
        asked.wish(leaving=UUID(str(claims.get("sid"))))
    if client_id is not None:
        client = clients.load(asked.connection, client_id)
        if client is not None:
            asked.client = client


def goodbye(asked: Asked) -> None:
    """Section 3: nobody is sent to a URI that is not registered, character for character, for a known client."""
    target = asked.parameters.get("post_logout_redirect_uri")
    if target is None:
        return
    if not asked.knows_client or target not in asked.client.post_logout_redirect_uris:
        raise OAuth2Error("The URI is not registered for the client.", error="post_logout_redirect_uri_not_registered")
    if state := asked.parameters.get("state"):
        target += ("&" if "?" in target else "?") + urlencode({"state": state})
    asked.wish(goodbye=target)
