"""Every sentence on the pages, in Chinese and in English, side by side so that a translator can check them.

One module for each group of pages; a name is used once in all of them.
"""

from types import ModuleType

from sso.pages.words import (
    account,
    approvals,
    delegation,
    frame,
    one_identity,
    recovery,
    second_step,
    security,
    session,
    sessions,
    sign_in,
)

LOCALES = ("zh-CN", "en")

GROUPS: tuple[ModuleType, ...] = (
    account,
    approvals,
    delegation,
    frame,
    one_identity,
    recovery,
    second_step,
    security,
    session,
    sessions,
    sign_in,
)
WORDS: dict[str, tuple[str, str]] = {name: pair for group in GROUPS for name, pair in group.WORDS.items()}


def say(key: str, locale: str, **values: object) -> str:
    """The sentence `key` in the language of `locale`, with `values` filled in. An unknown key raises KeyError."""
    chinese, english = WORDS[key]
    return (chinese if locale.startswith("zh") else english).format(**values)


def choose_locale(asked: str | None, remembered: str | None, accepted: str | None, default: str) -> str:
    """The language to speak: `ui_locales`, else the remembered choice, else `Accept-Language`, else the default.

    >>> choose_locale(None, None, "fr-CH, fr;q=0.9, en;q=0.8", "zh-CN")
    'en'
    >>> choose_locale("zh-Hans en", None, "en", "en")
    'zh-CN'
    """
    for tag in [*(asked or "").split(), remembered or "", *_by_weight(accepted or "")]:
        language = tag.partition("-")[0].lower()
        if language in ("zh", "en"):
            return "zh-CN" if language == "zh" else "en"
    return default


def _by_weight(accepted: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag))
        except ValueError:
            continue  # one unreadable preference does not spoil the others
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]
