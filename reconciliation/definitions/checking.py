"""What is valid but unwise, and what cannot hold together: the second half of ``interlock recon definitions check``.

Each check is a function from a document to findings; the list at the end is all of them. None is thrown: an operator
wants the whole list at once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from reconciliation.calendars import Calendar, known_through
from reconciliation.definitions.catalogue import Catalogue
from reconciliation.definitions.model import Definition, GroupPass, SecondaryPass, Side, SuggestPass, View
from reconciliation.definitions.reading import Document, DocumentError, Finding, read_document

LARGE_TOLERANCE = 100
"""Minor units: above one yuan, a tolerance hides more than rounding."""
MINUTES_A_DAY = 1440
UNIQUE_KEYS = frozenset({"ticket_no", "processor|reference", "ticket_no+ticket_no"})
USUAL_DELAY_MINUTES: Mapping[str, int] = {
    "wechat": 600,
    "alipay": 540,
    "unionpay": 480,
    "bank": 360,
    "stripe": 720,
    "adyen": 720,
}
"""How long after the date's end a processor usually has its file; by its own documentation or by habit."""

Place = tuple[str, str, str]
"""(JSON pointer, what is so, remedy)."""


def _tolerances(definition: Definition) -> Iterator[Place]:
    for number, comparison in enumerate(definition.compare):
        widest = max(map(abs, comparison.bounds))
        if comparison.field == "amount" and widest > LARGE_TOLERANCE:
            said = f"differences of up to {widest} minor units are no breaks: more than rounding explains"
            yield f"/compare/{number}/tolerance", said, "Keep the tolerance small and let the policy write off."
    for number, one in enumerate(definition.passes):
        if isinstance(one, GroupPass) and one.tolerance > LARGE_TOLERANCE:
            said = f"sums may differ by {one.tolerance} minor units"
            yield f"/passes/{number}/tolerance", said, "Keep it small: the difference of a group has no break."


def _calendars(definition: Definition) -> Iterator[tuple[str, Side, Calendar]]:
    sides: tuple[Side, Side] = ("left", "right")
    for side in sides:
        own = definition.left_calendar if side == "left" else definition.right_calendar
        if own is not None:
            yield f"/{side}_calendar", side, own
    if definition.left_calendar is None or definition.right_calendar is None:
        yield "/calendar", "right", definition.calendar


def _delays(definition: Definition) -> Iterator[Place]:
    usual = USUAL_DELAY_MINUTES.get(definition.right.of or "", 0) if definition.right.source == "processor" else 0
    for place, side, calendar in _calendars(definition):
        if side == "right" and calendar.grace_minutes < max(usual, calendar.ready_minutes):
            said = f"grace is over {calendar.grace_minutes} minutes after the date, its file usually comes after"
            remedy = f"Give at least {max(usual, calendar.ready_minutes)} minutes."
            yield f"{place}/grace_minutes", f"{said} {max(usual, calendar.ready_minutes)}", remedy


def _windows(definition: Definition) -> Iterator[Place]:
    for place, _, calendar in _calendars(definition):
        reach = max(calendar.window_days[1], -calendar.window_days[0])
        if reach > 1 and calendar.edge_minutes < MINUTES_A_DAY:
            said = f"a counterpart may stand {reach} days away, but only rows of the last minutes of a date wait for it"
            yield f"{place}/edge_minutes", said, "Set edge_minutes to 1440, or window_days to [-1, 1]."
        needed = (reach - calendar.settles_after) * MINUTES_A_DAY + calendar.ready_minutes
        if needed > calendar.grace_minutes and calendar.edge_minutes:
            said = f"grace is over before the file of the last of {reach} days is usually there"
            yield f"{place}/grace_minutes", said, f"Give {needed} minutes, or a narrower window."
    for number, one in enumerate(definition.passes):
        if isinstance(one, (SecondaryPass, GroupPass, SuggestPass)):
            low, high = definition.calendar.window_days
            if one.window_days[0] < low or one.window_days[1] > high:
                said = f"the pass looks {list(one.window_days)} days away, rows wait only {[low, high]}"
                yield f"/passes/{number}/window_days", said, "Widen the calendar's window_days."


