"""Single rows that the passes so far have left, in SQL: who is free, whole pairs, and candidates shown to people."""

from reconciliation.matching.tables import COLUMNS

CANDIDATES = 5
"""At most so many candidates are shown with a break, the nearest in time first."""


def over(side: str, begin: int, day: int) -> str:
    """Single rows of one side. ``day``: days since the business date's begin, as that side counts it.

    ``signed``: refunds count against payments; payouts and adjustments have their sign already.
    """
    s = side[0]
    return f"""
        SELECT {s}_key AS key, nth_{side} AS nth, {s}_kind AS kind, {s}_order_no AS order_no, {s}_at AS said_at,
               floor(({s}_at - {begin}) / {day})::bigint AS day, {s}_amount AS amount,
               CASE WHEN {s}_kind = 'refund' THEN -{s}_amount ELSE {s}_amount END AS signed, {s}_currency AS currency,
               coalesce({s}_fee, 0) AS fee, {s}_other_key AS other_key, {s}_batch AS batch,
               {s}_state AS state, {s}_seat AS seat, {s}_place AS place
        FROM files WHERE status = '{side}'
    """


def free(side: str) -> str:
    """The rows of a side that no pass has claimed yet."""
    return (
        f"(SELECT * FROM {side}_over o WHERE NOT EXISTS"
        f" (SELECT 1 FROM matches m WHERE m.side = '{side}' AND m.key = o.key AND m.nth = o.nth))"
    )


def pair_columns(left: str, right: str) -> str:
    """Both sides' whole rows out of two aliases of ``files``."""
    return ", ".join([*(f"{left}.l_{name}" for name in COLUMNS), *(f"{right}.r_{name}" for name in COLUMNS)])


def candidates_sql(pairs: str, other: str) -> str:
    """``pairs`` (side, key, nth, o_key, o_nth) as one line per row with its candidates as JSON: enough columns to tell
    them apart."""
    shown = f"""json_merge_patch('{{}}', json_object(
        'side', '{other}', 'key', o.key, 'kind', o.kind, 'order_no', nullif(o.order_no, ''), 'amount', o.amount,
        'currency', o.currency, 'state', o.state, 'seat', o.seat, 'batch', nullif(o.batch, ''),
        'at', strftime(make_timestamp(o.said_at), '%Y-%m-%dT%H:%M:%S+00:00'), 'place', nullif(o.place, '')))"""
    me = "left_over" if other == "right" else "right_over"
    nearest = f"list({shown} ORDER BY abs(o.said_at - mine.said_at), o.key, o.nth)[1:{CANDIDATES}]"
    return f"""
        SELECT p.side, p.key, p.nth, to_json({nearest})::varchar AS candidates
        FROM ({pairs}) p
        JOIN {other}_over o ON o.key = p.o_key AND o.nth = p.o_nth
        JOIN {me} mine ON mine.key = p.key AND mine.nth = p.nth
        GROUP BY p.side, p.key, p.nth
    """
