"""The five channel systems' own languages, written independently of the hub's adapters: channel -> codec."""

from importlib import import_module
from typing import cast

from simulators.book import Codec

CHANNELS = ("web", "app", "phone", "agents", "windows")


def codec_for(channel: str) -> Codec:
    """The codec of a channel system; each module ``simulators/channels/<name>.py`` has one named ``codec``."""
    if channel not in CHANNELS:
        raise KeyError(f"no channel {channel!r}; there are {', '.join(CHANNELS)}")
    return cast(Codec, import_module(f"simulators.channels.{channel}").codec)
