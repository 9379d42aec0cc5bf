"""A channel's own messages of the orders that have breaks, found again in its extract: one pass over it, on demand."""

from collections.abc import Mapping, Sequence
from datetime import date

from hub.ports import Part
from reconciliation.cases import Cases
from reconciliation.definitions import Definition
from reconciliation.resolution import Record
from reconciliation.runs.gather import Gatherer
from reconciliation.sources.channel import ChannelDay, parts_of_orders


class Parts:
    """The port ``PartSource`` over the vault. Of a day with millions of orders only those with breaks are held."""

    def __init__(
        self,
        gatherer: Gatherer,
        cases: Cases,
        known: Mapping[str, Definition],
        business_date: date,
        days: Mapping[str, ChannelDay],
    ) -> None:
        self._channels = gatherer.channels
        self._vault = gatherer.vault
        self._known = known
        self._cases = cases
        self._date = business_date
        self._days = days
        self._found: dict[tuple[str, str], dict[str, list[Part]]] = {}

    def __call__(self, channel: str, record: Record) -> Sequence[Part]:
        """The messages of the break's order; empty when the extract has none."""
        order_no = str(record["order_no"] or "")
        for sha256 in self._extracts(channel, record):
            parts = self._of(channel, sha256, order_no)
            if order_no in parts:
                return parts[order_no]
        return ()

    def _extracts(self, channel: str, record: Record) -> list[str]:
        """The extract of this run, else those that the break's evidence names."""
        if channel in self._days:
            day = self._days[channel]
            return [] if day.refused else [day.sha256]
        named = {str(e["sha256"]) for e in record["evidence"] if e.get("side") == "right" and e.get("sha256")}
        return sorted(named)

    def _of(self, channel: str, sha256: str, order_no: str) -> dict[str, list[Part]]:
        found = self._found.get((channel, sha256))
        if found is None or order_no not in found:
            wanted = self._with_breaks(channel) | {order_no}
            told = parts_of_orders(self._channels, channel, self._vault.path(sha256), wanted)
            # An order without a message is remembered too: it is not looked for again.
            found = {number: told.get(number, []) for number in wanted}
            self._found[channel, sha256] = found
        return {number: parts for number, parts in found.items() if parts} if order_no in found else {}

    def _with_breaks(self, channel: str) -> set[str]:
        names = [d.name for d in self._known.values() if d.right.source == "channel" and d.right.of == channel]
        return self._cases.orders_with_breaks(names, self._date)
