"""What a break was when somebody looked at it: a row that decided on something else is stale."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_SEEN = (
    "break_id",
    "definition",
    "business_date",
    "kind",
    "key",
    "order_no",
    "left_value",
    "right_value",
    "amount_at_stake",
    "currency",
    "covers",
    "state",
    "last_run_id",
)


def break_version(record: Mapping[str, Any]) -> str:
    """A digest of what a row of ``recon.breaks`` says, and of the run that said it: ``v`` and 32 hexadecimal digits.

    The ``v`` keeps spreadsheets from reading digits with one ``e`` among them as a number.
    """
    seen = json.dumps([record[name] for name in _SEEN], ensure_ascii=False, sort_keys=True, default=str)
    return "v" + hashlib.sha256(seen.encode()).hexdigest()[:32]
