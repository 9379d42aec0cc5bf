"""Every setting, read once from the environment (`INTERLOCK_...`) and passed on as small frozen values.

Nothing outside this file reads the environment, and no other room ever sees `Settings`: the wiring hands each room the
few values it needs.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from interlock.engines import Engines, start_engines, start_postgres
from interlock.engines.directory import DataDirectory

KEY_BYTES = 32
MASK = "********"


@dataclass(frozen=True)
class Keys:
    """Secret keys of 32 bytes each. `field` seals the keys of people, `blind_index` finds people again, `audit` signs.

    `former`: field keys of before, newest first, under which something may still be sealed.
    """

    field: bytes
    former: tuple[bytes, ...]
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


def decode_keys(text: str) -> tuple[bytes, ...]:
    """One key or several, with commas or line ends between them. Raises ValueError on anything else, and on none."""
    keys = tuple(decode_key(part.strip()) for part in text.replace(",", "\n").splitlines() if part.strip())
    if not keys:
        raise ValueError("there is no key")
    return keys


def encode_keys(keys: Sequence[bytes]) -> str:
    """Keys as the key file holds them, one a line."""
    return "\n".join(base64.urlsafe_b64encode(key).decode().rstrip("=") for key in keys)


def _checked_key(secret: SecretStr) -> SecretStr:
    decode_key(secret.get_secret_value())
    return secret


def _checked_keys(secret: SecretStr) -> SecretStr:
    decode_keys(secret.get_secret_value())
    return secret


Key = Annotated[SecretStr, AfterValidator(_checked_key)]
FieldKeys = Annotated[SecretStr, AfterValidator(_checked_keys)]


class AccountService(BaseModel):
    """Where one channel answers for its accounts of before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
    secret: SecretStr
    proofs: frozenset[Literal["password", "code"]] = frozenset()
    seconds: Annotated[float, Field(gt=0, le=60)] = 5.0


class Settings(BaseSettings):
    """All settings. `Settings.load()` reads them; `described()` shows them with secrets masked."""

    model_config = SettingsConfigDict(
        env_prefix="INTERLOCK_",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # what does not fit may be a key all the same
    )

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
    api_processes: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="API processes of `interlock up`. Unset: one for every two cores, as PostgreSQL needs the others.",
    )
    worker_processes: int = Field(default=2, ge=1, le=256, description="Prefork processes of one Celery worker.")
    database_connections: int = Field(
        default=10, ge=1, le=200, description="Most database connections one process may hold."
    )
    database_wait_seconds: float = Field(
        default=5.0, gt=0, le=300, description="Seconds a request waits for a database connection; then it is told 503."
    )
    database_statement_seconds: float = Field(
        default=20.0,
        gt=0,
        le=3600,
        description="Seconds after which an API process gives up a statement of SQL; the request is told 503.",
    )
    requests_at_once: int = Field(
        default=256, ge=1, le=100_000, description="Most requests of one caller that an API process works on at once."
    )
    strangers_per_minute: int = Field(
        default=6000,
        ge=10,
        le=10_000_000,
        description="Requests a minute without proof from one network address, over all API processes; a bad proof"
        " counts as ten. Behind a proxy everybody has the proxy's address.",
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
    idempotency_hours: int = Field(
        default=24,
        ge=1,
        le=8760,
        description="Hours for which the answer to an act with an Idempotency-Key is kept and given again.",
    )
    recon_schedule: bool = Field(
        default=True,
        description="Whether workers reconcile each date when its calendars make it due. False: only by hand.",
    )
    recon_engine: Literal["duckdb", "spark"] = Field(
        default="duckdb",
        description="What matches the two sides of a comparison. `spark` finds the same and needs pyspark and Java 17;"
        " see docs/how-to/use-spark-instead-of-duckdb.md.",
    )
    incomplete_after_minutes: int = Field(
        default=60,
        ge=1,
        le=100_000,
        description="Minutes after which an order that began in the middle, and whose sale nobody told, is a case.",
    )
    phone_gateway_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="Where codes and notices to phones are posted (JSON, signed by Standard Webhooks). Unset: they are"
        " appended to data_dir/outbox/codes.jsonl.",
    )
    phone_gateway_secret: SecretStr | None = Field(
        default=None, description="Key of that signature (base64, also as whsec_...). Needed with the URL."
    )
    phone_gateway_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Seconds to wait for the gateway's answer; then the person is told."
    )
    account_services: dict[str, AccountService] = Field(
        default_factory=dict,
        description="Channels whose accounts of before can be linked to a login, as JSON: by channel `url`, `secret`"
        ' (signs as for the gateway), `proofs` (of "password" and "code") and `seconds` to wait. Empty: none.',
    )
    argon2_memory_kib: int = Field(
        default=19_456, ge=19_456, le=4_194_304, description="Memory of one password's hash (argon2id), in KiB."
    )
    argon2_passes: int = Field(default=2, ge=1, le=100, description="Passes over that memory.")
    argon2_lanes: int = Field(default=1, ge=1, le=64, description="Lanes (threads) of one password's hash.")
    step_up_minutes: int = Field(
        default=15,
        ge=0,
        le=1440,
        description="Minutes for which a login with two factors is good for approvals, withdrawals and erasing a"
        " person; then they are proven again. 0: any login of somebody with the role will do.",
    )
    field_key: FieldKeys | None = Field(
        default=None,
        description="Key that seals the keys of people (32 bytes, URL-safe base64); several with commas, newest first."
        " Unset: data_dir/keys/field.",
    )
    blind_index_key: Key | None = Field(
        default=None,
        description="Key of the look-up index over sealed data; does not rotate. Unset: data_dir/keys/blind_index.",
    )
    audit_key: Key | None = Field(default=None, description="Key of the audit chain. Unset: data_dir/keys/audit.")

    @model_validator(mode="after")
    def _gateway_has_its_secret(self) -> Self:
        if (self.phone_gateway_url is None) != (self.phone_gateway_secret is None):
            raise ValueError("phone_gateway_url and phone_gateway_secret belong together")
        return self

    @classmethod
    def load(cls) -> Settings:
        """Read the environment. Raises pydantic.ValidationError naming each wrong setting."""
        return cls()

    def keys(self) -> Keys:
        """The secret keys: as configured, or from `data_dir/keys`, where missing ones are made on first use."""
        directory = DataDirectory.prepare(self.data_dir)
        configured = {"blind_index": self.blind_index_key, "audit": self.audit_key}
        values = {
            name: decode_key(secret.get_secret_value() if secret is not None else directory.secret(name))
            for name, secret in configured.items()
        }
        if self.field_key is None:
            directory.secret("field")
        field, *former = self.field_keys()
        return Keys(field=field, former=tuple(former), **values)

    def field_keys(self) -> tuple[bytes, ...]:
        """The field keys as they are now, newest first: the key file may change while we run (`interlock keys`).

        Raises OSError when there is no file: one that is lost is never replaced by another key.
        """
        if self.field_key is not None:
            return decode_keys(self.field_key.get_secret_value())
        return decode_keys(self.field_key_file.read_text(encoding="ascii"))

    @property
    def field_key_file(self) -> Path:
        return self.data_dir.expanduser().resolve() / "keys" / "field"

    def api_process_count(self) -> int:
        """How many API processes share the port."""
        return self.api_processes or max(1, (os.cpu_count() or 1) // 2)

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
