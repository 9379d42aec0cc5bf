"""The web channel keeps every promise of the kit and understands its channel system."""

from tests.adapters.channel import ChannelConformance


class TestWeb(ChannelConformance, channel="web"):
    """Letters of table A, fen, the epoch-date trick."""
