"""Figures for a scraper, in the Prometheus text format 0.0.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_GAUGES = (
    ("interlock_messages_total", "outcome", ("applied", "witnessed", "disputed", "refused", "repeated")),
    ("interlock_deliveries_total", "outcome", ("delivered", "failed")),
    ("interlock_deliveries_waiting", "state", ("waiting", "dead")),
    ("interlock_delivery_lag_events", "", ("lag",)),
    ("interlock_first_attempt_delay_ms", "quantile", ("delay_p50_ms", "delay_p99_ms")),
)


def exposition(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per channel and figure; a figure that nobody has yet is left out."""
    lines: list[str] = []
    for name, label, columns in _GAUGES:
        lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
        for row in rows:
            for column in columns:
                if row[column] is not None:
                    extra = f',{label}="{column}"' if label else ""
                    lines.append(f'{name}{{channel="{row["channel"]}"{extra}}} {float(row[column]):g}')
    return "\n".join(lines) + "\n"
