"""What the conformance suite has to know of a fixed-width wire; all else it asks is inherited."""

from collections.abc import Mapping

from adapters.kit.conformance import AdapterConformance
from adapters.kit.conformance.fields import FixedFields
from adapters.windows.layout import HEADERS, RECORDS
from adapters.windows.profile import PROFILE

_LAYOUTS = RECORDS | {layout.code: layout for layout in HEADERS}


def _name(line: bytes) -> str:
    return line[:3].decode("ascii", "replace").strip()


def _columns(line: bytes) -> Mapping[str, tuple[int, int]]:
    layout = _LAYOUTS.get(line[:3].decode("ascii", "replace"))
    return layout.spans if layout else {}


class Conformance(AdapterConformance):
    """The suite for windows."""

    fields = FixedFields(PROFILE.encoding, _columns, name=_name, reserve="reserve")
