"""The station windows (车站窗口): fixed-width GB18030 files, declared in ``layout`` and described in README.md."""

from mmap import mmap

from adapters.kit.channel import ChannelAdapter
from adapters.windows import transport
from adapters.windows.files import split
from adapters.windows.format import format as format_order
from adapters.windows.parse import parse
from adapters.windows.profile import PROFILE
from adapters.windows.table import table
from hub.ports import Table
from schemas.observation import Rejection


class WindowsAdapter(ChannelAdapter):
    """``hub.ports``: Tabular too."""

    def table(self, raw: bytes | mmap) -> Table | Rejection:
        return table(raw)


adapter = WindowsAdapter(PROFILE, parse, format_order, split, transport.extract)
