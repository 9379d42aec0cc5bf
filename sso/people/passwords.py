"""Passwords, kept as argon2id hashes (RFC 9106)."""

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from sso.options import Argon2Options


class Passwords:
    """Hashes and checks passwords at one cost. Thread-safe; slow on purpose, so never call it inside a transaction."""

    def __init__(self, options: Argon2Options) -> None:
        self._hasher = PasswordHasher(
            time_cost=options.passes, memory_cost=options.memory_kib, parallelism=options.lanes, type=Type.ID
        )
        # Checked when no such person exists, so that the answer takes as long as for one who does.
        self._nobody = self._hasher.hash("a password that nobody has")

    def hash(self, password: str) -> str:
        """The encoded argon2id hash of `password`, with its own salt and cost."""
        return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one behind `stored`; always does the work, also when `stored` is None."""
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made at another cost and should be hashed anew now that the password is known."""
        return self._hasher.check_needs_rehash(stored)
