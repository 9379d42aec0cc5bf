"""How a difference becomes the columns of a break, in DuckDB's SQL over columns ``l_*`` and ``r_*`` of PAIRS."""

from reconciliation.breaks.values import shown_person_sql
from reconciliation.rows import STATE_RANK


def break_id_sql(name: str) -> str:
    """``Break.break_id`` (UUID version 5, RFC 9562, in the URL name space) of the text that ``name`` computes."""
    space = "'\\x6b\\xa7\\xb8\\x11\\x9d\\xad\\x11\\xd1\\x80\\xb4\\x00\\xc0\\x4f\\xd4\\x30\\xc8'::blob"
    hexadecimal = f"sha1({space} || encode({name}))"
    variant = "substr('89ab', ((strpos('0123456789abcdef', substr(h, 17, 1)) - 1) & 3) + 1, 1)"
    parts = ["substr(h, 1, 8)", "substr(h, 9, 4)", "'5' || substr(h, 14, 3)"]
    parts += [f"{variant} || substr(h, 18, 3)", "substr(h, 21, 12)"]
    return f"list_transform([{hexadecimal}], lambda h: concat_ws('-', {', '.join(parts)}))[1]"


def values_sql(side: str) -> str:
    """One side's values as a JSON object, without what is not known; NULL when there is no row."""
    return f"""CASE WHEN {side}_key IS NOT NULL THEN {
        _without_nulls(f'''json_object(
        'kind', {side}_kind, 'state', {side}_state, 'amount', {side}_amount, 'currency', {side}_currency,
        'seat', {side}_seat, 'fee', CASE WHEN kind = 'FEE' THEN {side}_fee END,
        'person', CASE WHEN kind = 'IDENTITY' THEN nullif({shown_person_sql(f"{side}_person")}, '') END,
        'at', {at_sql(f"{side}_at")})''')
    } END"""


def evidence_sql(side: str, word: str) -> str:
    """Where one side's row was read, as a JSON object; NULL when there is no row."""
    return f"""CASE WHEN {side}_key IS NOT NULL THEN {
        _without_nulls(f'''json_object(
        'side', '{word}', 'sha256', nullif({side}_sha256, ''), 'place', nullif({side}_place, ''),
        'raw', nullif(substr({side}_raw, 1, 2000), ''))''')
    } END"""


def _without_nulls(value: str) -> str:
    # A merge patch (RFC 7396) removes what is null in it.
    return f"json_merge_patch('{{}}', {value})"


def at_sql(column: str) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC, like ``datetime.isoformat``: no fraction when there is none."""
    whole, exact = (f"strftime(make_timestamp({column}), '%Y-%m-%dT%H:%M:%S{part}+00:00')" for part in ("", ".%f"))
    return f"CASE WHEN {column} % 1000000 = 0 THEN {whole} ELSE {exact} END"


def _rank(column: str) -> str:
    ranks = " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in STATE_RANK.items())
    return f"CASE {column} {ranks} ELSE 0 END"


FURTHER = f"""
CASE WHEN l_state IS NULL OR r_state IS NULL OR l_state = r_state THEN NULL
     WHEN {_rank("l_state")} > {_rank("r_state")} THEN 'hub' ELSE 'channel' END
"""
"""Which side has come further in the ticket's life; NULL when that is not the question."""


def at_stake_sql(fee: tuple[int, int] | None) -> str:
    """What a difference is worth, in minor units, never negative.

    The difference of two amounts; of two fees, or of a fee from the agreed rate, rounded up; else the whole amount.
    """
    agreed = f"abs(r_fee - r_amount * {fee[0]} / 1000.0)" if fee else "0"
    fees = f"CASE WHEN l_fee <> r_fee THEN abs(l_fee - r_fee) ELSE {agreed} END"
    return f"""CASE kind
        WHEN 'AMOUNT' THEN abs(coalesce(l_amount, 0) - coalesce(r_amount, 0))
        WHEN 'FEE' THEN ceil({fees} / 1000)::bigint
        ELSE greatest(abs(coalesce(l_amount, 0)), abs(coalesce(r_amount, 0))) END"""
