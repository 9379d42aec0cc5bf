"""A request in the form that Authlib reads."""

import re
from collections import defaultdict

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request

from sso.incoming import Incoming, Parameters


class _Payload(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, parameters: Parameters) -> None:
        self._data = {name: value for name, value in reversed(parameters.pairs)}
        self._datalist: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in parameters.pairs:
            self._datalist[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._datalist


class ProviderRequest(OAuth2Request):  # type: ignore[misc]
    """A request in Authlib's form. Its URI is made from the configured issuer, never from the Host header."""

    def __init__(self, incoming: Incoming, uri: str) -> None:
        super().__init__(incoming.method, uri, headers=incoming.headers)
        self.payload = _Payload(incoming.parameters)
        self.parameters = incoming.parameters

    @property
    def args(self) -> dict[str, str]:
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


def refuse_repeated(parameters: Parameters) -> None:
    """No parameter may come twice (RFC 6749 sections 3.1 and 3.2)."""
    if repeated := parameters.repeated():
        known = [name for name in repeated if re.fullmatch(r"[a-z_]{1,40}", name)]
        raise InvalidRequestError(f"Given more than once: {', '.join(known) or 'an unknown parameter'}.")
