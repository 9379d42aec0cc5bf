"""An adapter put together from a channel's own functions: what ``hub.ports`` asks for, said once for every channel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from hub.ports import Formatted, Part, Profile
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order


@dataclass(frozen=True, slots=True)
class ChannelAdapter:
    """``hub.ports``: Adapter, Splitting and Extracting, over four functions. A channel that is polled extends it."""

    profile: Profile
    reader: Callable[[bytes], Observation | Rejection]
    writer: Callable[[OrderEvent, Order], Formatted | None]
    splitter: Callable[[bytes], Sequence[Part] | Rejection]
    extractor: Callable[[str, date], bytes]

    def parse(self, raw: bytes) -> Observation | Rejection:
        return self.reader(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return self.writer(event, order)

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        return self.splitter(raw)

    def extract(self, endpoint: str, business_date: date) -> bytes:
        return self.extractor(endpoint, business_date)
