"""What the retailer's own system answers when it is asked for its day, and what that means to us.

OSDM answers refusals as RFC 9457 problems whose ``code`` names them; where there is none, the HTTP status decides.
"""

from adapters.kit.transport import Fault

FAULTS = {
    "400": Fault("query_invalid", False, "hub", "The retailer does not understand our question."),
    "401": Fault("unauthenticated", False, "operator", "The retailer does not accept our token: renew it."),
    "403": Fault("forbidden", False, "operator", "The retailer does not let us read bookings: ask its operator."),
    "404": Fault("query_invalid", False, "hub", "The retailer has no extract of that day."),
    "408": Fault("not_ready", True, "channel", "The retailer was too slow to answer."),
    "409": Fault("not_ready", True, "channel", "The retailer is changing what we ask for."),
    "415": Fault("query_invalid", False, "hub", "The retailer speaks another version of OSDM."),
    "429": Fault("not_ready", True, "hub", "We ask the retailer too often."),
    "501": Fault("query_invalid", False, "operator", "The retailer does not offer what we ask for."),
    "4xx": Fault("query_invalid", False, "hub", "The retailer refuses our question."),
    "5xx": Fault("not_ready", True, "channel", "The retailer's own system is failing."),
    "EXTRACT_NOT_READY": Fault("not_ready", True, "channel", "The retailer is still writing its extract."),
    "UNSUPPORTED_VERSION": Fault("query_invalid", False, "operator", "The retailer has given up our version of OSDM."),
}
