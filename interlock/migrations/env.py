"""How Alembic runs our migrations: one process at a time, and never waiting long for somebody else's lock."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

# Any fixed number serves; this one is the ASCII of "ilockmig".
ADVISORY_LOCK = 0x696C6F636B6D6967
# A migration that waits for a lock makes everyone behind it wait too; better to fail and be run again.
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def run(connection: Connection) -> None:
    """Migrate over `connection`, holding an advisory lock: a second migration waits, then finds nothing to do."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    try:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        # After a failed migration the transaction is dead, and only a rollback lets us release the lock.
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()


def main() -> None:
    """Use the connection that `interlock.database` passes in, or `-x url=...` of the `alembic` command."""
    if context.is_offline_mode():
        raise SystemExit("migrations need a database: they take locks and look at what is there")
    passed: Connection | None = context.config.attributes.get("connection")
    if passed is not None:
        run(passed)
        return
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


main()
