"""Wires: how bytes become named values and back. Nothing here knows what the values mean.

Csv      rows under a header line
Fixed    lines of fixed-width columns, cut as bytes before they are decoded
Json     an object, or an object with a list of rows
Xml      an element, or an element with repeated elements as rows
"""

from adapters.kit.tables.wires.csv_rows import Csv
from adapters.kit.tables.wires.fixed import Fixed
from adapters.kit.tables.wires.json_object import Json
from adapters.kit.tables.wires.port import Column, Frame, Sheet, Wire
from adapters.kit.tables.wires.xml_element import Xml

__all__ = ["Column", "Csv", "Fixed", "Frame", "Json", "Sheet", "Wire", "Xml"]
