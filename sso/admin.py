"""What the operator does from the command line. Every function takes the wired `Provider` and commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sso import audit, clients, keys, logout, registering, sessions, telling
from sso.clients import SECRET_LENGTH_MIN, Client, check_client_uri
from sso.keys import KeyLife
from sso.people import authenticators, identities, lockout
from sso.people.identities import STAFF_ROLES, Identity
from sso.ports import digest
from sso.provider import SCOPES_SUPPORTED, USER_SCOPES, Provider
from sso.sessions import Session
from sso.telling import Telling


@dataclass(frozen=True, slots=True)
class Registration:
    """A client to be registered. Without `secret` and keys it is public: an app or a page in a browser.

    secret: at least 32 characters of randomness; kept as a digest only.
    jwks, jwks_uri: the client's public keys, or where they are; it then proves itself by `private_key_jwt` (RFC 7523).
    redirect_uris: exact URIs for the code grant (none: the client cannot log people in with a browser).
    further_grants: grant types beside those that redirect_uris and client_credentials bring.
    The other fields are those of `sso.clients.Client`.
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
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    further_grants: Sequence[str] = ()
    require_pkce: bool = True
    require_par: bool = False
    require_dpop: bool = False
    audiences: Sequence[str] = ()
    resource: str | None = None
    consent: str = "implicit"
    ciba_mode: str | None = None
    notification_uri: str | None = None
    may_act: bool = False

    @property
    def auth_methods(self) -> list[str]:
        """How the client proves itself: by its key, by its secret, or (a public one) not at all."""
        if self.jwks is not None or self.jwks_uri is not None:
            return ["private_key_jwt"]
        return ["client_secret_basic", "client_secret_post"] if self.secret else ["none"]


