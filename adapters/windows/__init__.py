"""The station windows (车站窗口): fixed-width GB18030 files, declared in ``layout`` and described in README.md."""

from collections.abc import Sequence
from datetime import date

from adapters.windows import files, transport
from adapters.windows import format as formatting
from adapters.windows import parse as parsing
from adapters.windows.profile import PROFILE
from hub.ports import Formatted, Part, Profile
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order


class WindowsAdapter:
    """Adapter, Splitting and Extracting of ``hub.ports``."""

    profile: Profile = PROFILE

    def parse(self, raw: bytes) -> Observation | Rejection:
        return parsing.parse(raw)

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        return formatting.format(event, order)

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        return files.split(raw)

    def extract(self, endpoint: str, business_date: date) -> bytes:
        return transport.extract(endpoint, business_date)


adapter = WindowsAdapter()
