"""A channel as a table, for the many whose messages are flat: one record, one act on one ticket.

    from adapters.kit.tables import Column, Csv, Table, channel

    COLUMNS = ("ticket_no", "act", "at", Column("gate", "terminal"))
    TABLE = Table(Csv(), acts={"in": "enter", "out": "exit"}, columns=COLUMNS)
    adapter = channel("gates", "闸机", "station gates", TABLE)

table     the declaration; adapter is what is made of it
slots     everything a record can say, with its usual form
codecs    forms of values, both ways
wires     CSV, fixed width, JSON, XML
acts      acts -> facts; telling is its inverse
"""

from adapters.kit.tables.adapter import TableAdapter, channel
from adapters.kit.tables.codecs import Amount, Code, Day, Flag, Identifier, Moment, Number, Reads, Text, Words
from adapters.kit.tables.silent import Always, Ignored, Reserved
from adapters.kit.tables.table import Table, TableError
from adapters.kit.tables.wires import Column, Csv, Fixed, Json, Xml

__all__ = [
    "Always",
    "Amount",
    "Code",
    "Column",
    "Csv",
    "Day",
    "Fixed",
    "Flag",
    "Identifier",
    "Ignored",
    "Json",
    "Moment",
    "Number",
    "Reads",
    "Reserved",
    "Table",
    "TableAdapter",
    "TableError",
    "Text",
    "Words",
    "Xml",
    "channel",
]
