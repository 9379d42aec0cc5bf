"""What can be done about a break, as one table: for which kinds, by which door, and how it is taken back.

An action is a promise; the next run is the proof. The table is data so that the workbook, the console, the policy check
and the reference page all say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from reconciliation.kinds import KINDS, BreakKind

Action = Literal[
    "take_channel",
    "push_hub",
    "ask_again",
    "refund",
    "write_off",
    "accept_timing",
    "link",
    "reject",
    "leave",
]
Source = Literal["channel", "processor", "seats"]
"""What stands on the other side of the pair."""

_VALUES: tuple[BreakKind, ...] = ("AMOUNT", "STATUS", "SEAT", "IDENTITY", "CURRENCY", "FEE")
_ONE_SIDED: tuple[BreakKind, ...] = ("MISSING_IN_HUB", "MISSING_IN_CHANNEL", "DUPLICATE")
_MONEY: tuple[BreakKind, ...] = ("ORPHAN_REFUND", "DOUBLE_PAYMENT", "PAID_NO_TICKET", "TICKET_NO_PAYMENT")
_BOTH: tuple[Source, ...] = ("channel", "processor")


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action. ``by_policy``: a policy may do it too. ``takes_back``: an undo withdraws something; where there were
    only words, it opens the break again."""

    name: Action
    title_zh: str
    title_en: str
    kinds: tuple[BreakKind, ...]
    sources: tuple[Source, ...]
    does: str
    undone_by: str
    by_policy: bool = True
    takes_back: bool = True


_ROWS = (
    ActionRow(
        "take_channel",
        "取对方数据",
        "take the other side's record",
        (*_VALUES, "MISSING_IN_HUB", "ORPHAN_REFUND"),
        _BOTH,
        "Post the channel's own messages of the order, or what the processor's line says, through hub intake.",
        "withdrawing the facts that it brought",
    ),
    ActionRow(
        "push_hub",
        "推送枢纽数据",
        "tell the channel again",
        (*_VALUES, "MISSING_IN_CHANNEL", "DUPLICATE"),
        ("channel",),
        "Send the order's present state to the channel once more.",
        "nothing: what was told cannot be untold; the break is open again",
        takes_back=False,
    ),
    ActionRow(
        "ask_again",
        "重新索取",
        "ask the other side again",
        (*_VALUES, *_ONE_SIDED, *_MONEY, "CONTROL_TOTAL", "AMBIGUOUS"),
        _BOTH,
        "Fetch the channel's day, or look for the processor's file, once more; done when it says something else now.",
        "nothing: the break is open again",
        takes_back=False,
    ),
    ActionRow(
        "refund",
        "退款",
        "give the money back",
        ("DOUBLE_PAYMENT", "PAID_NO_TICKET", "ORPHAN_REFUND"),
        ("processor",),
        "State the payment that the processor has and ask for its refund; a refund that has left already is recorded.",
        "withdrawing the payment and the refund that it stated",
    ),
    ActionRow(
        "write_off",
        "核销",
        "write the difference off",
        (*_VALUES, *_ONE_SIDED, *_MONEY, "AMBIGUOUS"),
        _BOTH,
        "Accept exactly these two values, with an expense account and a reason code.",
        "withdrawing the acceptance; both sides are seen again",
    ),
    ActionRow(
        "accept_timing",
        "确认跨日",
        "accept the timing",
        ("TIMING",),
        _BOTH,
        "Nothing to post: both sides say the same, on neighbouring dates.",
        "nothing: the break is open again",
        takes_back=False,
    ),
    ActionRow(
        "link",
        "人工匹配",
        "link by hand",
        (*_ONE_SIDED, *_MONEY, "AMBIGUOUS"),
        _BOTH,
        "Match rows of the two sides that carry different keys, one to one or one to many; sums must agree, or the rest"
        " has an expense account. Each row is claimed once.",
        "freeing every row of the link (unlink)",
        by_policy=False,
    ),
    ActionRow(
        "reject",
        "驳回",
        "reject the other side's claim",
        (*_VALUES, "MISSING_IN_HUB", "DUPLICATE", "ORPHAN_REFUND", "AMBIGUOUS"),
        _BOTH,
        "The other side is wrong and has been told so: nothing is posted, and exactly this claim is no break any more.",
        "withdrawing the rejection; the claim is seen again",
        by_policy=False,
    ),
    ActionRow(
        "leave",
        "留待人工",
        "leave it for a person",
        KINDS,
        ("channel", "processor", "seats"),
        "Nothing; a person decides.",
        "-",
        takes_back=False,
    ),
)

ACTIONS: Mapping[Action, ActionRow] = {row.name: row for row in _ROWS}
ACTION_NAMES: tuple[Action, ...] = get_args(Action)


def actions_for(kind: BreakKind, source: Source | None = None) -> tuple[Action, ...]:
    """What may be done about a break of this kind, in the table's order; ``source``: against what it was found."""
    return tuple(row.name for row in _ROWS if kind in row.kinds and (source is None or source in row.sources))
