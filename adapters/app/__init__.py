"""The app channel: JSON push and poll, letters of table B, jiao, one ticket per record. The wire is in README.md."""

from adapters.app import transport
from adapters.app.format import format as format_order
from adapters.app.parse import parse
from adapters.app.profile import PROFILE
from adapters.kit.channel import ChannelAdapter
from adapters.kit.lines import split_lines
from hub.ports import PollPage


class AppAdapter(ChannelAdapter):
    """``hub.ports``: Polled too."""

    def poll(self, endpoint: str, watermark: str | None) -> PollPage:
        return transport.poll(endpoint, watermark)


adapter = AppAdapter(PROFILE, parse, format_order, split_lines, transport.extract)
