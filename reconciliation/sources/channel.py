"""A channel's day extract as a source: native bytes -> parts -> observations -> one fold per order -> rows.

The channel's belief is folded by the same pure function as the hub's, from the facts that its extract implies alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_OID, uuid5

from hub.ledger import fold_observations
from hub.ports import Part
from reconciliation.ports import Channels
from reconciliation.rows import Row, rows_of_order
from reconciliation.statements import Quarantined
from schemas.observation import Observation, Rejection


@dataclass(slots=True)
class ChannelDay:
    """What a channel says of a day. ``refused`` is the reason when the whole document was not taken."""

    channel: str
    sha256: str
    bytes: int
    rows: list[Row] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    refused: str | None = None


def read_channel_day(channels: Channels, channel: str, raw: bytes, sha256: str) -> ChannelDay:
    """Read an extract. ``parts`` keeps, per rail order number, the native messages it was told by."""
    day = ChannelDay(channel=channel, sha256=sha256, bytes=len(raw))
    found = channels.split(channel, raw)
    if isinstance(found, Rejection):
        day.refused = f"{found.code}: {found.detail} ({found.pointer}; expected {found.expected}, found {found.found})"
        return day
    told: dict[str, list[tuple[Part, Observation]]] = defaultdict(list)
    for number, part in enumerate(found, start=1):
        observation = channels.parse(channel, part.raw)
        if isinstance(observation, Rejection):
            reason = f"{observation.code}: {observation.detail} ({observation.pointer})"
            day.quarantined.append(Quarantined(number, reason, part.place))
        else:
            told[order_number_of(observation)].append((part, observation))
    for order_no, said in told.items():
        day.parts[order_no] = [part for part, _ in said]
        day.rows.extend(_rows(channel, order_no, said, sha256))
    return day


def order_number_of(observation: Observation) -> str:
    """The rail order number that an observation names, else its first reference."""
    rail = (r.value for r in observation.references if (r.system, r.kind) == ("rail", "order"))
    return next(rail, observation.references[0].value)


def _rows(channel: str, order_no: str, said: Sequence[tuple[Part, Observation]], sha256: str) -> Iterable[Row]:
    order = fold_observations(uuid5(NAMESPACE_OID, order_no), [(channel, observation) for _, observation in said])
    return rows_of_order(order, sha256=sha256, place="; ".join(part.place for part, _ in said))
