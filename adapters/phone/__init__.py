"""The call centre (电话订票): SOAP-like XML in GB18030. The wire is described in README.md."""

from adapters.kit.channel import ChannelAdapter
from adapters.phone import transport
from adapters.phone.format import format as format_order
from adapters.phone.parse import parse, split
from adapters.phone.profile import PROFILE

adapter = ChannelAdapter(PROFILE, parse, format_order, split, transport.extract)
