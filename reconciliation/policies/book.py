"""Which policy holds: what two people have agreed on, else what comes with Interlock.

An operator's own policies are files in ``<data_dir>/recon/policies/NAME.yaml``. A file alone resolves nothing: it is a
draft until one person has proposed exactly its text and another one has agreed to it (table ``recon.policies``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from psycopg.errors import CheckViolation, UniqueViolation
from psycopg.rows import dict_row
from pydantic import ValidationError

from hub.store.audit import Audit
from reconciliation.journal import Pool
from reconciliation.policies.document import Policy, parse
from schemas.problems import Pointer, ProblemError, problem

_COLUMNS = "name, version, digest, reason, proposed_by, proposed_at, decided_by, decided_at, state"


@cache
def policy(name: str) -> Policy:
    """A policy that comes with Interlock; raises FileNotFoundError for a name that does not exist."""
    return parse(files("reconciliation").joinpath(f"policies/{name}.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Draft:
    """A file of the operator's: what it says, or why it says nothing."""

    path: Path
    policy: Policy | None
    error: str | None


def drafts(folder: Path | None) -> list[Draft]:
    """The operator's own files, in the order of their names."""
    if folder is None or not folder.is_dir():
        return []
    return [read_draft(path) for path in sorted(folder.glob("*.yaml"))]


def read_draft(path: Path) -> Draft:
    """One file as a draft; what is wrong with it is part of the answer."""
    try:
        return Draft(path, parse(path.read_text(encoding="utf-8")), None)
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        return Draft(path, None, str(error))


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policies that hold, and how another one comes to hold. ``person`` was checked by the caller."""

    pool: Pool
    audit: Audit
    clock: Callable[[], datetime]
    folder: Path | None = None

    def in_force(self, name: str) -> Policy:
        """Raises FileNotFoundError when neither two people nor Interlock know a policy of this name."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT document FROM recon.policies WHERE name = %s AND state = 'agreed'"
                " ORDER BY agreed_order DESC LIMIT 1",
                (name,),
            ).fetchone()
        return parse(row[0]) if row is not None else policy(name)

    def versions(self, name: str | None = None) -> list[dict[str, Any]]:
        """What was proposed and what became of it, the newest first."""
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                f"SELECT {_COLUMNS} FROM recon.policies WHERE %(name)s::text IS NULL OR name = %(name)s"
                " ORDER BY proposed_at DESC, name, version",
                {"name": name},
            ).fetchall()

    def propose(self, text: str, reason: str, person: str) -> dict[str, Any]:
        """Propose a policy's text; a second person has to agree. Raises ``query_invalid`` for a text that is none, or a
        version that was proposed before."""
        proposed = _read(text)
        now = self.clock()
        try:
            with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                row = cursor.execute(
                    "INSERT INTO recon.policies (name, version, digest, document, reason, proposed_by, proposed_at)"
                    f" VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                    (proposed.name, proposed.version, proposed.digest, text, reason, person, now),
                ).fetchone()
                self.audit.record(
                    connection, now, person, "recon.policy.propose", proposed.title, {"digest": proposed.digest}
                )
        except UniqueViolation:
            raise ProblemError(
                problem("query_invalid", f"{proposed.title} was proposed before; give it another version.")
            ) from None
        return row or {}

    def decide(self, name: str, version: str, person: str, agree: bool) -> dict[str, Any]:
        """Agree to a proposal, or reject it. Raises ``second_person_needed``, ``not_found``."""
        now = self.clock()
        try:
            with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                row = cursor.execute(
                    "UPDATE recon.policies SET decided_by = %(person)s, decided_at = %(now)s, state = %(state)s,"
                    " agreed_order = CASE WHEN %(agree)s THEN nextval('recon.policy_order') END"
                    f" WHERE name = %(name)s AND version = %(version)s AND state = 'proposed' RETURNING {_COLUMNS}",
                    {
                        "person": person, "now": now, "state": "agreed" if agree else "rejected", "agree": agree,
                        "name": name, "version": version,
                    },
                ).fetchone()  # fmt: skip
                if row is None:
                    raise ProblemError(problem("not_found", f"No proposal of {name}@{version} is waiting."))
                act = "recon.policy.agree" if agree else "recon.policy.reject"
                self.audit.record(connection, now, person, act, f"{name}@{version}", {"digest": row["digest"]})
        except CheckViolation as violated:
            if violated.diag.constraint_name != "policy_by_two_people":
                raise
            raise ProblemError(problem("second_person_needed", "Who proposed a policy may not agree to it.")) from None
        return row


def _read(text: str) -> Policy:
    try:
        return parse(text)
    except ValidationError as error:
        places = tuple(
            Pointer(pointer="/" + "/".join(map(str, e["loc"]))[:190], expected=e["msg"][:200])
            for e in error.errors(include_input=False, include_url=False)[:20]
        )
        raise ProblemError(problem("query_invalid", "This is no policy; the pointers say where.", places)) from None
    except yaml.YAMLError:
        raise ProblemError(problem("query_invalid", "This is no YAML.")) from None
