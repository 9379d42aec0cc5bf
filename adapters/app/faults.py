"""What the app's own system answers when it is asked for its day, and what that means to us."""

from adapters.kit.transport import Fault

FAULTS = {
    "400": Fault("query_invalid", False, "hub", "The app does not understand our question."),
    "401": Fault("unauthenticated", False, "operator", "The app does not accept our credentials: renew them."),
    "403": Fault("forbidden", False, "operator", "The app does not let us read extracts: ask its operator."),
    "404": Fault("query_invalid", False, "hub", "The app has no extract of that day."),
    "423": Fault("not_ready", True, "channel", "The app is still writing its extract."),
    "429": Fault("not_ready", True, "hub", "We ask the app too often."),
    "4xx": Fault("query_invalid", False, "hub", "The app refuses our question."),
    "5xx": Fault("not_ready", True, "channel", "The app's own system is failing."),
    "MOR_BUSY": Fault("not_ready", True, "channel", "The app sheds load at peak: ask again."),
}
