"""What a channel can do, act by act, in three directions; found by probing, compared with what its profile declares.

    asks      it may ask the hub whether the act may be: the answer binds
    tells     it may tell the hub that the act has happened
    is told   the hub can tell it that the act has happened elsewhere

What it sends is probed with its samples: the newest facts of a message are the acts that the message reports. What
it understands is probed with one order per act (``capability_probes``): told in its language and read back.

``may`` answers "may this channel do this act, and if not, why, and where can the passenger go" from profiles alone;
the conformance suite holds profiles and probes together.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.kit.capability_probes import EVENT_OF_ACT, event_about, probe
from adapters.kit.golden import pairs
from adapters.kit.registry import Registered
from hub.ports import Adapter, Profile
from schemas.acts import ACTS, EVIDENCE, Act, kinds, not_among
from schemas.codes import code_list
from schemas.events import EventType
from schemas.observation import Loss, Observation

Direction = Literal["ask", "tell"]
Expression = Literal["in_full", "with_losses", "as_a_loss", "not_at_all", "silently"]


@dataclass(frozen=True, slots=True)
class Told:
    """How far a channel's language can say an act. ``losses``: what telling it loses beyond telling a sale."""

    expression: Expression
    event: EventType
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One act in one channel. ``asked_in`` and ``told_in`` name the samples that show it."""

    act: Act
    asks: bool
    tells: bool
    is_told: Told
    asked_in: tuple[str, ...]
    told_in: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a channel may, why, and in ``elsewhere`` which other channels do the act: where the passenger can go."""

    channel: str
    act: Act
    direction: Direction
    may: bool
    why: str
    why_zh: str
    elsewhere: tuple[str, ...]


def capabilities(adapter: Adapter, samples: Iterable[tuple[str, Observation]]) -> tuple[Row, ...]:
    """The rows of one channel: declared by its profile, shown by its samples, probed in its language."""
    profile = adapter.profile
    seen = [(name, observed.mode, frozenset(kinds(observed.facts))) for name, observed in samples]

    def showing(act: Act, mode: str) -> tuple[str, ...]:
        return tuple(name for name, said, facts in seen if said == mode and facts & set(EVIDENCE[act]))

    return tuple(
        Row(
            act,
            act in profile.asks,
            act in profile.tells,
            told(adapter, act),
            showing(act, "ask"),
            showing(act, "tell"),
        )
        for act in ACTS
    )


def capabilities_of(found: Registered) -> tuple[Row, ...]:
    """The rows of an installed channel, from its own samples."""
    read = ((p.name, found.adapter.parse(p.native.read_bytes())) for p in pairs(found.samples))
    return capabilities(found.adapter, [(name, seen) for name, seen in read if isinstance(seen, Observation)])


def told(adapter: Adapter, act: Act) -> Told:
    """Tell the channel of an order to which this has just happened, and read back what it would believe."""
    channel, event_type = adapter.profile.channel, EVENT_OF_ACT[act]
    if event_type not in adapter.profile.subscribes:
        return Told("not_at_all", event_type)
    formatted = adapter.format(*event_about(probe(act, channel), event_type))
    if formatted is None:
        return Told("not_at_all", event_type)
    usual = adapter.format(*event_about(probe("sell", channel), "order.issued"))
    known = {(loss.pointer, loss.reason) for loss in usual.losses} if usual and act != "sell" else set()
    losses = tuple(loss for loss in formatted.losses if (loss.pointer, loss.reason) not in known)
    answer = adapter.parse(formatted.body)
    heard = isinstance(answer, Observation) and bool(set(kinds(answer.facts)) & set(EVIDENCE[act]))
    if heard:
        return Told("with_losses" if losses else "in_full", event_type, losses)
    return Told("as_a_loss" if losses else "silently", event_type, losses)


def undeclared(profile: Profile, observed: Observation) -> Iterator[str]:
    """The newest facts of a message that no act of its direction explains; what another channel did is nobody's lie."""
    if observed.point_of_sale.channel == profile.channel:
        declared = profile.asks if observed.mode == "ask" else profile.tells
        for kind, acts in not_among(declared, observed.facts).items():
            yield f"{kind} ({' or '.join(sorted(acts))})"


def may(profiles: Mapping[str, Profile], channel: str, act: Act, direction: Direction) -> Answer:
    """Whether ``channel`` may ask for or tell of ``act``; if not, why, and who may. Raises ``KeyError`` for no channel.

    A tell of an undeclared act is still recorded (what has happened, has happened); the answer says what is agreed.
    """
    profile = profiles[channel]
    elsewhere = tuple(sorted(n for n, p in profiles.items() if act in p.asks | p.tells and n != channel))
    words = code_list("act")
    verb, verb_zh = ("ask to", "请求") if direction == "ask" else ("tell of", "告知")
    act_en, act_zh = words.label(act, "en"), words.label(act, "zh")
    if act in (profile.asks if direction == "ask" else profile.tells):
        why = f"{profile.name_en} may {verb} “{act_en}”."
        return Answer(channel, act, direction, True, why, f"{profile.name_zh}可以{verb_zh}“{act_zh}”。", elsewhere)
    other = "tells" if direction == "ask" else "asks"
    if act in (profile.tells if direction == "ask" else profile.asks):
        why = f"{profile.name_en} does not {verb} “{act_en}”: it {other} only."
        why_zh = f"{profile.name_zh}不{verb_zh}“{act_zh}”，只{'告知' if direction == 'ask' else '请求'}。"
    else:
        why = f"{profile.name_en} has no “{act_en}” at all."
        why_zh = f"{profile.name_zh}没有“{act_zh}”业务。"
    return Answer(channel, act, direction, False, why, why_zh, elsewhere)


def silent_about(adapter: Adapter) -> list[Act]:
    """Acts that the channel would be told of without hearing them and without a loss that says so."""
    return [act for act in ACTS if told(adapter, act).expression == "silently"]
