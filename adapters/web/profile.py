"""The web channel: facts about its connection."""

from datetime import timedelta
from typing import get_args

from hub.ports import Profile
from schemas.events import INTERNAL_TYPES, EventType

_ENVELOPE = "the envelope's own: the transport's message id and update_time count"
_LABEL = "the name of a code, of a station or of a number that another field gives"
_FLAG = "repeats what ticket_status_code says"
_PAGE = "a text for the page, made of other fields"

PROFILE = Profile(
    channel="web",
    name_zh="网站",
    name_en="web",
    media_type="application/json",
    encoding="utf-8",
    asks=frozenset({"hold"}),
    tells=frozenset(
        {
            "hold",
            "sell",
            "pay",
            "cancel",
            "change",
            "change_destination",
            "refund",
            "waitlist",
            "invoice",
            "print",
            "exit",
        }
    ),
    subscribes=frozenset(get_args(EventType)) - INTERNAL_TYPES,
    scope="all",
    states=frozenset({"held", "expired", "cancelled", "issued", "used", "changed", "refunded"}),
    hold_minutes=30,
    max_message_bytes=256_000,
    late_after=timedelta(minutes=30),
    arrival="push",
    ignores={
        "messageId": _ENVELOPE,
        "sentAt": _ENVELOPE,
        "act": "says what came last; the snapshot says everything that happened",
        "order_date": "when the page was opened: every ticket carries its own times",
        "cancel_flag": "of the order: whether it may be cancelled; of a ticket it counts for holds only",
        "resign_flag": _FLAG,
        "return_flag": _FLAG,
        "print_eticket_flag": _FLAG,
        "pay_flag": _FLAG,
        "pay_resign_flag": _FLAG,
        "confirm_flag": _FLAG,
        "limit_time": "repeats reserve_time",
        "coach_name": _LABEL,
        "seat_type_name": _LABEL,
        "ticket_type_name": _LABEL,
        "ticket_status_name": _LABEL,
        "passenger_id_type_name": _LABEL,
        "from_station_name": _LABEL,
        "to_station_name": _LABEL,
        "str_ticket_price_page": _PAGE,
        "arrive_time_page": _PAGE,
        "train_code_page": _PAGE,
        "ticket_total_price_page": _PAGE,
        "array_passser_name_page": _PAGE,
        "/*/*/start_train_date_page": _PAGE,
        "status_name": _LABEL,
        "/*/needs/*/seat_name": _LABEL,
        "passenger_id_name": _LABEL,
    },
)
