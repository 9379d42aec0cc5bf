"""The web channel: JSON over HTTPS push, letters of table A, fen. The wire is described in README.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from adapters.kit.lines import split_lines
from adapters.web import transport
from adapters.web.format import format as format_order
from adapters.web.parse import parse
from adapters.web.profile import PROFILE
from hub.ports import Formatted, Part, Profile
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order


@dataclass(frozen=True, slots=True)
class WebAdapter:
    """``hub.ports``: Adapter, Splitting and Extracting."""

    profile: Profile = PROFILE

    def parse(self, raw: bytes) -> Observation | Rejection:
        return parse(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return format_order(event, order)

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        return split_lines(raw)

    def extract(self, endpoint: str, business_date: date) -> bytes:
        return transport.extract(endpoint, business_date)


adapter = WebAdapter()
