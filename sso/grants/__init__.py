"""The grants of the token endpoint, one file each: who may redeem what, once, for which tokens."""

from sso.grants.ciba import CibaGrant
from sso.grants.client_credentials import ClientCredentialsGrant
from sso.grants.code import CodeGrant
from sso.grants.device import DeviceGrant
from sso.grants.exchange import ExchangeGrant
from sso.grants.refresh import RefreshGrant

__all__ = ["GRANTS", "CibaGrant", "ClientCredentialsGrant", "CodeGrant", "DeviceGrant", "ExchangeGrant", "RefreshGrant"]

GRANTS = (CodeGrant, RefreshGrant, ClientCredentialsGrant, DeviceGrant, CibaGrant, ExchangeGrant)
"""Every grant type that `/token` knows."""
