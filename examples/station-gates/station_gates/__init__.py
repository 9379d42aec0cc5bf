"""Station gates (闸机): one CSV row per passage. The wire is described in README.md."""

from adapters.kit.tables import Column, Csv, Moment, Table, channel

TABLE = Table(
    Csv(),
    acts={"in": "enter", "out": "exit"},
    columns=(
        Column("ticket", "ticket_no"),
        Column("passed", "act"),
        Column("at", "at", Moment("%Y-%m-%d %H:%M:%S")),
        Column("gate", "terminal"),
    ),
)
adapter = channel("gates", "闸机", "station gates", TABLE)