def register_client(provider: Provider, registration: Registration) -> Client:
    """Register a client, or replace its registration. Raises ValueError with the rule that was broken."""
    _check(provider, registration)
    grant_types = ["authorization_code", "refresh_token"] if registration.redirect_uris else []
    if registration.client_credentials:
        grant_types.append("client_credentials")
    grant_types += [each for each in registration.further_grants if each not in grant_types]
    client = Client(
        client_id=registration.client_id,
        name_zh=registration.name_zh,
        name_en=registration.name_en,
        auth_methods=registration.auth_methods,
        secret_digest=digest(registration.secret) if registration.secret else None,
        redirect_uris=list(registration.redirect_uris),
        post_logout_redirect_uris=list(registration.post_logout_redirect_uris),
        backchannel_logout_uri=registration.backchannel_logout_uri,
        grant_types=grant_types,
        scopes=list(registration.scopes),
        channel=registration.channel,
        id_token_algorithm=registration.id_token_algorithm,
        jwks=registration.jwks,
        jwks_uri=registration.jwks_uri,
        require_pkce=registration.require_pkce,
        require_par=registration.require_par,
        require_dpop=registration.require_dpop,
        audiences=list(registration.audiences),
        resource=registration.resource,
        consent=registration.consent,
        ciba_mode=registration.ciba_mode,
        notification_uri=registration.notification_uri,
        may_act=registration.may_act,
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
    if registration.secret is not None and registration.auth_methods == ["private_key_jwt"]:
        raise ValueError("a client proves itself by a key or by a secret, not by both")
    if registration.client_credentials and registration.auth_methods == ["none"]:
        raise ValueError("client_credentials needs a secret or a key")
    own_scopes_only = all(scope.startswith("hub:") for scope in registration.scopes)
    if registration.client_credentials and not own_scopes_only and not registration.may_act:
        raise ValueError("a client that speaks for itself can hold hub: scopes only, never a person's or a role")
    if registration.may_act and (registration.auth_methods == ["none"] or registration.resource is None):
        raise ValueError("a client that acts for people needs a secret or a key, and a resource of its own")
    for uri in registration.redirect_uris:
        check_client_uri(uri, provider.options, custom_scheme=True)
    for uri in registration.post_logout_redirect_uris:
        check_client_uri(uri, provider.options, custom_scheme=True)
    for fetched in (registration.backchannel_logout_uri, registration.jwks_uri, registration.notification_uri):
        if fetched is not None:
            check_client_uri(fetched, provider.options)


def create_initial_access_token(
    provider: Provider, label: str, scopes: Sequence[str], uses: int = 1, lifetime: timedelta = timedelta(days=7)
) -> str:
    """Let somebody register clients by themselves (RFC 7591); answers the token, which is kept as a digest only.

    label: whom it is for. scopes: the most that such a client may ask of people; roles and channels' scopes are the
    operator's own. Raises ValueError with the rule that was broken.
    """
    if not scopes or set(scopes) - set(USER_SCOPES):
        raise ValueError(f"scopes of a client that registers itself: some of {', '.join(USER_SCOPES)}")
    if not 1 <= uses <= 1_000 or not timedelta(0) < lifetime <= timedelta(days=90):
        raise ValueError("an initial access token is good for 1 to 1000 registrations and at most 90 days")
    with provider.pool.connection() as connection:
        return registering.give_leave(connection, label, list(scopes), uses, lifetime, provider.clock(), provider.mint)


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


def set_password(provider: Provider, login: str, password: str, *, alone: bool = False) -> bool:
    """Set somebody's password and end all their sessions (an intruder's with them). False when nobody has that login.

    alone: nothing else proves them any more, for who lost their device: passkeys, app and recovery codes are forgotten.
    Raises ValueError when the password is too short or too long.
    """
    password_hash = _hash(provider, password)
    now = provider.clock()
    with provider.pool.connection() as connection:
        identity = identities.by_login(connection, provider.cipher, login)
        if identity is None:
            return False
        (authenticators.forget_all if alone else authenticators.forget_pending)(connection, identity.identity_id)
        identities.set_password_hash(connection, identity.identity_id, password_hash, now)
        lockout.unlock(connection, identity.identity_id)
        logout.end_all_sessions(
            connection, identity.identity_id, "password_changed", now, provider.options, provider.mint
        )
        audit.record(connection, now, "password_set", identity_id=identity.identity_id, alone=alone)
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


def undelivered_logouts(provider: Provider, limit: int = 500) -> list[Telling]:
    """Clients that could not be told of a logout: given up, or failed and tried again; oldest first."""
    with provider.pool.connection() as connection:
        return telling.undelivered(connection, limit)


def retry_logouts(provider: Provider, client_ids: Sequence[str]) -> int:
    """Tell these clients again of every logout that was given up; answers how many."""
    with provider.pool.connection() as connection:
        return telling.retry(connection, client_ids, provider.clock())


def list_keys(provider: Provider) -> list[KeyLife]:
    """Every signing key, newest first, with what it is now: next, signing, retired, past or withdrawn."""
    provider.keys.refresh()  # makes the first keys, so that a fresh installation has something to show
    with provider.pool.connection() as connection:
        return keys.every(connection, provider.clock(), provider.options)


def rotate_key(provider: Provider, algorithm: str, *, at_once: bool = False) -> str:
    """Publish a new key (`ES256` or `RS256`) that signs after `key_publish_ahead`; answers its kid.

    The old one verifies for `key_overlap` more. at_once: for an emergency, see `keys.rotate`.
    """
    if algorithm not in keys.ALGORITHMS:
        raise ValueError(f"algorithm: one of {', '.join(keys.ALGORITHMS)}")
    with provider.pool.connection() as connection:
        return keys.rotate(connection, algorithm, provider.cipher, provider.clock(), provider.options, at_once=at_once)


def withdraw_key(provider: Provider, kid: str) -> bool:
    """Stop believing a key that leaked, see `keys.withdraw`. False: unknown or withdrawn before."""
    with provider.pool.connection() as connection:
        return keys.withdraw(connection, kid, provider.cipher, provider.clock())


_KEEP_FOR = timedelta(days=1)
_PRUNABLE = (
    "DELETE FROM sso.interaction WHERE expires_at < %s",
    "DELETE FROM sso.phone_challenge WHERE expires_at < %s",
    "DELETE FROM sso.attempt_counter WHERE updated_at < %s",
    "DELETE FROM sso.passkey_challenge WHERE expires_at < %s",
    "DELETE FROM sso.code WHERE expires_at < %s",
    "DELETE FROM sso.link_proof WHERE expires_at < %s",
    "DELETE FROM sso.link_voucher WHERE expires_at < %s",
    "DELETE FROM sso.window_request WHERE expires_at < %s",
    "DELETE FROM sso.pushed_request WHERE expires_at < %s",
    "DELETE FROM sso.spent WHERE expires_at < %s",
    "DELETE FROM sso.approval WHERE expires_at < %s",
    "DELETE FROM sso.user_code_guess WHERE at < %s",
)


def prune(provider: Provider) -> int:
    """Remove what ended more than a day ago and can no longer matter; answers how many rows.

    Waiting logins, phone codes, failed attempts, authorization codes and requests for approval, all of which
    strangers can cause to be written. Sessions, grants, refresh tokens and the audit stay: a leaked refresh token is
    recognised by them.
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
