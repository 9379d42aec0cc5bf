"""The places between the steps of a run: where a process may be killed, and where the tests kill it.

Everything before a step is either written down for good or done again without harm; the proof is a test that dies at
every one of them and compares what the next run makes of it.
"""

from collections.abc import Callable

Steps = Callable[[str], None]
"""Called with the name of the step that is about to be taken, such as ``hub-web/match`` or ``hub-web/piece 3``."""


def unhindered(step: str) -> None:
    """Outside of tests nothing stands in the way."""
