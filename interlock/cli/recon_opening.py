"""What commands of `interlock recon` open: reconciliation over the hub, and what is said when that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg_pool import PoolTimeout

from interlock.cli.printing import fail
from interlock.engines import EngineError, find_postgres
from interlock.settings import Settings
from schemas.problems import ProblemError

if TYPE_CHECKING:
    from celery import Celery

    from reconciliation.runs import Reconciler


@contextmanager
def told() -> Iterator[None]:
    """Problems, and a database that is not there, as one sentence and its remedy."""
    try:
        yield
    except ProblemError as error:
        fail(error.problem.detail, error.problem.remedy)
    except psycopg.errors.UndefinedTable:
        fail("the database has no reconciliation yet", "Run `interlock migrate`.")
    except (EngineError, psycopg.OperationalError, PoolTimeout) as error:
        fail(f"the database cannot be reached: {error}", "`interlock up` starts it; `interlock doctor` says more.")


@contextmanager
def opened(celery: Celery | None = None) -> Iterator[Reconciler]:
    """Reconciliation for one command."""
    from interlock.reconciling import open_reconciler

    with told(), open_reconciler(running(Settings.load()), celery) as reconciler:
        yield reconciler


def running(settings: Settings) -> Settings:
    """The settings of a hub whose database runs: looking at a day starts no engine."""
    if settings.database_url is None and find_postgres(settings.data_dir) is None:
        fail("the database is not running", "Run `interlock up` first, or set INTERLOCK_DATABASE_URL.")
    return settings


def yuan(minor: int) -> str:
    """Minor units with two decimals."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"
