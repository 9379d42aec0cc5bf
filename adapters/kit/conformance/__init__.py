"""The conformance suite: what every adapter promises, tested on its own samples, offline.

Inherit it with pytest (``class TestMine(AdapterConformance): adapter = ...; samples = ...``) or run it without with
``interlock adapter check NAME``: every method ``test_*`` is one promise, its docstring the line on the scorecard.

    roundtrips   samples, golden pairs, round trip, money
    sameness     duplicates, shuffled, replay, the same bytes for the same order
    listening    losses complete, unknown words and codes never guessed
    dates        midnights, month and year ends, leap days, zones
    damage       truncated, encoding, size, nonsense, mutations, mixtures of the samples' own values
    declared     the profile and what samples and probing show

Samples named ``reject-*`` must be refused, all others must be understood. The wire is known by the media type: JSON,
XML and CSV; lines of columns declare ``fields`` (see ``fields``). What a channel does not declare is skipped with the
reason. Changed and left out fields are found with the samples, so a sample per feature of the wire is worth its file.
"""

from collections.abc import Iterator

from adapters.kit.conformance.damage import Damage
from adapters.kit.conformance.dates import Dates
from adapters.kit.conformance.declared import Declared
from adapters.kit.conformance.listening import Listening
from adapters.kit.conformance.roundtrips import RoundTrips, fares
from adapters.kit.conformance.sameness import Sameness
from adapters.kit.conformance.suite import Suite


class AdapterConformance(RoundTrips, Sameness, Listening, Dates, Damage, Declared):
    """All promises. Subclasses set ``adapter`` and ``samples``."""


def promises(suite: type[Suite]) -> Iterator[str]:
    """The names of a suite's promises, by kind, in the order in which they are written."""
    seen: set[str] = set()
    for part in suite.__mro__:
        for name in vars(part):
            if name.startswith("test_") and name not in seen:
                seen.add(name)
                yield name


__all__ = ["AdapterConformance", "fares", "promises"]
