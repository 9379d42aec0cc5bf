"""What a run has found, into ``recon.breaks``: one COPY, one upsert, one update for what is no longer there.

PostgreSQL reads the breaks as a stream of CSV made batch by batch from Parquet, so memory does not grow with their
number. All of it happens in the transaction that ends the run.
"""

import io
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from psycopg import Connection, sql
from psycopg.rows import TupleRow

COLUMNS = (
    "break_id", "definition", "business_date", "kind", "key", "order_no", "left_value", "right_value",
    "amount_at_stake", "currency", "further", "since", "evidence", "covers", "suggestions",
)  # fmt: skip
"""The columns of a file of breaks that PostgreSQL gets; JSON as text."""

_BATCH_ROWS = 20_000


def record_breaks(
    connection: Connection[TupleRow], run_id: str, breaks: Path, definition: str, day: date, now: datetime
) -> None:
    """Make the table say what this run has found: new breaks opened, known ones seen again, the others cleared.

    ``breaks``: Parquet with :data:`COLUMNS`. Runs in the caller's transaction.
    """
    _load(connection, breaks)
    named = {"run_id": run_id, "now": now, "definition": definition, "day": day}
    connection.execute(_UPSERT, named)
    connection.execute(_CLEAR, named)
    connection.execute("DROP TABLE found_breaks")


def record_refusals(connection: Connection[TupleRow], run_id: str, breaks: Path, now: datetime) -> None:
    """Add breaks without clearing any: a run that could not read its input proves nothing about the others."""
    _load(connection, breaks)
    connection.execute(_UPSERT, {"run_id": run_id, "now": now})
    connection.execute("DROP TABLE found_breaks")


def _load(connection: Connection[TupleRow], breaks: Path) -> None:
    connection.execute(_FOUND)
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    copy_from = sql.SQL("COPY found_breaks ({}) FROM STDIN (FORMAT csv)").format(names)
    with connection.cursor() as cursor, cursor.copy(copy_from) as copy, pq.ParquetFile(breaks) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS)):
            copy.write(_csv(batch.select(COLUMNS)))
    # The table of breaks may have no statistics yet: whatever plan is chosen then must find a break by its id.
    connection.execute("CREATE INDEX ON found_breaks (break_id)")
    connection.execute("ANALYZE found_breaks")


def _csv(batch: pa.RecordBatch) -> bytes:
    """One batch as CSV: text always in quotes, so that an empty text is not taken for NULL."""
    text = io.BytesIO()
    pacsv.write_csv(batch, text, pacsv.WriteOptions(include_header=False, quoting_style="needed"))
    return text.getvalue()


_FOUND = """
CREATE TEMPORARY TABLE found_breaks (
    break_id uuid, definition text, business_date date, kind text, key text, order_no text,
    left_value jsonb, right_value jsonb, amount_at_stake bigint, currency text, further text, since timestamptz,
    evidence jsonb, covers jsonb, suggestions jsonb
) ON COMMIT DROP
"""

# Seen again after a resolution, the break was not resolved after all: it opens again. A pair matched over the date's
# edge (TIMING) stays a matched pair in every run. In the order of the keys, so that two runs never wait for each other.
_UPSERT = """
INSERT INTO recon.breaks AS known (
    break_id, run_id, last_run_id, definition, business_date, kind, key, order_no, left_value, right_value,
    amount_at_stake, currency, further, since, evidence, covers, suggestions, state, opened_at, updated_at)
SELECT break_id, %(run_id)s, %(run_id)s, definition, business_date, kind, key, order_no, left_value, right_value,
       amount_at_stake, currency, further, since, evidence, covers, suggestions, 'open', %(now)s, %(now)s
FROM found_breaks ORDER BY kind, key
ON CONFLICT (definition, business_date, kind, key) DO UPDATE SET
    last_run_id = excluded.last_run_id, left_value = excluded.left_value, right_value = excluded.right_value,
    amount_at_stake = excluded.amount_at_stake, further = excluded.further, evidence = excluded.evidence,
    covers = excluded.covers, suggestions = excluded.suggestions, updated_at = excluded.updated_at,
    cleared_run_id = NULL,
    state = CASE WHEN known.state = 'cleared' OR (known.state = 'resolved' AND known.kind <> 'TIMING') THEN 'open'
                 ELSE known.state END
"""

_CLEAR = """
UPDATE recon.breaks AS known SET state = 'cleared', cleared_run_id = %(run_id)s, updated_at = %(now)s
WHERE definition = %(definition)s AND business_date = %(day)s AND state <> 'cleared'
  AND NOT EXISTS (SELECT FROM found_breaks f WHERE f.break_id = known.break_id)
"""
