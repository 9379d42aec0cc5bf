"""The checklist is whole: a function for each module name, and no function without one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.modules import MODULES, function_name

HERE = Path(__file__).parent


def test_every_module_has_its_function() -> None:
    sources = [path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path.name != "test_modules.py"]
    written = [name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)]
    wanted = {function_name(module) for modules in MODULES.values() for module in modules}
    assert sorted(written) == sorted(wanted)
