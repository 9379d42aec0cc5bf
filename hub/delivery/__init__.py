"""Events out: in order per (order, channel), concurrent across orders, signed, retried, never lost."""

from hub.delivery.pump import Drained, Pump, PumpOptions
from hub.delivery.signing import sign, verify

__all__ = ["Drained", "Pump", "PumpOptions", "sign", "verify"]
