"""The station windows (车站窗口): fixed-width GB18030 files, declared in ``layout`` and described in README.md."""

from adapters.kit.channel import ChannelAdapter
from adapters.windows import transport
from adapters.windows.files import split
from adapters.windows.format import format as format_order
from adapters.windows.parse import parse
from adapters.windows.profile import PROFILE

adapter = ChannelAdapter(PROFILE, parse, format_order, split, transport.extract)
