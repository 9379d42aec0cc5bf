"""How surely somebody was recognised: from the methods used (`amr`, RFC 8176) to the class clients ask for (`acr`).

| class | means |
|---|---|
| single-factor | one proof |
| multi-factor | something known and something held; or a passkey that asked for finger, face or PIN |
| document-at-window | a clerk looked at the person and their ID document |
| phone-at-call | a caller read a code from their own phone to the clerk |

The last two say how somebody was recognised where there is no browser; neither stands for the others.
"""

from collections.abc import Iterable

SINGLE_FACTOR = "urn:interlock:acr:single-factor"
MULTI_FACTOR = "urn:interlock:acr:multi-factor"
DOCUMENT_AT_WINDOW = "urn:interlock:acr:document-at-window"
PHONE_AT_CALL = "urn:interlock:acr:phone-at-call"

CLASSES = (SINGLE_FACTOR, MULTI_FACTOR, DOCUMENT_AT_WINDOW, PHONE_AT_CALL)

PASSWORD = ("pwd",)
PHONE_CODE = ("otp", "sms")
TOTP = ("otp",)
RECOVERY_CODE = ("otp",)
PASSKEY_TOUCHED = ("pop", "user")
PASSKEY_VERIFIED = ("pop", "user", "mfa")

_KNOWN = frozenset({"pwd"})
_HELD = frozenset({"otp", "sms", "pop"})

_COVERS = {SINGLE_FACTOR: (SINGLE_FACTOR,), MULTI_FACTOR: (SINGLE_FACTOR, MULTI_FACTOR)}


def acr_of(amr: Iterable[str]) -> str:
    """The class that the methods of one browser session amount to.

    >>> acr_of(["pwd"]) == acr_of(["otp", "sms"]) == SINGLE_FACTOR
    True
    >>> acr_of(["pwd", "otp"]) == acr_of(["pop", "user", "mfa"]) == MULTI_FACTOR
    True
    """
    used = frozenset(amr)
    return MULTI_FACTOR if "mfa" in used or (used & _KNOWN and used & _HELD) else SINGLE_FACTOR


def together(before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """The methods of a session after one more proof, with `mfa` when they are of two kinds.

    >>> together(["pwd"], ["otp"])
    ('pwd', 'otp', 'mfa')
    """
    used = dict.fromkeys([*before, *now])
    used.pop("mfa", None)
    mfa = "mfa" in now or "mfa" in before or acr_of(used) == MULTI_FACTOR
    return (*used, "mfa") if mfa else tuple(used)


def satisfies(acr: str, wanted: Iterable[str]) -> bool:
    """Whether a login of class `acr` is one of the classes that a client asked for (`acr_values`).

    Classes that we do not know are left out: `acr_values` is a wish (OpenID Connect Core 3.1.2.1).

    >>> satisfies(MULTI_FACTOR, [SINGLE_FACTOR]), satisfies(SINGLE_FACTOR, [MULTI_FACTOR]), satisfies(SINGLE_FACTOR, [])
    (True, False, True)
    """
    known = [each for each in wanted if each in CLASSES]
    return not known or any(each in known for each in _COVERS.get(acr, (acr,)))
