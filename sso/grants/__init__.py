"""The grants of the token endpoint, one file each: who may redeem what, once, for which tokens."""

from sso.grants.client_credentials import ClientCredentialsGrant
from sso.grants.code import CodeGrant
from sso.grants.refresh import RefreshGrant

__all__ = ["GRANTS", "ClientCredentialsGrant", "CodeGrant", "RefreshGrant"]

GRANTS = (CodeGrant, RefreshGrant, ClientCredentialsGrant)
"""Every grant type that `/token` knows."""
