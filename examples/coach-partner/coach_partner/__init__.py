"""A coach company (巴士联运) that sells train tickets to its passengers. JSON; the wire is described in README.md."""

from adapters.kit.tables import Amount, Code, Column, Day, Ignored, Json, Moment, Table, Words, channel

LOCAL = Moment("%Y%m%d%H%M")
TABLE = Table(
    Json(rows="items"),
    acts={"reserve": "hold", "buy": "sell", "drop": "cancel", "return": "refund"},
    columns=(
        Column("order", "order_no"),
        Column("partnerOrder", "own_order"),
        Column("sentAt", None, Ignored("when it was sent; items say when they happened")),
        Column("items/do", "act"),
        Column("items/when", "at", Moment("%Y%m%d%H%M%S")),
        Column("items/ticket", "ticket_no"),
        Column("items/holdUntil", "expires_at", Moment("%Y%m%d%H%M%S")),
        Column("items/fare", "fare", Amount("fen")),
        Column("items/traveller/name", "passenger_name"),
        Column("items/traveller/kind", "ticket_type"),
        Column("items/traveller/idKind", "document_type"),
        Column("items/traveller/id", "document_no"),
        Column("items/traveller/phone", "phone"),
        Column("items/train/code", "train_code"),
        Column("items/train/day", "service_date", Day("%Y%m%d")),
        Column("items/train/from", "origin"),
        Column("items/train/to", "destination"),
        Column("items/train/leaves", "depart", LOCAL),
        Column("items/train/arrives", "arrive", LOCAL),
        Column("items/seat/class", "seat_class", Code("seat_class", needed=True)),
        Column("items/seat/coach", "coach"),
        Column("items/seat/no", "seat_number"),
        Column("items/paid/no", "payment_ref"),
        Column("items/paid/fen", "paid", Amount("fen")),
        Column("items/back/no", "refund_ref"),
        Column("items/back/gross", "refund_gross", Amount("fen")),
        Column("items/back/kept", "refund_fee", Amount("fen")),
        Column("items/agency", "agent"),
        Column("items/standing", "standing", Words({"yes": True, "no": False})),
    ),
    given={"processor": "bank", "method": "bank_card"},
)
adapter = channel(
    "coach",
    "巴士联运",
    "coach partner",
    TABLE,
    asks={"hold"},
    code_tables={
        "ticket_type": {"ADT": "adult", "CHD": "child", "STU": "student", "VET": "disabled_veteran"},
        "seat_class": {"E1": "first", "E2": "second", "E0": "business", "N1": "hard_seat"},
        "document_type": {"CN": "resident_id", "PP": "passport", "HM": "hk_macau_permit", "TW": "taiwan_permit"},
    },
)
