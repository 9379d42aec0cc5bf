"""Pages about the installed channels: what each profile says, and the capability matrix that probing shows."""

from __future__ import annotations

from adapters.kit.capability import Row, Told, capabilities_of
from adapters.kit.registry import Registered, registered
from hub.ports import Extracting, Polled, Profile, Splitting
from interlock.documentation.markdown import code, table
from schemas.acts import ACTS
from schemas.codes import code_list


def channels_page() -> str:
    """The profile of every installed channel, and the ports that its adapter has."""
    parts = [
        "# Channels\n\nFrom each adapter's profile. The wire itself, field by field, is in the adapter's README. An ask"
        " may be refused; a tell is never thrown away. Which channel can do what, act by act, is in the"
        " [capability matrix](capabilities.md). `interlock adapter list` shows the same for what is installed, other"
        " packages' channels included.\n"
    ]
    for name, found in registered().items():
        profile = found.adapter.profile
        rows = [(label, value) for label, value in _profile(profile) if value]
        rows.append(("capabilities", ", ".join(_ports(found.adapter))))
        rows.append(("wire", f"[adapters/{name}/README.md](../../adapters/{name}/README.md)"))
        parts.append(f"## {name}: {profile.name_zh}, {profile.name_en}\n\n{table(('', ''), rows)}")
        if profile.ignores:
            ignored = [(code(field), why) for field, why in profile.ignores.items()]
            parts.append(
                "Fields of the wire that no observation shows, and why; every other field is mapped or reported as"
                f" lost:\n\n{table(('field', 'why'), ignored)}"
            )
    return "\n".join(parts)


def _profile(profile: Profile) -> list[tuple[str, str]]:
    return [
        ("native form", f"`{profile.media_type}`, {profile.encoding}"),
        ("time zone", profile.zone),
        ("reaches the hub by", profile.arrival),
        ("asks", ", ".join(sorted(profile.asks))),
        ("tells", ", ".join(sorted(profile.tells))),
        ("is told of", {"all": "every order", "own": "orders in which it took part"}[profile.scope]),
        ("events", ", ".join(code(name) for name in sorted(profile.subscribes))),
        ("ticket states it can express", ", ".join(code(name) for name in sorted(profile.states))),
        ("a hold lasts", f"{profile.hold_minutes} minutes"),
        ("largest message", f"{profile.max_message_bytes:,} bytes"),
        ("a message counts as late after", f"{int(profile.late_after.total_seconds() // 60)} minutes"),
        ("own code tables", ", ".join(code(name) for name in sorted(profile.code_tables))),
    ]


def _ports(adapter: object) -> list[str]:
    ports = ((Splitting, "splits documents"), (Polled, "is polled"), (Extracting, "hands out its day"))
    return ["parses", "formats", *(words for port, words in ports if isinstance(adapter, port))]


MARKS = {
    "in_full": "yes",
    "with_losses": "partly",
    "as_a_loss": "no, a loss says so",
    "not_at_all": "",
    "silently": "?",
}
"""How far a channel's language can say an act -> the cell."""


def capabilities_page() -> str:
    """Channel x act x direction, by probing; below, what telling each channel loses."""
    channels = {name: capabilities_of(found) for name, found in registered().items()}
    words = code_list("act")
    names = {name: found.adapter.profile.name_zh for name, found in registered().items()}
    parts = [
        "# Capabilities\n\nWhich channel can do what, in three directions. *asks*: it may ask the hub whether the act"
        " may be; the answer binds, and an ask that is not in this table is refused (`act_not_offered`). *tells*: it"
        " tells that the act has happened; that is recorded whatever this table says. *is told*: the hub can tell it of"
        " the act when it happened elsewhere.\n\nMade by probing: asks and tells are declared in the profile and shown"
        " by the adapter's samples, *is told* is one order per act told in the channel's language and read back. The"
        " conformance suite fails when profile and probe differ. `interlock channel may CHANNEL ACT` answers one cell,"
        " says why not, and names the channels that do it.\n"
    ]
    head = ("act", *(f"{name} {names[name]}" for name in channels))
    lines = []
    for act in ACTS:
        cells = [_cell(next(row for row in rows if row.act == act)) for rows in channels.values()]
        lines.append((f"{code(act)} {words.label(act, 'zh')}, {words.label(act, 'en')}", *cells))
    parts.append(table(head, lines))
    parts.append("## What is lost in telling\n\nBeyond what telling a plain sale loses in that channel.\n")
    parts += [_lost(found, rows) for found, rows in zip(registered().values(), channels.values(), strict=True)]
    return "\n".join(parts)


def _cell(row: Row) -> str:
    said = [word for word, does in (("asks", row.asks), ("tells", row.tells)) if does]
    heard = _heard(row.is_told)
    return "; ".join(filter(None, [", ".join(said), f"is told: {heard}" if heard else ""]))


def _heard(told: Told) -> str:
    return MARKS[told.expression]


def _lost(found: Registered, rows: tuple[Row, ...]) -> str:
    profile = found.adapter.profile
    lines = [
        (code(row.act), code(loss.pointer), loss.reason.replace("_", " "), loss.note or loss.native)
        for row in rows
        for loss in row.is_told.losses
    ]
    if not lines:
        return f"### {found.name}: {profile.name_zh}\n\nNothing.\n"
    return f"### {found.name}: {profile.name_zh}\n\n{table(('act', 'place in the order', 'what', 'note'), lines)}"
