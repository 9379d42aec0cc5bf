"""What the operator does from the command line. Every function takes the wired `Provider` and commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sso import audit, clients, keys, logout, sessions
from sso.clients import SECRET_LENGTH_MIN, Client, check_client_uri
from sso.people import identities
from sso.people.identities import STAFF_ROLES, Identity
from sso.ports import digest
from sso.provider import SCOPES_SUPPORTED, USER_SCOPES, Provider
from sso.sessions import Session


@dataclass(frozen=True, slots=True)
class Registration:
    """A client to be registered. Without `secret` it is public: an app or a page in a browser.

    secret: at least 32 characters of randomness; kept as a digest only.
    redirect_uris: exact URIs for the code grant (none: the client cannot log people in).
    """

    client_id: str
    name_zh: str
    name_en: str
    scopes: Sequence[str]
    secret: str | None = None
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    backchannel_logout_uri: str | None = None
    client_credentials: bool = False
    channel: str | None = None
    id_token_algorithm: str = "RS256"


def register_client(provider: Provider, registration: Registration) -> Client:
    """Register a client, or replace its registration. Raises ValueError with the rule that was broken."""
    _check(provider, registration)
    grant_types = ["authorization_code", "refresh_token"] if registration.redirect_uris else []
    if registration.client_credentials:
        grant_types.append("client_credentials")
    client = Client(
        client_id=registration.client_id,
        name_zh=registration.name_zh,
        name_en=registration.name_en,
        auth_methods=["client_secret_basic", "client_secret_post"] if registration.secret else ["none"],
        secret_digest=digest(registration.secret) if registration.secret else None,
        redirect_uris=list(registration.redirect_uris),
        post_logout_redirect_uris=list(registration.post_logout_redirect_uris),
        backchannel_logout_uri=registration.backchannel_logout_uri,
        grant_types=grant_types,
        scopes=list(registration.scopes),
        channel=registration.channel,
        id_token_algorithm=registration.id_token_algorithm,
    )
    with provider.pool.connection() as connection:
        clients.save(connection, client, provider.clock())
        audit.record(connection, provider.clock(), "client_registered", client_id=client.client_id)
    return client


def _check(provider: Provider, registration: Registration) -> None:
    if not registration.client_id.isascii() or not registration.client_id.replace("-", "").isalnum():
        raise ValueError("client_id: letters, digits and hyphens")
    if unknown := set(registration.scopes) - set(SCOPES_SUPPORTED):
        raise ValueError(f"unknown scope: {', '.join(sorted(unknown))}")
    if registration.secret is not None and len(registration.secret) < SECRET_LENGTH_MIN:
        raise ValueError(f"a client secret needs at least {SECRET_LENGTH_MIN} characters")
    if registration.client_credentials and registration.secret is None:
        raise ValueError("client_credentials needs a secret")
    if registration.client_credentials and not all(scope.startswith("hub:") for scope in registration.scopes):
        raise ValueError("a client that speaks for itself can hold hub: scopes only, never a person's or a role")
    for uri in registration.redirect_uris:
        check_client_uri(uri, provider.options, custom_scheme=True)
    for uri in [*registration.post_logout_redirect_uris, *filter(None, [registration.backchannel_logout_uri])]:
        check_client_uri(uri, provider.options, custom_scheme=uri != registration.backchannel_logout_uri)


def disable_client(provider: Provider, client_id: str) -> bool:
    """Stop a client at once: no new tokens, and those that are checked for liveness are refused. False: unknown."""
    with provider.pool.connection() as connection:
        changed = connection.execute(
            "UPDATE sso.client SET disabled_at = %s WHERE client_id = %s AND disabled_at IS NULL",
            (provider.clock(), client_id),
        )
        if changed.rowcount:
            audit.record(connection, provider.clock(), "client_disabled", client_id=client_id)
        return changed.rowcount == 1


def create_staff(
    provider: Provider, login_name: str, display_name: str, password: str, roles: Sequence[str], locale: str = "zh-CN"
) -> Identity:
    """A staff account. `roles` are of operator, finance, auditor, admin.

    Raises ValueError for a bad name, role or password, IdentityTaken for a login name in use.
    """
    if unknown := set(roles) - set(STAFF_ROLES):
        raise ValueError(f"unknown role: {', '.join(sorted(unknown))}")
    return _create(provider, "staff", login_name, display_name, password, list(roles), None, locale)


def create_passenger(
    provider: Provider, login_name: str | None, display_name: str, password: str, phone: str, locale: str = "zh-CN"
) -> Identity:
    """A passenger's account whose phone number staff vouch for (a station window with the ID document; the demo).

    Raises ValueError for a bad name, phone number or password, IdentityTaken for a name or number in use.
    """
    number = identities.compact_phone(phone)
    if number is None:
        raise ValueError("this is not a phone number")
    return _create(provider, "passenger", login_name, display_name, password, [], number, locale)


def _create(
    provider: Provider,
    kind: str,
    login_name: str | None,
    display_name: str,
    password: str,
    roles: list[str],
    phone: str | None,
    locale: str,
) -> Identity:
    name = identities.compact_login_name(login_name) if login_name else None
    if login_name and name is None:
        raise ValueError("login name: a letter, then 2 to 39 of a-z 0-9 . _ -")
    identity = Identity(
        provider.mint.identifier(),
        kind,
        name,
        display_name,
        _hash(provider, password),
        None,
        roles,
        locale,
        provider.clock(),
    )
    with provider.pool.connection() as connection:
        identities.add(connection, provider.cipher, identity, phone, provider.clock())
        audit.record(connection, provider.clock(), f"{kind}_created", identity_id=identity.identity_id)
    return identity


def _hash(provider: Provider, password: str) -> str:
    if not provider.options.password_length_min <= len(password) <= 200:
        raise ValueError(f"a password needs {provider.options.password_length_min} to 200 characters")
    return provider.passwords.hash(password)


def set_password(provider: Provider, login: str, password: str) -> bool:
    """Set somebody's password and end all their sessions (an intruder's with them). False when nobody has that login.

    Raises ValueError when the password is too short or too long.
    """
    password_hash = _hash(provider, password)
    now = provider.clock()
    with provider.pool.connection() as connection:
        identity = identities.by_login(connection, provider.cipher, login)
        if identity is None:
            return False
        identities.set_password_hash(connection, identity.identity_id, password_hash, now)
        identities.forgive(connection, identities.guard_subject(identity, provider.cipher, login), "password")
        logout.end_all_sessions(
            connection, identity.identity_id, "password_changed", now, provider.options, provider.mint
        )
        audit.record(connection, now, "password_set", identity_id=identity.identity_id)
    return True


def list_sessions(provider: Provider, login: str) -> list[Session]:
    """Somebody's live sessions, newest first; empty also when nobody has that login."""
    with provider.pool.connection() as connection:
        identity = identities.by_login(connection, provider.cipher, login)
        if identity is None:
            return []
        return sessions.of_identity(connection, identity.identity_id, provider.clock(), provider.options)


