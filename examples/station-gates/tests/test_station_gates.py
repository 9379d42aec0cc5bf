"""The gates keep every promise of the kit."""

from pathlib import Path

import station_gates

from adapters.kit.conformance import AdapterConformance


class TestGates(AdapterConformance):
    adapter, samples = station_gates.adapter, Path(station_gates.__file__).parent / "samples"
