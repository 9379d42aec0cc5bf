"""The provider's parts, wired once and passed on."""

from dataclasses import dataclass, field
from typing import Any

from psycopg_pool import ConnectionPool

from sso.client_keys import ClientKeys
from sso.fetching import FetchJson, guarded_fetch
from sso.issuing import TokenIssuer
from sso.keys import KeyRing
from sso.options import SsoOptions
from sso.people.identities import STAFF_ROLES, Identity
from sso.people.passwords import Passwords
from sso.people.registers import Registers
from sso.ports import Clock, CodeSender, FieldCipher, Minter, SystemMinter
from sso.signatures import Signatures
from sso.tokens import TokenVerifier, liveness

USER_SCOPES = ("openid", "profile", "phone", "hub:orders", "companions")
CHANNEL_SCOPES = ("hub:messages",)
SCOPES_SUPPORTED = (*USER_SCOPES, *CHANNEL_SCOPES, *STAFF_ROLES)

SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {
    "profile": ("name", "preferred_username", "locale", "updated_at"),
    "phone": ("phone_number", "phone_number_verified"),
}
"""Which claims about the person each scope opens (OpenID Connect Core 5.4)."""


@dataclass(frozen=True)
class Provider:
    """What a handler needs. Built by `assemble`; holds no state of its own beyond the key cache."""

    options: SsoOptions
    pool: ConnectionPool
    clock: Clock
    cipher: FieldCipher
    sender: CodeSender
    mint: Minter
    keys: KeyRing
    tokens: TokenIssuer
    passwords: Passwords
    registers: Registers
    client_keys: ClientKeys
    signatures: Signatures = field(default_factory=Signatures)

    @classmethod
    def assemble(
        cls,
        options: SsoOptions,
        pool: ConnectionPool,
        clock: Clock,
        cipher: FieldCipher,
        sender: CodeSender,
        mint: Minter | None = None,
        registers: Registers | None = None,
        fetch: FetchJson | None = None,
    ) -> "Provider":
        """Wire the parts. Touches neither the network nor the database; keys are made when first needed.

        fetch: how documents of clients are read (their keys); by default `guarded_fetch`.
        """
        mint = mint or SystemMinter()
        keys = KeyRing(pool, options, cipher, clock)
        issuer = TokenIssuer(options, keys, clock, mint, cipher)
        passwords, registers = Passwords(options.argon2), registers or Registers()
        client_keys = ClientKeys(fetch or guarded_fetch(options), clock)
        return cls(options, pool, clock, cipher, sender, mint, keys, issuer, passwords, registers, client_keys)

    def verifier(self, audience: str, *, check_liveness: bool) -> TokenVerifier:
        """A verifier for a resource server in this process.

        With `check_liveness` each call costs two short reads and a logout takes effect at once.
        """
        is_live = liveness(self.pool, self.clock, self.options) if check_liveness else None
        return TokenVerifier(
            self.options, self.keys, self.clock, audience=audience, is_live=is_live, signatures=self.signatures
        )

    def person_claims(self, identity: Identity, scope: list[str], named: list[str]) -> dict[str, Any]:
        """The claims about a person that `scope` opens, plus those asked for by name (`claims` parameter)."""
        wanted = {claim for each in scope for claim in SCOPE_CLAIMS.get(each, ())} | set(named)
        known: dict[str, Any] = {
            "name": identity.display_name,
            "preferred_username": identity.login_name,
            "locale": identity.locale,
            "updated_at": int(identity.updated_at.timestamp()),
        }
        if identity.phone_sealed and "phone_number" in wanted:
            known["phone_number"] = self.cipher.open(identity.phone_sealed)
        if identity.phone_sealed:
            known["phone_number_verified"] = True
        return {claim: value for claim, value in known.items() if claim in wanted and value is not None}
