"""Tables for a terminal or, as wide as they need to be, for a log."""

import sys

from rich.console import Console
from rich.table import Table

LOG_WIDTH = 120
"""A log has no width of its own; Rich would take 80 columns and cut the words."""


def show(table: Table) -> None:
    """Print it on standard output."""
    Console(width=None if sys.stdout.isatty() else LOG_WIDTH).print(table)
