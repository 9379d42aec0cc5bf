"""What came with the request besides its parameters: a DPoP proof, or a reference to a request pushed before."""

from authlib.oauth2 import OAuth2Error

from sso import dpop, pushed_requests
from sso.endpoints.asked import Asked


def proof_of_possession(asked: Asked) -> None:
    """RFC 9449 4.3: a proof that comes must be good, and is used up; whether one is needed is decided later."""
    url = asked.provider.options.url(f"/{asked.endpoint}")
    asked.proof = dpop.prove(asked.connection, asked.incoming.headers, asked.incoming.method, url, asked.now)


def pushed_request(asked: Asked) -> None:
    """RFC 9126 4: a `request_uri` of ours stands for the parameters that its client pushed, once; all others that
    come with it are ignored."""
    request_uri = asked.parameters.get("request_uri")
    if request_uri is None or not request_uri.startswith(pushed_requests.URN):
        return
    found = pushed_requests.consume(
        asked.connection, request_uri, asked.parameters.text("client_id"), asked.now, asked.provider.cipher
    )
    if found is None:
        raise OAuth2Error("The request_uri is unknown, expired or used before.", error="invalid_request_uri")
    asked.parameters, asked.pushed = found, True
