"""The coach partner keeps every promise of the kit."""

from pathlib import Path

import coach_partner

from adapters.kit.conformance import AdapterConformance


class TestCoach(AdapterConformance):
    adapter, samples = coach_partner.adapter, Path(coach_partner.__file__).parent / "samples"
