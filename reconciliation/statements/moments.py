"""Local times of a column as instants."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.statements.parts import Moment

DAY_US = 86_400_000_000
_ISO = "%Y-%m-%d %H:%M:%S"
_ISO_LENGTH = 19


def instants(texts: Any, zones: Any, moment: Moment, business_date: date | None) -> tuple[Any, Any]:
    """(microseconds since 1970 UTC, local days since 1970) of each text, null where it is no time.

    ``zones``: the texts' zone names, None when all are in ``moment.zone``. ``business_date`` gives formats without a
    year theirs: December seen from January is last year's.
    """
    local = _local(texts, moment.format, business_date)
    days = _days(local)
    if zones is None:
        return _placed(local, moment.zone), days
    found = pa.nulls(len(local), pa.int64())
    for name in pc.unique(zones).to_pylist():
        zone = moment.zones.get(name) or _tzdata(name)
        if zone is not None:
            found = pc.if_else(pc.equal(zones, name), _placed(local, zone), found)
    return found, days


def _days(local: Any) -> Any:
    values = pc.cast(local, pa.int64())
    whole = np.asarray(pc.fill_null(values, 0)) // DAY_US
    return pa.array(whole, mask=np.asarray(values.is_null()))


def _local(texts: Any, form: str, business_date: date | None) -> Any:
    if "%Y" not in form and "%y" not in form:
        texts, form = _with_year(texts, form, business_date), f"%Y{form}"
    elif form == _ISO and (np.asarray(pc.binary_length(texts)) == _ISO_LENGTH).all():
        try:
            return pc.cast(texts, pa.timestamp("us"))
        except pa.ArrowInvalid:
            # One of them is no time: the slow way gives null for it alone.
            return pc.strptime(texts, form, unit="us", error_is_null=True)
    return pc.strptime(texts, form, unit="us", error_is_null=True)


def _with_year(texts: Any, form: str, business_date: date | None) -> Any:
    if business_date is None or not form.startswith("%m"):
        return pa.nulls(len(texts), pa.string())
    month = pc.utf8_slice_codeunits(texts, 0, 2)
    late, early = [f"{m:02d}" for m in range(business_date.month + 7, 13)], range(1, business_date.month - 6)
    year = pc.if_else(
        pc.is_in(month, pa.array(late, pa.string())),
        str(business_date.year - 1),
        pc.if_else(
            pc.is_in(month, pa.array([f"{m:02d}" for m in early], pa.string())),
            str(business_date.year + 1),
            str(business_date.year),
        ),
    )
    return pc.binary_join_element_wise(year, texts, "")


def _placed(local: Any, zone: str) -> Any:
    """The hour that a clock shows twice is the first, one that it skips the next."""
    return pc.cast(pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest"), pa.int64())


def _tzdata(name: str | None) -> str | None:
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("us")), name or "?")
    except pa.ArrowInvalid:
        return None
    return name
