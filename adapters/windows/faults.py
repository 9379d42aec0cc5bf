"""What the window system's answers mean: its code or HTTP status -> our error, retry or not, whose fault."""

from adapters.kit.transport import Fault, FaultTable

FAULTS: FaultTable = {
    "CT01": Fault("control_total_wrong", False, "channel", "The window system could not balance its own day."),
    "DT01": Fault("query_invalid", False, "hub", "The window system has no such business date."),
    "SH01": Fault("not_ready", True, "channel", "A shift of that day is still open."),
    "401": Fault("unauthenticated", False, "operator", "The window system does not know us: check the credentials."),
    "403": Fault("forbidden", False, "operator", "The window system does not allow this."),
    "404": Fault("query_invalid", False, "hub", "The window system has no such address or date."),
    "429": Fault("not_ready", True, "hub", "We ask the window system too often."),
    "4xx": Fault("query_invalid", False, "hub", "The window system did not understand us."),
    "5xx": Fault("not_ready", True, "channel", "The window system failed."),
}
