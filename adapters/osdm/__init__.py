"""The international retailer (国际分销): OSDM 3.9 bookings in JSON. The wire is described in README.md."""

from adapters.kit.channel import ChannelAdapter
from adapters.kit.lines import split_lines
from adapters.osdm import transport
from adapters.osdm.format import format as format_order
from adapters.osdm.parse import parse
from adapters.osdm.profile import PROFILE

adapter = ChannelAdapter(PROFILE, parse, format_order, split_lines, transport.extract)
