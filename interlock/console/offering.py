"""What each channel offers: the capability matrix, probed once for the life of the process."""

from functools import cache
from typing import Any

from adapters.kit.capability import Row, capabilities_of
from adapters.kit.registry import registered
from schemas.acts import ACTS, Act
from schemas.codes import code_list


@cache
def offered() -> dict[str, Any]:
    """``{channels: [{channel, zone, arrival, states, ignores}], acts: [{act, zh, en, cells}]}``; cells stand in the
    order of the channels. Adapters and samples do not change while a process runs."""
    found = {name: capabilities_of(item) for name, item in registered().items()}
    profiles = [item.adapter.profile for item in registered().values()]
    return {
        "channels": [
            {
                "channel": profile.channel,
                "arrival": profile.arrival,
                "media_type": profile.media_type,
                "encoding": profile.encoding,
                "states": sorted(profile.states),
            }
            for profile in profiles
        ],
        "acts": [
            {**_named(act), "cells": [_cell(row) for rows in found.values() for row in rows if row.act == act]}
            for act in ACTS
        ],
    }


def _named(act: Act) -> dict[str, str]:
    words = code_list("act")
    return {"act": act, "zh": words.label(act, "zh"), "en": words.label(act, "en")}


def _cell(row: Row) -> dict[str, Any]:
    return {
        "asks": row.asks,
        "tells": row.tells,
        "is_told": row.is_told.expression,
        "losses": [loss.model_dump(exclude_defaults=True) for loss in row.is_told.losses],
        "samples": len({*row.asked_in, *row.told_in}),
    }
