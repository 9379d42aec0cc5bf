"""Pages made from the contract's own tables: settings, problems, code lists, states, channels, schemas."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from adapters.kit.registry import registered
from hub.ports import Extracting, Polled, Profile, Splitting
from interlock.documentation.markdown import code, prose, table
from interlock.settings import Settings
from schemas.model import SCHEMA_VERSION
from schemas.problems import catalogue
from schemas.publish import PUBLISHED, published
from schemas.states import state_machine

_CHANNELS = ("web", "app", "phone", "agents", "windows")
_NO_CROSS_WALK = {"outcomes", "problems", "stations"}


def settings_page() -> str:
    """Every environment variable."""
    prefix = str(Settings.model_config["env_prefix"])
    rows = [
        (code(f"{prefix}{name}".upper()), code(_default(field.default)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\nRead once from the environment when a process starts; nothing else reads it. An empty value"
        " counts as unset. `interlock doctor` shows the values in force, secrets masked.\n\n"
        + table(("variable", "default", "meaning"), rows)
    )


def _default(value: Any) -> str:
    return "" if value is None else str(value)


def problems_page() -> str:
    """Every refusal and error."""
    whose = {"nobody": "nobody: it is how things are", "person": "a person at this desk"}
    rows = [
        (code(name), row["status"], f"{row['title']} {row['zh']}", row["remedy"], whose.get(row["whose"], row["whose"]))
        for name, row in catalogue().items()
    ]
    return (
        "# Problems\n\nEvery error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`,"
        " and the members `code` (stable: programs look at it), `pointers` (where in the message: place, expected form,"
        " what was found, an example) and `remedy` (what to do next). `GET /v1/problems/{code}` answers one row of this"
        " table. The login provider's errors are OAuth's own: [sso](sso.md).\n\n"
        + table(("code", "status", "title", "remedy", "whose move"), rows)
    )


def code_lists_page() -> str:
    """Every cross-walk between our codes and the channels'."""
    parts = [
        "# Code lists\n\nThe tables that translate between our codes and each channel's, in `schemas/code_lists/`. A"
        " cell may hold several native spellings: the first is written, all are read. A spelling that no row has"
        " becomes `unknown` and a reported loss, or refuses the message where it cannot do without. A connection"
        " may override single cells in its profile. `stations.csv` (3,319 stations, telecode and names) is not shown.\n"
    ]
    for name in code_list_names():
        rows = [
            (code(row["code"]), row["zh"], row["en"], *(row[channel] for channel in _CHANNELS)) for row in _csv(name)
        ]
        parts.append(f"## {name}\n\n{table(('code', '中文', 'English', *_CHANNELS), rows)}")
    outcomes = [(code(row["code"]), row["zh"], row["en"]) for row in _csv("outcomes")]
    parts.append(f"## outcomes\n\nWhat the hub answers to a message.\n\n{table(('code', '中文', 'English'), outcomes)}")
    return "\n".join(parts)


def code_list_names() -> list[str]:
    """The cross-walks, by name."""
    folder = files("schemas").joinpath("code_lists")
    names = {item.name.removesuffix(".csv") for item in folder.iterdir() if item.name.endswith(".csv")}
    return sorted(names - _NO_CROSS_WALK)


def _csv(name: str) -> list[dict[str, str]]:
    text = files("schemas").joinpath(f"code_lists/{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def states_page() -> str:
    """The state tables as diagrams."""
    ticket, order = state_machine("ticket"), state_machine("order")
    rows = [
        (code(name), state["zh"], state["en"], str(state["rank"]), "yes" if state["valid"] else "")
        for name, state in ticket["states"].items()
    ]
    clashes = [(" and ".join(map(code, rule["facts"])), code(rule["dispute"])) for rule in ticket["exclusions"]]
    rules = [(rule["when"], code(rule["then"])) for rule in order["fulfilment"]["rules"]]
    return (
        "# States\n\n## Ticket\n\nA ticket is in the state with the highest rank among its facts, whatever the order in"
        " which they came. It keeps its seat in the states marked *valid*. Data: `schemas/states/ticket.json`.\n\n"
        f"```mermaid\n{ticket_diagram(ticket)}```\n\n"
        + table(("state", "中文", "English", "rank", "valid"), rows)
        + "\nFacts that cannot both be true open a dispute; both stay, each with its witnesses.\n\n"
        + table(("facts", "dispute"), clashes)
        + "\nMore disputes come from values and from the hub: `amount_differs`, `seat_differs`, `changed_twice`,"
        " `refunded_twice`, `paid_after_hold_expired`, `seat_already_sold`.\n\n"
        "## Order\n\nFour statuses, independent of each other, all derived and never stored as a truth of their own."
        " Fulfilment takes the first rule that fits:\n\n"
        + table(("when", "fulfilment"), rules)
        + "\n"
        + table(
            ("status", "values"),
            [(name, ", ".join(map(code, order[name]["order"]))) for name in ("payment", "refund", "dispute")],
        )
    )


def ticket_diagram(ticket: Mapping[str, Any]) -> str:
    """The transitions as a Mermaid state diagram. Source: mermaid.js.org, "State diagrams"."""
    lines = ["stateDiagram-v2", f"    [*] --> {ticket['initial']}"]
    for transition in ticket["transitions"]:
        verb = transition["fact"].removeprefix("ticket.")
        lines += [f"    {origin} --> {transition['to']}: {verb}" for origin in transition["from"]]
    lines += [f"    {name} --> [*]" for name, state in ticket["states"].items() if state.get("final")]
    return "\n".join(lines) + "\n"


def channels_page() -> str:
    """The profile of every installed channel, and its capabilities by probing."""
    parts = [
        "# Channels\n\nFrom each adapter's profile. The wire itself, field by field, is in the adapter's README. An ask"
        " may be refused; a tell is never thrown away. `interlock adapter list` shows the same for what is installed,"
        " other packages' channels included.\n"
    ]
    for name, found in registered().items():
        profile = found.adapter.profile
        rows = [(label, value) for label, value in _profile(profile) if value]
        rows.append(("capabilities", ", ".join(_capabilities(found.adapter))))
        rows.append(("wire", f"[adapters/{name}/README.md](../../adapters/{name}/README.md)"))
        parts.append(f"## {name}: {profile.name_zh}, {profile.name_en}\n\n{table(('', ''), rows)}")
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


def _capabilities(adapter: object) -> list[str]:
    ports = ((Splitting, "splits documents"), (Polled, "is polled"), (Extracting, "hands out its day"))
    return ["parses", "formats", *(words for port, words in ports if isinstance(adapter, port))]


def schemas_page() -> str:
    """The published JSON Schemas."""
    rows = [
        (f"[{name}](../../schemas/published/{SCHEMA_VERSION}/{name}.json)", code(published(name)["$id"]), _about(name))
        for name in PUBLISHED
    ]
    return (
        f"# Schemas\n\nThe canonical contract, version {SCHEMA_VERSION}, as JSON Schema 2020-12. Each file stands"
        " alone, is closed (no unknown fields) and marks personal data with `x-personal` and, where the ledger keeps it"
        " encrypted, `x-sealed`. `interlock schema validate FILE --as NAME` checks a document.\n\n"
        + table(("name", "$id", "what it is"), rows)
    )


def _about(name: str) -> str:
    return prose(str(published(name).get("description", "")).split("\n\n")[0])