def end_session(provider: Provider, session_id: UUID) -> bool:
    """End one session and tell its clients. False when it had ended or is unknown."""
    with provider.pool.connection() as connection:
        return logout.end_session(connection, session_id, "ended_by_operator", provider.clock(), provider.mint)


def rotate_key(provider: Provider, algorithm: str) -> str:
    """Sign with a new key from now on (`ES256` or `RS256`); answers its kid. The old one verifies for a day more."""
    if algorithm not in keys.ALGORITHMS:
        raise ValueError(f"algorithm: one of {', '.join(keys.ALGORITHMS)}")
    with provider.pool.connection() as connection:
        return keys.rotate(connection, algorithm, provider.cipher, provider.clock())


_KEEP_FOR = timedelta(days=1)
_PRUNABLE = (
    "DELETE FROM sso.interaction WHERE expires_at < %s",
    "DELETE FROM sso.phone_challenge WHERE expires_at < %s",
    "DELETE FROM sso.attempt_counter WHERE updated_at < %s",
    "DELETE FROM sso.code WHERE expires_at < %s",
)


def prune(provider: Provider) -> int:
    """Remove what ended more than a day ago and can no longer matter; answers how many rows.

    Waiting logins, phone codes, failed attempts and authorization codes, all of which strangers can cause to be
    written. Sessions, grants, refresh tokens and the audit stay: a leaked refresh token is recognised by them.
    """
    before = provider.clock() - _KEEP_FOR
    with provider.pool.connection() as connection:
        return sum(connection.execute(statement, (before,)).rowcount for statement in _PRUNABLE)


@dataclass(frozen=True, slots=True)
class DemoApplication:
    """Where a demo application (`web`, `app`) is reached."""

    redirect_uris: Sequence[str]
    post_logout_redirect_uris: Sequence[str] = ()
    backchannel_logout_uri: str | None = None


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody invented who can log in to the demo. `phone` for the passenger, `roles` for staff."""

    login_name: str
    display_name: str
    password: str
    phone: str | None = None
    roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything the demo wants registered. channel_secrets: by channel name (`web`, `app`, ...)."""

    applications: Mapping[str, DemoApplication]
    channel_secrets: Mapping[str, str]
    people: Sequence[DemoPerson] = field(default_factory=tuple)


_CHANNEL_NAMES = {
    "web": ("铁路网站", "Railway website"),
    "app": ("铁路手机应用", "Railway app"),
    "phone": ("电话订票", "Phone booking"),
    "agents": ("代售点", "Agents"),
    "windows": ("车站窗口", "Station windows"),
}


def seed_demo(provider: Provider, demo: Demo) -> None:
    """Register the demo's clients and people; run again, it brings them back to what `demo` says.

    Public clients `web`, `app`... for people, confidential clients `channel-<name>` with the scope `hub:messages` and
    the claim `channel` for the channels' systems. Existing people keep their id and get the given password again
    only if it no longer matches.
    """
    for name, application in demo.applications.items():
        chinese, english = _CHANNEL_NAMES.get(name, (name, name))
        register_client(
            provider,
            Registration(
                name,
                chinese,
                english,
                [*USER_SCOPES, *STAFF_ROLES],
                redirect_uris=application.redirect_uris,
                post_logout_redirect_uris=application.post_logout_redirect_uris,
                backchannel_logout_uri=application.backchannel_logout_uri,
                id_token_algorithm="ES256",
            ),
        )
    for channel, secret in demo.channel_secrets.items():
        chinese, english = _CHANNEL_NAMES.get(channel, (channel, channel))
        register_client(
            provider,
            Registration(
                f"channel-{channel}",
                f"{chinese}系统",
                f"{english} system",
                ["hub:messages", "hub:orders"],
                secret=secret,
                client_credentials=True,
                channel=channel,
            ),
        )
    for person in demo.people:
        _seed_person(provider, person)


def _seed_person(provider: Provider, person: DemoPerson) -> None:
    with provider.pool.connection() as connection:
        existing = identities.by_login(connection, provider.cipher, person.login_name)
    if existing is not None:
        if not provider.passwords.matches(existing.password_hash, person.password):
            set_password(provider, person.login_name, person.password)
    elif person.phone:
        create_passenger(provider, person.login_name, person.display_name, person.password, person.phone)
    else:
        create_staff(provider, person.login_name, person.display_name, person.password, person.roles)
