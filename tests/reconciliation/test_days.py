"""Six of the sixty days (``make recon-days`` plays them all): after every act the auditor must agree."""

import ast
from pathlib import Path

from interlock.database import Pool
from tests.reconciliation.days import auditor, world
from tests.reconciliation.days.play import Play


def test_the_auditor_agrees_after_every_act(pool: Pool, tmp_path: Path) -> None:
    lines = list(Play(pool, tmp_path, seed=7, per_day=6).run(6))
    assert [said for line in lines for said in line.disagreements] == []
    # The days were not idle: rows waited, and came over midnight.
    assert sum(line.timing for line in lines) > 0
    assert max(line.pending for line in lines) > 0
    assert lines[-1].closed != "-"


def test_the_auditor_shares_no_code_with_what_it_audits() -> None:
    for module in (auditor, world):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in imported if name.split(".")[0] in {"reconciliation", "hub", "interlock"}]
