"""The call centre (电话订票): SOAP-like XML in GB18030. The wire is described in README.md."""

from collections.abc import Sequence
from datetime import date

from adapters.phone import format as formatting
from adapters.phone import parse as parsing
from adapters.phone import transport
from adapters.phone.profile import PROFILE
from hub.ports import Formatted, Part, Profile
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order


class PhoneAdapter:
    """Adapter, Splitting and Extracting of ``hub.ports``."""

    profile: Profile = PROFILE

    def parse(self, raw: bytes) -> Observation | Rejection:
        return parsing.parse(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return formatting.format(event, order)

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        return parsing.split(raw)

    def extract(self, endpoint: str, business_date: date) -> bytes:
        return transport.extract(endpoint, business_date)


adapter = PhoneAdapter()
