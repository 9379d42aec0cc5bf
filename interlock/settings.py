"""Every setting, read once from the environment (`INTERLOCK_...`) and passed on as small frozen values.

Nothing outside this file reads the environment, and no other room ever sees `Settings`: the wiring hands each room the
few values it needs.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from interlock.engines import Engines, start_engines, start_postgres
from interlock.engines.directory import DataDirectory

KEY_BYTES = 32
MASK = "********"


@dataclass(frozen=True)
class Keys:
    """Secret keys of 32 bytes each. `field` seals personal data, `blind_index` finds it again, `audit` signs."""

    field: bytes
    blind_index: bytes
    audit: bytes

    def __repr__(self) -> str:
        return f"Keys({MASK})"


def decode_key(text: str) -> bytes:
    """32 bytes from URL-safe base64 (43 characters, padding optional). Raises ValueError on anything else."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"a key is {KEY_BYTES} bytes in URL-safe base64: {error}") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in URL-safe base64; this one has {len(key)} bytes")
    return key


def _checked_key(secret: SecretStr) -> SecretStr:
    decode_key(secret.get_secret_value())
    return secret


Key = Annotated[SecretStr, AfterValidator(_checked_key)]


class Settings(BaseSettings):
    """All settings. `Settings.load()` reads them; `described()` shows them with secrets masked."""

    model_config = SettingsConfigDict(env_prefix="INTERLOCK_", frozen=True, extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(
        default=Path(".interlock"),
        description="Where embedded engines, keys, logs, dropped files and results live.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL (postgresql://user:password@host/name). Unset: an embedded PostgreSQL 18."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis or Valkey (redis://host:6379/0), the Celery broker. Unset: an embedded Valkey 9.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8400", description="How browsers and channels reach this hub; the issuer is below it."
    )
    host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    port: int = Field(default=8400, ge=1, le=65535, description="The TCP port the API listens on.")
    worker_processes: int = Field(default=2, ge=1, le=256, description="Prefork processes of one Celery worker.")
    database_connections: int = Field(
        default=10, ge=1, le=200, description="Most database connections one process may hold."
    )
    requests_at_once: int = Field(
        default=256, ge=1, le=100_000, description="Most requests of one caller that an API process works on at once."
    )
    strangers_per_minute: int = Field(
        default=6000,
        ge=10,
        le=10_000_000,
        description="Requests a minute without proof from one network address, per API process; a bad proof counts as"
        " ten. Behind a proxy everybody has the proxy's address.",
    )
    clock_file: Path | None = Field(
        default=None, description="Simulated time, shared by all processes. For the demo and tests only."
    )
    allow_private_callbacks: bool = Field(
        default=False, description="Whether deliveries may go to private and loopback addresses (the demo needs it)."
    )
    drop_keep_days: int = Field(
        default=7,
        ge=0,
        le=3650,
        description="Days after which taken dropped files, which are plain text with people's names, are deleted.",
    )
    incomplete_after_minutes: int = Field(
        default=60,
        ge=1,
        le=100_000,
        description="Minutes after which an order that began in the middle, and whose sale nobody told, is a case.",
    )
    field_key: Key | None = Field(
        default=None,
        description="Key that seals personal data (32 bytes, URL-safe base64). Unset: data_dir/keys/field.",
    )
    blind_index_key: Key | None = Field(
        default=None, description="Key of the look-up index over sealed data. Unset: data_dir/keys/blind_index."
    )
    audit_key: Key | None = Field(default=None, description="Key of the audit chain. Unset: data_dir/keys/audit.")

    @classmethod
    def load(cls) -> Settings:
        """Read the environment. Raises pydantic.ValidationError naming each wrong setting."""
        return cls()

    def keys(self) -> Keys:
        """The secret keys: as configured, or from `data_dir/keys`, where missing ones are made on first use."""
        directory = DataDirectory.prepare(self.data_dir)
        configured = {"field": self.field_key, "blind_index": self.blind_index_key, "audit": self.audit_key}
        values = {
            name: decode_key(secret.get_secret_value() if secret is not None else directory.secret(name))
            for name, secret in configured.items()
        }
        return Keys(**values)

    def database(self) -> str:
        """The URL of PostgreSQL; starts the embedded one, and only that, when none is configured. Idempotent."""
        return revealed(self.database_url) or start_postgres(self.data_dir).url

    def engines(self) -> Engines:
        """Start the engines that have no configured URL, and say where both answer. Idempotent."""
        return start_engines(self.data_dir, revealed(self.database_url), revealed(self.redis_url))

    def described(self) -> list[tuple[str, str, str]]:
        """(environment variable, value, description) of every setting, secrets masked."""
        prefix = self.model_config["env_prefix"]
        return [
            (f"{prefix}{name}".upper(), _shown(getattr(self, name)), field.description or "")
            for name, field in type(self).model_fields.items()
        ]


def revealed(secret: SecretStr | None) -> str | None:
    """The text of a secret, for the one place that uses it."""
    return None if secret is None else secret.get_secret_value()


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return MASK if isinstance(value, SecretStr) else str(value)
