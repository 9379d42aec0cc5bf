"""The problems' page: the catalogue, and for every problem how it is got and what is answered then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interlock.documentation.markdown import code, table
from schemas.problems import catalogue

FOLDER = Path(__file__).with_name("problems")
"""``CODE.txt``: request and answer, played by tests/api/test_problems.py."""

_WHOSE = {"nobody": "nobody: it is how things are", "person": "a person at this desk"}

_HEAD = """# Problems

Every error is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, and the members `code`
(stable: programs look at it), `pointers` (where in the message: place, expected form, what was found, an example) and
`remedy` (what to do next). `GET /v1/problems/{code}` answers one row of this table. The login provider's errors are
OAuth's own: [sso](sso.md).
"""

_EXCHANGES = """## How each is got

Requests and answers as a test plays them against the real application. `$TOKEN`, `$NOW` and `$SIGNATURE` stand for what
is another one every time; long bodies are cut. Channel `north` there speaks the canonical contract itself, where every
channel of a railway speaks its own form. All people are invented.
"""


def problems_page() -> str:
    """Every refusal and error."""
    rows = [
        (f"[`{name}`](#{name})", row["status"], f"{row['title']} {row['zh']}", row["remedy"], whose(row))
        for name, row in catalogue().items()
    ]
    parts = [_HEAD, table(("code", "status", "title", "remedy", "whose move"), rows), _EXCHANGES]
    parts += [_exchange(name, row) for name, row in catalogue().items()]
    return "\n".join(parts)


def whose(row: Mapping[str, str]) -> str:
    """Who has to act."""
    return _WHOSE.get(row["whose"], row["whose"])


def _exchange(name: str, row: Mapping[str, str]) -> str:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    head = f"### {name}\n\n{row['title']}. {row['zh']}。 {row['remedy']} ({code(row['status'])})"
    return f"{head}\n\n```text\n{text}```\n"
