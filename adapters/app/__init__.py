"""The app channel: JSON over HTTPS push, letters of table B, jiao. The wire is described in README.md."""

from adapters.app import transport
from adapters.app.format import format as format_order
from adapters.app.parse import parse
from adapters.app.profile import PROFILE
from adapters.kit.channel import ChannelAdapter
from adapters.kit.lines import split_lines

adapter = ChannelAdapter(PROFILE, parse, format_order, split_lines, transport.extract)
