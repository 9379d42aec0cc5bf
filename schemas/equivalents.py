"""What every field of the contract is called elsewhere: in OSDM 3.x, in NeTEx 1.2 and on the wire of each channel.

``equivalents.csv``: ``type, field, osdm, netex, web, app, phone, agents, windows``, one row for every field of every
published object. A cell names paths or elements, ``-`` where there is none. It is read by people who connect a system
and by the reference pages. Source: UIC IRS 90918-10 (OSDM 3.9), CEN/TS 16614 parts 1 to 3 (NeTEx; seats by its later
deck plans), the adapters' READMEs.

The table is kept beside the schemas, not in them: an ``x-equivalents`` in every field would triple the published files,
and a new name on a channel's wire would change a contract that has not changed.

>>> equivalents("leg")["train_code"]["web"]
'station_train_code'
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

SYSTEMS = ("osdm", "netex", "web", "app", "phone", "agents", "windows")
NONE = "-"
"""The cell of a system that has no such thing."""


@cache
def table() -> tuple[Mapping[str, str], ...]:
    """Every row, in the order of the published types and their fields."""
    text = files("schemas").joinpath("equivalents.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def equivalents(name: str) -> Mapping[str, Mapping[str, str]]:
    """field -> system -> what it is called there, for one published type; empty for a choice of types."""
    return {row["field"]: {system: row[system] for system in SYSTEMS} for row in table() if row["type"] == name}
