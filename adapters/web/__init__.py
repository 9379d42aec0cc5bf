"""The web channel: JSON over HTTPS push, letters of table A, fen. The wire is described in README.md."""

from adapters.kit.channel import ChannelAdapter
from adapters.kit.lines import split_lines
from adapters.web import transport
from adapters.web.format import format as format_order
from adapters.web.parse import parse
from adapters.web.profile import PROFILE

adapter = ChannelAdapter(PROFILE, parse, format_order, split_lines, transport.extract)
