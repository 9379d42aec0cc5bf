"""Ten codes on paper, each good once as a second step, for the day the phone is lost."""

from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso.ports import FieldCipher, Minter

COUNT = 10
DIGITS = 10


def make(connection: Connection, cipher: FieldCipher, mint: Minter, identity_id: UUID, now: datetime) -> list[str]:
    """Ten new codes, shown this once; those of before are worth nothing from now on."""
    forget(connection, identity_id)
    codes = [mint.digits(DIGITS) for _ in range(COUNT)]
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO sso.recovery_code (identity_id, code_blind, created_at) VALUES (%s, %s, %s)
               ON CONFLICT DO NOTHING""",
            [(identity_id, _blind(cipher, identity_id, code), now) for code in codes],
        )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def accept(connection: Connection, cipher: FieldCipher, identity_id: UUID, code: str, now: datetime) -> bool:
    """Whether the code is one of theirs and was not used before; it is used up then."""
    digits = "".join(character for character in code if character.isascii() and character.isdigit())
    used = connection.execute(
        """UPDATE sso.recovery_code SET consumed_at = %s
           WHERE identity_id = %s AND code_blind = %s AND consumed_at IS NULL""",
        (now, identity_id, _blind(cipher, identity_id, digits)),
    )
    return used.rowcount == 1


def left(connection: Connection, identity_id: UUID) -> int:
    """How many codes are still good."""
    query = "SELECT count(*) FROM sso.recovery_code WHERE identity_id = %s AND consumed_at IS NULL"
    row = connection.execute(query, (identity_id,)).fetchone()
    return int(row[0]) if row else 0


def forget(connection: Connection, identity_id: UUID) -> None:
    """None of the codes is good any more."""
    connection.execute("DELETE FROM sso.recovery_code WHERE identity_id = %s", (identity_id,))


def _blind(cipher: FieldCipher, identity_id: UUID, code: str) -> str:
    # Ten digits could be guessed from a plain hash: the keyed digest cannot be, without the key.
    return cipher.blind(f"recovery_code:{identity_id}:{code}")
