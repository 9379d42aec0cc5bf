"""What an agent's answers mean: their own code or HTTP status -> our error, retry or not, whose fault."""

from adapters.kit.transport import Fault, FaultTable

FAULTS: FaultTable = {
    "1001": Fault("unauthenticated", False, "operator", "The agent does not know our key."),
    "1002": Fault("query_invalid", False, "hub", "The agent did not understand the watermark."),
    "1003": Fault("query_invalid", False, "hub", "The agent has no such business date."),
    "1005": Fault("not_ready", True, "hub", "We ask the agent more often than agreed."),
    "1009": Fault("not_ready", True, "channel", "The agent is between business days: its day is not closed yet."),
    "9999": Fault("not_ready", True, "channel", "The agent's system failed."),
    "401": Fault("unauthenticated", False, "operator", "The agent does not know us: check the credentials."),
    "403": Fault("forbidden", False, "operator", "The agent does not allow this."),
    "404": Fault("query_invalid", False, "hub", "The agent has no such address or date."),
    "429": Fault("not_ready", True, "hub", "We ask the agent too often."),
    "4xx": Fault("query_invalid", False, "hub", "The agent did not understand us."),
    "5xx": Fault("not_ready", True, "channel", "The agent failed."),
}
