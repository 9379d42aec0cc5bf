"""The fixtures of the command line: a hub with a small day on its ledger."""

from tests.cli.conftest import hub, run

__all__ = ["hub", "run"]
