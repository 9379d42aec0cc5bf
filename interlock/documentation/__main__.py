"""`python -m interlock.documentation [--check]`: write `docs/reference/`, or tell what is not up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from interlock.documentation import differences, write

FOLDER = Path("docs/reference")


def main(arguments: list[str]) -> int:
    """The exit status: 1 when a page differs and `--check` was given."""
    if "--check" not in arguments:
        print("\n".join(write(FOLDER)) or "nothing to write")
        return 0
    found = list(differences(FOLDER))
    for line in found:
        print(f"docs/reference/{line}: run `make docs`", file=sys.stderr)
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
