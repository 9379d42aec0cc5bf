"""Processors' statements: what WeChat Pay and the bank say happened, brought to canonical lines.

The *file* is refused when its own totals or balances do not hold; the *row* is quarantined when only it fails.
"""

from collections.abc import Callable, Mapping

from reconciliation.statements import camt053, wechat
from reconciliation.statements.lines import Quarantined, Refused, Statement, StatementLine

READERS: Mapping[str, Callable[[bytes], Statement | Refused]] = {"wechat": wechat.read, "bank": camt053.read}
"""processor -> the reader of its files."""

__all__ = ["READERS", "Quarantined", "Refused", "Statement", "StatementLine", "camt053", "wechat"]
