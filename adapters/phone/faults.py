"""What the call centre's answers mean: their SOAP fault or HTTP status -> our error, retry or not, whose fault."""

from adapters.kit.transport import Fault, FaultTable

FAULTS: FaultTable = {
    "P-DATE": Fault("query_invalid", False, "hub", "The call centre has no such business date."),
    "P-OPEN": Fault("not_ready", True, "channel", "The call centre has not closed that business date yet."),
    "P-BUSY": Fault("not_ready", True, "channel", "The call centre is busy."),
    "401": Fault("unauthenticated", False, "operator", "The call centre does not know us: check the credentials."),
    "403": Fault("forbidden", False, "operator", "The call centre does not allow this."),
    "404": Fault("query_invalid", False, "hub", "The call centre has no such address or date."),
    "429": Fault("not_ready", True, "hub", "We ask the call centre too often."),
    "4xx": Fault("query_invalid", False, "hub", "The call centre did not understand us."),
    "5xx": Fault("not_ready", True, "channel", "The call centre failed."),
}
