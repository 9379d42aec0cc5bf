"""Seats as a source: two valid tickets on overlapping legs of one seat of one train run.

Stop indexes decide where both tickets have them, else the instants of the two ends: a run passes its stops in order.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path

import duckdb

from reconciliation.rows import Row

_COLUMNS = tuple(f.name for f in fields(Row))

_PAIRS = f"""
WITH valid AS (
    SELECT * FROM read_parquet($paths)
    WHERE kind = 'ticket' AND state = 'issued' AND train_run IS NOT NULL AND seat IS NOT NULL
)
SELECT {", ".join(f'a."{name}"' for name in _COLUMNS)}, {", ".join(f'b."{name}"' for name in _COLUMNS)}
FROM valid a JOIN valid b ON a.train_run = b.train_run AND a.seat = b.seat AND a.key < b.key
WHERE ($date IN (a.sold_on, b.sold_on) OR a.actors <> '' OR b.actors <> '') AND CASE
    WHEN a.leg_from IS NOT NULL AND a.leg_to IS NOT NULL AND b.leg_from IS NOT NULL AND b.leg_to IS NOT NULL
        THEN a.leg_from < b.leg_to AND b.leg_from < a.leg_to
    WHEN a.leg_departs IS NOT NULL AND a.leg_arrives IS NOT NULL
        AND b.leg_departs IS NOT NULL AND b.leg_arrives IS NOT NULL
        THEN a.leg_departs < b.leg_arrives AND b.leg_departs < a.leg_arrives
    ELSE false
END
ORDER BY a.key, b.key
"""


def double_sold(paths: Sequence[Path], business_date: date) -> list[tuple[Row, Row]]:
    """Every pair of valid tickets that cannot both be seated, the smaller ticket number first.

    A pair belongs to the business date when one of its tickets was sold or acted on then; the other may be older.
    """
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 1")
        found = engine.execute(
            _PAIRS, {"paths": [str(path) for path in paths], "date": business_date.isoformat()}
        ).fetchall()
    width = len(_COLUMNS)
    return [(Row(*record[:width]), Row(*record[width:])) for record in found]
