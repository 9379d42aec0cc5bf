"""Every sentence of the console in Chinese and English: what is missing in one language is missing in ``sentences``."""

from collections.abc import Mapping

from interlock.console.sentences import finance, frame, leaving, ledger, operating, reconciling
from schemas.codes import code_list
from schemas.problems import catalogue

LANGUAGES = {"zh": "中文", "en": "English"}

_TABLES = (
    frame.SENTENCES,
    operating.SENTENCES,
    ledger.SENTENCES,
    reconciling.SENTENCES,
    finance.SENTENCES,
    leaving.SENTENCES,
)
WORDS: Mapping[str, tuple[str, str]] = {key: said for table in _TABLES for key, said in table.items()}


def choose_language(asked: str | None, remembered: str | None, accepted: str | None) -> str:
    """``zh`` or ``en``: what was asked for just now, else what this browser chose before, else what it prefers."""
    for wish in (asked, remembered):
        if wish in LANGUAGES:
            return wish
    for part in (accepted or "").split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return "zh"


def say(key: str, language: str) -> str:
    """The words for ``key``; raises ``KeyError`` for one that is not in the table, so that a test finds it."""
    return WORDS[key][0 if language == "zh" else 1]


def complaint(what: str, language: str) -> str:
    """What is wrong with a field: one of our sentences, or what a rule said, which only speaks English."""
    if what in WORDS:
        return say(what, language)
    return f"{say('cannot_be', language)} ({what})" if language == "zh" else what


def label(code: str | None, language: str) -> str:
    """The words for a code that data holds; the code itself when nobody has given it words."""
    if not code:
        return ""
    if code in WORDS:
        return say(code, language)
    for name in ("ticket_state", "seat_class", "ticket_type", "document_type", "payment_method", "processor"):
        if code in code_list(name):
            return code_list(name).label(code, language)
    row = catalogue().get(code)
    if row is not None:
        return row["zh" if language == "zh" else "title"]
    return code.replace("_", " ")


def channel_name(channel: str | None, language: str) -> str:
    """A channel's name as people say it."""
    if not channel:
        return ""
    names = code_list("sales_channel")
    return names.label(channel, language) if channel in names else label(channel, language)
