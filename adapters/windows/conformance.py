"""What the conformance suite has to know of a fixed-width wire; all else it asks is inherited."""

from adapters.kit.conformance import AdapterConformance
from adapters.windows.layout import HEADERS, RECORDS

_LAYOUTS = RECORDS | {layout.code: layout for layout in HEADERS}


class Conformance(AdapterConformance):
    """The suite for windows."""

    def with_unknown_fields(self, raw: bytes) -> tuple[bytes, set[str]]:
        """What stands in the reserve of a line is a field that nobody knows."""
        lines, places = raw.split(b"\r\n"), set()
        for index, line in enumerate(lines):
            layout = _LAYOUTS.get(line[:3].decode())
            if layout is not None:
                first, last = layout.spans["reserve"]
                lines[index] = line[: first - 1] + b"?".ljust(last - first + 1)
                places.add(f"line {index + 1}, columns {first}-{last}")
        return b"\r\n".join(lines), places

    def kept(self, facts: dict[str, object]) -> dict[str, object]:
        """An order has no record of pick-ups, so no notice can name one; the paper itself comes back as a reprint."""
        return {identity: fact for identity, fact in facts.items() if not identity.startswith("pickup.collected|")}