def _keys(definition: Definition) -> Iterator[Place]:
    exact = any(one.step == "exact" for one in definition.passes)
    if exact and not set(definition.key) <= UNIQUE_KEYS:
        weak = sorted(set(definition.key) - UNIQUE_KEYS)[0]
        yield "/key", f"{weak!r} does not name one row: duplicates will be paired in order", "Use it in a group pass."


def _seats(definition: Definition) -> Iterator[Place]:
    for number, comparison in enumerate(definition.compare):
        if definition.right.source == "processor" and comparison.field in {"seat", "state", "person"}:
            yield f"/compare/{number}", f"a processor does not know the {comparison.field}", "Remove the comparison."
    if definition.fee is not None and not any(c.field == "amount" for c in definition.compare):
        yield "/fee", "the fee is checked, the amount is not", "Compare the amount too."


WARNINGS: tuple[Callable[[Definition], Iterable[Place]], ...] = (_tolerances, _delays, _windows, _keys, _seats)


def check_document(
    document: Document, file: str, pairs: Collection[str], policies: Collection[str], today: date
) -> list[Finding]:
    """Everything to say about one valid document. ``pairs`` and ``policies``: the names that there are."""
    if isinstance(document, View):
        return [
            Finding(file, f"/pairs/{number}", "error", f"there is no pair {name!r}", f"There are {_listed(pairs)}.")
            for number, name in enumerate(document.pairs)
            if name not in pairs
        ]
    places = [place for rule in WARNINGS for place in rule(document)] + list(_years(document, today))
    found = [Finding(file, place, "warning", said, remedy) for place, said, remedy in places]
    if document.policy not in policies:
        said = f"there is no policy {document.policy!r}"
        found.append(Finding(file, "/policy", "error", said, f"There are {_listed(policies)}."))
    return found


def _years(definition: Definition, today: date) -> Iterator[Place]:
    for place, _, calendar in _calendars(definition):
        last = known_through(calendar.holidays) if calendar.holidays else None
        stated = max((day.year for day in (*calendar.rest_days, *calendar.work_days)), default=0)
        needed = today.year + (today.month == 12)
        if last is not None and max(last, stated) < needed:
            known = f"the rest days of {calendar.holidays} are known up to {max(last, stated)}"
            said = f"{known}: when dates of {needed} are due cannot be said"
            remedy = "Update the package 'holidays', or state the announced days in rest_days and work_days."
            yield f"{place}/holidays", said, remedy


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def check_files(paths: Iterable[Path], known: Catalogue, policies: Collection[str], today: date) -> list[Finding]:
    """Findings of files that need not be installed yet; they may name each other's pairs."""
    found: list[Finding] = []
    read: list[tuple[str, Document]] = []
    for path in paths:
        try:
            read.append((path.name, read_document(path)))
        except DocumentError as error:
            found += error.findings
        except OSError as error:
            found.append(Finding(path.name, "", "error", f"cannot be read: {error.strerror}", "Name a file."))
    pairs = {*known.pairs, *(d.name for _, d in read if isinstance(d, Definition))}
    for file, document in read:
        found += check_document(document, file, pairs, policies, today)
    return found


def check_catalogue(known: Catalogue, policies: Collection[str], today: date) -> list[Finding]:
    """Findings of all documents that are in use, and the faults of own ones that are not."""
    found = [finding for findings in known.broken.values() for finding in findings]
    documents: list[Document] = [*known.pairs.values(), *known.views.values()]
    for document in documents:
        origin = known.origins[document.name]
        file = f"{document.name}.json" if origin == "shipped" else Path(origin).name
        found += check_document(document, file, known.pairs.keys(), policies, today)
    return found
