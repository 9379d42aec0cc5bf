"""The seal of this installation: field keys as they stand in the settings or the key file, looked up while we run."""

from __future__ import annotations

from hub.store.keyring import Keyring
from hub.store.seal import Seal
from interlock.settings import Settings


def open_seal(settings: Settings) -> Seal:
    """Seals under the newest field key, opens under any, finds people by the blind-index key."""
    keys = settings.keys()
    return Seal(Keyring(settings.field_keys), keys.blind_index)
