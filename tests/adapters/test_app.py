"""The app channel keeps every promise of the kit and understands its channel system."""

from tests.adapters.channel import ChannelConformance


class TestApp(ChannelConformance, channel="app"):
    """Letters of table B, jiao, compact times, one ticket per record."""
