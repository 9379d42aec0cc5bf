"""Stations by telecode and by name: 3,319 real ones, ``code_lists/stations.csv``."""

import csv
from functools import cache
from importlib.resources import files


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = files("schemas").joinpath("code_lists/stations.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _names() -> dict[str, str]:
    return {row["telecode"]: row["name_zh"] for row in _rows()}


@cache
def _telecodes() -> dict[str, str]:
    return {row["name_zh"]: row["telecode"] for row in _rows()}


def station_name(telecode: str) -> str | None:
    """北京南 for VNP; None for a telecode nobody has."""
    return _names().get(telecode)


def telecode_of(name_zh: str) -> str | None:
    """VNP for 北京南; a trailing 站 is understood."""
    return _telecodes().get(name_zh) or _telecodes().get(name_zh.removesuffix("站"))


def telecodes() -> frozenset[str]:
    return frozenset(_names())
