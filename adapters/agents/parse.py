"""The agents' JSON -> the facts it implies. Every document is a snapshot of one order; see README.md."""

from collections.abc import Callable

from adapters.agents.wire import MODES
from adapters.agents.wording import AgentsWording, PairedRecord
from adapters.kit.decoding import decode_json
from adapters.kit.refusing import never_raises
from adapters.kit.words import read_order
from hub.ports import Profile
from schemas.observation import Observation, Rejection


def parser(profile: Profile, wording: AgentsWording) -> Callable[[bytes], Observation | Rejection]:
    """``parse`` for one connection: its code tables and its size limit."""

    def read(raw: bytes) -> Observation:
        message = decode_json(raw, wording.column, profile.max_message_bytes)
        order = PairedRecord(message.fields, "", message.losses, wording.column, wording.tables)
        return read_order(order, wording, order.choice("msgType", MODES))

    return never_raises(read)
