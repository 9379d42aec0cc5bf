"""Seats as a source: two valid tickets on overlapping legs of one seat of one train run.

Stop indexes decide where both tickets have them, else the instants of the two ends: a run passes its stops in order.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from reconciliation.datasets import KEY_HASH
from reconciliation.rows import Row

_COLUMNS = tuple(f.name for f in fields(Row))

_VALID = "kind = 'ticket' AND state = 'issued' AND train_run IS NOT NULL AND seat IS NOT NULL"

_OVERLAP = """CASE
    WHEN a.leg_from IS NOT NULL AND a.leg_to IS NOT NULL AND b.leg_from IS NOT NULL AND b.leg_to IS NOT NULL
        THEN a.leg_from < b.leg_to AND b.leg_from < a.leg_to
    WHEN a.leg_departs IS NOT NULL AND a.leg_arrives IS NOT NULL
        AND b.leg_departs IS NOT NULL AND b.leg_arrives IS NOT NULL
        THEN a.leg_departs < b.leg_arrives AND b.leg_departs < a.leg_arrives
    ELSE false
END"""

_SUSPECTS = f"""
CREATE TEMP TABLE suspects AS
WITH valid AS (
    SELECT hash(train_run, seat) AS place, {KEY_HASH}, leg_from, leg_to, leg_departs, leg_arrives,
           sold_on = $date OR actors <> '' AS of_the_date
    FROM read_parquet($paths) WHERE {_VALID}
)
SELECT DISTINCT unnest([a.{KEY_HASH}, b.{KEY_HASH}]) AS {KEY_HASH}
FROM valid a JOIN valid b ON a.place = b.place AND a.{KEY_HASH} < b.{KEY_HASH}
WHERE (a.of_the_date OR b.of_the_date) AND {_OVERLAP}
"""
"""Whom to look at: integers alone, a tenth of the memory of whole rows. A hash that two seats share is no harm."""

_SIDES = [(side, prefix, name) for side, prefix in (("a", "l"), ("b", "r")) for name in _COLUMNS]
_PAIRS = f"""
WITH valid AS (
    SELECT * FROM read_parquet($paths) SEMI JOIN suspects USING ({KEY_HASH}) WHERE {_VALID}
)
SELECT {", ".join(f'{side}."{name}" AS {prefix}_{name}' for side, prefix, name in _SIDES)}
FROM valid a JOIN valid b ON a.train_run = b.train_run AND a.seat = b.seat AND a.key < b.key
WHERE ($date IN (a.sold_on, b.sold_on) OR a.actors <> '' OR b.actors <> '') AND {_OVERLAP}
ORDER BY a.key, b.key
"""


def double_sold(paths: Sequence[Path], business_date: date) -> pa.Table:
    """Every pair of valid tickets that cannot both be seated, with columns ``l_*`` and ``r_*``, the smaller ticket
    number on the left; ordered.

    A pair belongs to the business date when one of its tickets was sold or acted on then; the other may be older.
    """
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET threads = 2")
        engine.execute("SET preserve_insertion_order = false")
        named = {"paths": [str(path) for path in paths], "date": business_date.isoformat()}
        engine.execute(_SUSPECTS, named)
        return engine.sql(_PAIRS, params=named).to_arrow_table()
