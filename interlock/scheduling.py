"""The schedule of reconciliation, wired: files from the drop folder, their dates by the readers of statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from celery import Celery

from interlock.reconciling import reconciler_of
from interlock.wiring import Hub
from reconciliation.runs import ReconOptions
from reconciliation.schedule import Scheduler
from reconciliation.sources.statement import Readings
from reconciliation.statements import formats
from reconciliation.vault import Vault

# Files that are still being written, and notes beside files.
NOT_STATEMENTS = {".writing", ".json"}


def scheduler_of(hub: Hub, celery: Celery | None = None) -> Scheduler:
    """The schedule over a wired hub; with ``celery`` a run's pieces are worked on by the lane ``bulk``."""
    options = ReconOptions(hub.data_dir)
    vault = Vault(options.raw)
    # Where a run reads the same file again it finds this reading.
    readings = Readings(vault, options.datasets.parent / "readings", formats(options.datasets.parent / "formats"))
    root = hub.data_dir / "drop" / "statements"

    def files(source: str) -> Iterable[tuple[str, Path]]:
        folder = root / source
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [(path.name, path) for path in found if path.is_file() and path.suffix not in NOT_STATEMENTS]

    def dates_of(source: str, path: Path) -> tuple[tuple[date, ...], str | None]:
        reading = readings.read(source, vault.keep_file(path), path.name)
        days = (reading.business_date,) if reading.business_date is not None else ()
        return days, reading.refused

    return Scheduler(
        hub.pool, reconciler_of(hub, celery), files, dates_of, hub.clock, options.data_dir, options.definitions
    )
