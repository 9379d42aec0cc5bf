"""One login for five channels: an OpenID Connect provider that knows nothing of tickets, orders or the hub."""

from sso.api import create_app
from sso.options import Argon2Options, SsoOptions
from sso.ports import Clock, CodeSender, FieldCipher
from sso.provider import Provider
from sso.tokens import TokenRefused, TokenVerifier, VerifiedToken

__all__ = [
    "Argon2Options",
    "Clock",
    "CodeSender",
    "FieldCipher",
    "Provider",
    "SsoOptions",
    "TokenRefused",
    "TokenVerifier",
    "VerifiedToken",
    "create_app",
]
