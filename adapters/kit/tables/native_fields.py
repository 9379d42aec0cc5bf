"""How the conformance suite opens the messages of a table's wire."""

from lxml import etree

from adapters.kit.conformance.fields import Fields, FixedFields, XmlFields, fields_for
from adapters.kit.tables.adapter import TableAdapter
from adapters.kit.tables.silent import Reserved
from adapters.kit.tables.wires import Fixed, Xml


class RootedXmlFields(XmlFields):
    """Elements by their whole XPath, the root's name included."""

    def with_unknown(self, raw: bytes) -> tuple[bytes, set[str]]:
        changed, places = super().with_unknown(raw)
        root = etree.QName(self._root(raw)[1]).localname
        return changed, {f"/{root}{place}" for place in places}


def fields_of(adapter: TableAdapter) -> Fields:
    """The fields of a wire: those that the message names, or the columns that the table declares."""
    profile = adapter.profile
    match adapter.table.wire:
        case Fixed() as wire:
            spans = wire.spans(adapter.frame)
            reserve = next((column.name for column in adapter.columns if isinstance(column.codec, Reserved)), "")
            return FixedFields(profile.encoding, lambda line: spans if line.strip() else {}, reserve=reserve)
        case Xml():
            return RootedXmlFields(profile.encoding)
        case _:
            return fields_for(profile.media_type, profile.encoding)
