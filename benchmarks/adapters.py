"""What reading and writing one native message costs, for every installed channel: one ticket, and five.

The floor is what the same bytes cost before anything is understood: JSON decoded by msgspec, XML parsed by lxml, other
text decoded from its encoding. The bar is 200 microseconds to parse a message of one ticket.

Every message measured is another order, made of the sample by another order number in it; trains and seats repeat,
as they do in a day's traffic, and what an adapter remembers of them helps it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
from lxml import etree

from adapters.kit.folding import event_of, order_of
from adapters.kit.golden import pairs
from adapters.kit.registry import Registered, registered
from benchmarks.instructions import thousands
from benchmarks.timing import rate
from hub.ports import Profile
from schemas.observation import Observation

BAR_US = 200
SIZES = (1, 5)
ORDERS = 256
_SALE = {"ticket.issued", "payment.captured"}


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds of CPU for one message of ``tickets`` tickets; ``sample`` is the one that was measured.

    ``parse_k``: thousands of instructions to parse it, where the machine counts them.
    """

    channel: str
    tickets: int
    sample: str
    bytes: int
    floor_us: float
    parse_us: float
    parse_k: float | None
    format_us: float

    @property
    def ratio(self) -> float:
        """How many times the floor parsing costs."""
        return self.parse_us / self.floor_us

    @property
    def within_bar(self) -> bool | None:
        """Whether a message of one ticket parses within the bar; None for others, which have none."""
        return self.parse_us <= BAR_US if self.tickets == 1 else None


def measure() -> list[Row]:
    """Two rows per channel, as far as its samples go."""
    return [row for found in registered().values() for row in _channel(found)]


def _channel(found: Registered) -> Iterator[Row]:
    understood = [
        (pair.name, raw, seen)
        for pair in pairs(found.samples)
        if isinstance(seen := found.adapter.parse(raw := pair.native.read_bytes()), Observation)
    ]
    for tickets in SIZES:
        fitting = [sample for sample in understood if len(order_of(sample[2]).tickets) == tickets]
        if fitting:
            yield _row(found, tickets, *min(fitting, key=_usual))


def _usual(sample: tuple[str, bytes, Observation]) -> tuple[object, ...]:
    """A sale that loses nothing comes first: the bar is one for sales."""
    name, _, seen = sample
    return len(seen.losses), name != "sale", {fact.fact for fact in seen.facts} != _SALE, name


def _row(found: Registered, tickets: int, sample: str, raw: bytes, seen: Observation) -> Row:
    adapter, order = found.adapter, order_of(seen)
    event = event_of(seen, order, adapter.profile)
    messages = _orders(raw, seen)
    assert all(isinstance(adapter.parse(message), Observation) for message in messages), f"{found.name}: {sample}"
    return Row(
        channel=found.name,
        tickets=tickets,
        sample=sample,
        bytes=len(raw),
        floor_us=1e6 / rate(_floor(adapter.profile), messages),
        parse_us=1e6 / rate(adapter.parse, messages),
        parse_k=thousands(adapter.parse, messages),
        format_us=1e6 / rate(lambda told: adapter.format(event, told), [order]),
    )


def _orders(raw: bytes, seen: Observation) -> list[bytes]:
    """The message of as many orders: everything that is numbered after the order is numbered anew."""
    number = next(claim.value for claim in seen.references if claim.kind == "order" and claim.system == "rail")
    return [raw.replace(number.encode(), f"{number[:2]}{n:08d}".encode()) for n in range(ORDERS)]


def _floor(profile: Profile) -> Callable[[bytes], object]:
    if profile.media_type.endswith("json"):
        return msgspec.json.Decoder().decode
    if profile.media_type.endswith("xml"):
        return lambda raw: etree.fromstring(raw.decode(profile.encoding).partition("?>")[2].encode())
    return lambda raw: raw.decode(profile.encoding).split("\n")
