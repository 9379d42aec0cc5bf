"""Identities: passengers and staff, and how they are found."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection, sql
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from sso.ports import FieldCipher

STAFF_ROLES = ("operator", "finance", "auditor", "admin", "window")

_LOGIN_NAME = re.compile(r"[a-z][a-z0-9._-]{2,39}")
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_SEPARATORS = re.compile(r"[\s()-]")


class IdentityTaken(Exception):
    """The login name or the phone number already belongs to an identity."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who can log in. `phone_sealed` opens with the field cipher only."""

    identity_id: UUID
    kind: str
    login_name: str | None
    display_name: str
    password_hash: str | None
    phone_sealed: str | None
    roles: list[str]
    locale: str
    updated_at: datetime

    @property
    def subject(self) -> str:
        """The `sub` claim. A UUID, so it can never equal a client's subject (`client:...`)."""
        return str(self.identity_id)


def compact_phone(text: str) -> str | None:
    """The number in E.164, or None when it is not a phone number; a mainland number may omit +86.

    >>> compact_phone("138 0013 8000")
    '+8613800138000'
    >>> compact_phone("liwei") is None
    True
    """
    number = _SEPARATORS.sub("", text)
    if re.fullmatch(r"1[3-9][0-9]{9}", number):
        number = "+86" + number
    elif number.startswith("0086"):
        number = "+" + number[2:]
    return number if _PHONE.fullmatch(number) else None


def compact_login_name(text: str) -> str | None:
    """The login name in lower case, or None when it breaks the rule (a letter, then 2 to 39 of a-z 0-9 . _ -).

    >>> compact_login_name(" Li.Wei ")
    'li.wei'
    """
    name = text.strip().lower()
    return name if _LOGIN_NAME.fullmatch(name) else None


_BY_ID, _BY_PHONE, _BY_LOGIN_NAME = (
    sql.SQL(
        """SELECT identity_id, kind, login_name, display_name, password_hash, phone_sealed, roles, locale, updated_at
           FROM sso.identity WHERE disabled_at IS NULL AND {} = %s"""
    )
    .format(sql.Identifier(column))
    .as_string()
    for column in ("identity_id", "phone_blind", "login_name")
)


def load(connection: Connection, identity_id: UUID) -> Identity | None:
    """The identity, unless it is unknown or disabled."""
    return _one(connection, _BY_ID, identity_id)


def by_phone(connection: Connection, cipher: FieldCipher, phone: str) -> Identity | None:
    """The identity that proved this phone number (E.164)."""
    return _one(connection, _BY_PHONE, cipher.blind(f"phone:{phone}"))


def sleeps(connection: Connection, cipher: FieldCipher, phone: str) -> bool:
    """Whether the number is kept for an account that was joined to another one and can still be parted from it."""
    row = connection.execute(
        "SELECT 1 FROM sso.identity WHERE phone_blind = %s AND joined_to IS NOT NULL", (cipher.blind(f"phone:{phone}"),)
    ).fetchone()
    return row is not None


def by_login(connection: Connection, cipher: FieldCipher, login: str) -> Identity | None:
    """The identity that a person means by what they typed: a phone number or a login name."""
    if phone := compact_phone(login):
        return by_phone(connection, cipher, phone)
    name = compact_login_name(login)
    return _one(connection, _BY_LOGIN_NAME, name) if name else None


def _one(connection: Connection, query: str, value: object) -> Identity | None:
    with connection.cursor(row_factory=class_row(Identity)) as cursor:
        cursor.execute(query, (value,))
        return cursor.fetchone()


def add(connection: Connection, cipher: FieldCipher, identity: Identity, phone: str | None, now: datetime) -> None:
    """Store a new identity; `phone` must have been proven by its holder or vouched for by staff.

    Raises IdentityTaken when the login name or the phone number is in use; the transaction stays usable.
    """
    try:
        with connection.transaction():
            connection.execute(
                """INSERT INTO sso.identity (identity_id, kind, login_name, display_name, password_hash, phone_sealed,
                       phone_blind, roles, locale, created_at, updated_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    identity.identity_id,
                    identity.kind,
                    identity.login_name,
                    identity.display_name,
                    identity.password_hash,
                    cipher.seal(phone) if phone else None,
                    cipher.blind(f"phone:{phone}") if phone else None,
                    identity.roles,
                    identity.locale,
                    now,
                    now,
                ),
            )
    except UniqueViolation as taken:
        raise IdentityTaken(identity.login_name) from taken


def set_password_hash(connection: Connection, identity_id: UUID, password_hash: str, now: datetime) -> None:
    """Replace the password's hash."""
    connection.execute(
        "UPDATE sso.identity SET password_hash = %s, updated_at = %s WHERE identity_id = %s",
        (password_hash, now, identity_id),
    )
