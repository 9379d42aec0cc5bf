"""What a grant type is: one file here, one row in GRANTS.

The column `token` of `sso.endpoints.steps` has run before `redeem`: the client is authenticated and registered for the
grant type, and a DPoP proof, if one came, is checked (`self.server.proof`).
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from authlib.oauth2.rfc6749.grants.base import BaseGrant, TokenEndpointMixin

from sso.clients import Client
from sso.incoming import Parameters
from sso.server import ProviderServer


class TokenGrant(BaseGrant, TokenEndpointMixin, ABC):  # type: ignore[misc]
    """A grant type of the token endpoint, as Authlib dispatches it."""

    GRANT_TYPE: ClassVar[str]
    server: ProviderServer

    @abstractmethod
    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """The body of the token response. Raises OAuth2Error.

        Consume a one-time artefact first, by one UPDATE ... WHERE consumed_at IS NULL RETURNING: the transaction
        commits whatever is raised afterwards.
        """

    def validate_token_request(self) -> None:
        """Nothing is left to validate; see the column `token`."""

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """For Authlib: status, body, headers."""
        body = self.redeem(self.request.client, self.request.parameters)
        return 200, body, self.TOKEN_RESPONSE_HEADER
