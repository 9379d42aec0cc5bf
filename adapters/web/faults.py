"""What the web's own system answers when it is asked for its day, and what that means to us."""

from adapters.kit.transport import Fault

FAULTS = {
    "404": Fault("query_invalid", False, "hub", "The web has no extract of that day yet."),
    "401": Fault("unauthenticated", False, "operator", "The web does not accept our credentials: renew them."),
    "403": Fault("forbidden", False, "operator", "The web does not let us read extracts: ask its operator."),
    "409": Fault("not_ready", True, "channel", "The web is still writing its extract."),
    "429": Fault("not_ready", True, "hub", "We ask the web too often."),
    "4xx": Fault("query_invalid", False, "hub", "The web does not understand our question."),
    "5xx": Fault("not_ready", True, "channel", "The web's own system is failing."),
    "WEB-2101": Fault("not_ready", True, "channel", "The web's nightly batch is running."),
    "WEB-2404": Fault("query_invalid", False, "hub", "The web has already deleted that day."),
}
