"""Refusals and errors: RFC 9457 problems with a stable code, a sentence, pointers and a remedy.

The table is ``code_lists/problems.csv``; a code that is not in it cannot be raised.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from schemas.model import Canonical

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Pointer(Canonical):
    """A place in the native message and what is wrong there."""

    pointer: Annotated[str, Field(max_length=200)]
    expected: str = ""
    found: str = ""
    example: str = ""


class Problem(Canonical):
    """RFC 9457 section 3, with the extension members ``code``, ``pointers`` and ``remedy``."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    pointers: tuple[Pointer, ...] = ()
    remedy: str


class ProblemError(Exception):
    """Carries a problem to the edge that answers."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """code -> {status, title, zh, remedy, whose}."""
    text = files("schemas").joinpath("code_lists/problems.csv").read_text(encoding="utf-8")
    return {row["code"]: row for row in csv.DictReader(text.splitlines())}


def problem(code: str, detail: str = "", pointers: tuple[Pointer, ...] = ()) -> Problem:
    """The problem ``code`` with this occurrence's ``detail``; raises ``KeyError`` for a code not in the table."""
    row = catalogue()[code]
    return Problem(
        type=f"/v1/problems/{code}",
        title=row["title"],
        status=int(row["status"]),
        detail=detail or row["title"] + ".",
        code=code,
        pointers=pointers,
        remedy=row["remedy"],
    )
