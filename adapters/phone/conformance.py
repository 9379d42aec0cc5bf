"""How the conformance suite puts an unknown field into the call centre's XML; all else it asks is inherited."""

from lxml import etree

from adapters.kit.conformance import AdapterConformance
from adapters.phone.document import local
from adapters.phone.wire import DECLARATION, GROUPS, NS

UNKNOWN = "x_unknown_field"


class Conformance(AdapterConformance):
    """The suite for an XML wire."""

    def with_unknown_fields(self, raw: bytes) -> tuple[bytes, set[str]]:
        """An element that nobody knows in the operation, the order and each of its groups."""
        root = etree.fromstring(raw.decode("gb18030").split("?>", 1)[1])
        places: set[str] = set()
        for order in list(root.iter(f"{{{NS}}}Order")):
            operation = order.getparent()
            if operation is None:
                continue
            place = f"/Envelope/Body/{local(operation.tag)}"
            _add(operation, place, places)
            _add(order, f"{place}/Order", places)
            for name in GROUPS - {"Order"}:
                for index, group in enumerate(order.findall(f"{{{NS}}}{name}"), 1):
                    _add(group, f"{place}/Order/{name}[{index}]", places)
        return (DECLARATION + etree.tostring(root, encoding="unicode")).encode("gb18030"), places


def _add(element: etree._Element, place: str, places: set[str]) -> None:
    etree.SubElement(element, f"{{{NS}}}{UNKNOWN}").text = "?"
    places.add(f"{place}/{UNKNOWN}")
