"""Trains, stations and processors' numbers: forms that every wire of text must check before the contract does."""

import re

from adapters.kit.reading import Record
from schemas.stations import station_name

_TELECODE = re.compile(r"[A-Z]{3}")
_TRAIN_CODE = re.compile(r"[A-Z]?[0-9]{1,4}")
_TRAIN_NO = re.compile(r"[0-9A-Z]{1,12}")
_COACH = re.compile(r"[0-9A-Z]{1,3}")
_SEAT_NO = re.compile(r"[0-9A-Z]{1,4}")
_PROCESSOR_REF = re.compile(r"[0-9A-Za-z_.:-]{1,64}")


def telecode(record: Record, field: str) -> str:
    """Three capitals; a station that our list lacks is carried as it is, with a loss."""
    code = record.matching(field, _TELECODE, "a telecode of three capitals", example="VNP")
    if station_name(code) is None:
        record.lost(field, "unknown_code", "no station of the list has this telecode")
    return code


def train_code(record: Record, field: str) -> str:
    """The code a passenger sees."""
    return record.matching(field, _TRAIN_CODE, "a train code: a letter or none, one to four digits", example="G11")


def train_no(record: Record, field: str) -> str | None:
    """The railway's internal number; None when absent."""
    if not record.has(field):
        return record.optional(field)
    return record.matching(field, _TRAIN_NO, "a train number of up to 12 characters", example="24000000G11A")


def coach(record: Record, field: str) -> str:
    """Two digits, filled up with zeros."""
    return record.matching(field, _COACH, "a coach number", example="05").rjust(2, "0")


def seat_number(record: Record, field: str) -> str | None:
    """Without leading zeros: 012A is 12A; None when the passenger stands."""
    if not record.has(field):
        return record.optional(field)
    number = record.matching(field, _SEAT_NO, "a seat number of up to four characters", example="012A")
    return number.lstrip("0") or None


def processor_ref(record: Record, field: str) -> str:
    """A number that a payment processor or a merchant gave."""
    return record.matching(field, _PROCESSOR_REF, "1 to 64 letters, digits and _ . : -", example="4200000000000001")
