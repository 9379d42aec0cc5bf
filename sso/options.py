"""The provider's settings as one frozen record; the composition root fills it, nothing here reads the environment."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """Whether `host` names this machine only (RFC 8252 section 7.3)."""
    if host == "localhost":
        return True
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Argon2Options:
    """argon2id cost. The default is OWASP's 19 MiB, two passes, one lane (about 22 ms of CPU)."""

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """How long a session may stand unused, and how long in all."""

    idle: timedelta
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class ApprovalOptions:
    """Requests that wait for an approval on the person's own phone (RFC 8628, CIBA).

    interval: the least time between two polls. guesses: how many user codes that nobody was shown a person, or all
    the people behind one address, may try `counted_within`; behind a proxy all have the proxy's address, so that
    limit is wide. devices_per_address: how many requests devices that prove nothing may start from one address in the
    same time. requests_per_hour: how often clerks may ask one person; codes to their phone are bounded by
    `phone_codes_per_hour` besides.
    """

    device_lifetime: timedelta = timedelta(minutes=10)
    call_lifetime: timedelta = timedelta(minutes=5)
    call_lifetime_max: timedelta = timedelta(minutes=10)
    interval: timedelta = timedelta(seconds=5)
    guesses_per_person: int = 10
    guesses_per_address: int = 600
    devices_per_address: int = 600
    counted_within: timedelta = timedelta(minutes=15)
    requests_per_hour: int = 20
    ping_backoff: timedelta = timedelta(seconds=2)
    ping_backoff_max: timedelta = timedelta(seconds=30)
    ping_lease: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SsoOptions:
    """Everything the provider can be told.

    issuer: absolute URL without trailing slash, query or fragment; every URL we hand out is built from it, never
        from a Host or X-Forwarded header. https, or http on loopback.
    hub_audience: the resource indicator (RFC 8707) of the hub API; the audience of every access token.
    first_proof_lifetime: for how long after a login one more proof makes it multi-factor; later, both are asked for.
    recovery_lifetime: how long a recovery begun at a window may take, from the first clerk to the new password.
    order_url: where a person reads an order that an agent has worked on; `{order_id}` in it is the order's id. Without
        it the page of their agents shows the id alone.
    plain_http_hosts: hosts that client URIs may name with http (a compose network); loopback is always allowed.
    Raises ValueError when the issuer breaks these rules.
    """

    issuer: str
    hub_audience: str
    secure_cookies: bool = True
    default_locale: str = "zh-CN"
    order_url: str | None = None
    plain_http_hosts: frozenset[str] = frozenset()
    argon2: Argon2Options = field(default_factory=Argon2Options)
    password_length_min: int = 8

    code_lifetime: timedelta = timedelta(seconds=60)
    access_token_lifetime: timedelta = timedelta(minutes=5)
    agent_token_lifetime: timedelta = timedelta(minutes=10)
    id_token_lifetime: timedelta = timedelta(minutes=5)
    logout_token_lifetime: timedelta = timedelta(minutes=2)
    refresh_token_lifetime: timedelta = timedelta(days=2)
    refresh_grace: timedelta = timedelta(seconds=10)
    refresh_grace_uses: int = 2
    pushed_request_lifetime: timedelta = timedelta(seconds=60)
    assertion_lifetime_max: timedelta = timedelta(minutes=10)
    session_idle: timedelta = timedelta(days=2)
    session_lifetime: timedelta = timedelta(days=14)
    window_session: SessionSpan = SessionSpan(timedelta(minutes=15), timedelta(hours=1))
    call_session: SessionSpan = SessionSpan(timedelta(minutes=30), timedelta(hours=1))
    agent_session: SessionSpan = SessionSpan(timedelta(hours=1), timedelta(hours=12))
    interaction_lifetime: timedelta = timedelta(minutes=15)
    key_publish_ahead: timedelta = timedelta(minutes=10)
    key_overlap: timedelta = timedelta(hours=24)
    keys_reread_after: timedelta = timedelta(seconds=60)

    lockout_failures: int = 5
    lockout_duration: timedelta = timedelta(minutes=15)
    phone_code_lifetime: timedelta = timedelta(minutes=5)
    phone_code_interval: timedelta = timedelta(seconds=60)
    phone_codes_per_hour: int = 5
    passkey_site_name: str = "Interlock"
    passkey_challenge_lifetime: timedelta = timedelta(minutes=5)
    first_proof_lifetime: timedelta = timedelta(hours=12)
    recovery_lifetime: timedelta = timedelta(minutes=30)
    approvals: ApprovalOptions = field(default_factory=ApprovalOptions)

    logout_attempts_max: int = 12
    logout_backoff: timedelta = timedelta(seconds=5)
    logout_backoff_max: timedelta = timedelta(hours=1)
    logout_lease: timedelta = timedelta(seconds=60)
    logout_receipt_lifetime: timedelta = timedelta(hours=4)  # longer than all attempts together

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("issuer must be an absolute http(s) URL without query and fragment")
        if self.issuer.endswith("/"):
            raise ValueError("issuer must not end with a slash")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("issuer must be https unless it is on loopback")

    def session_span(self, kind: str) -> SessionSpan:
        """How long a session of this kind lasts: short where others sit at the same device."""
        short = {"window": self.window_session, "call": self.call_session, "agent": self.agent_session}
        return short.get(kind) or SessionSpan(self.session_idle, self.session_lifetime)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer, as a browser writes it into `Origin`."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, path: str) -> str:
        """The absolute URL of one of our own paths (`/token`)."""
        return self.issuer + path
