"""Messages in: parse, deduplicate, decide, interlock, commit: one path for HTTP, files, polls and our own acts."""

from hub.intake.answers import Answer
from hub.intake.intake import Intake
from hub.intake.receipts import Receipt

__all__ = ["Answer", "Intake", "Receipt"]
