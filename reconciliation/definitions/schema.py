"""The published JSON Schema of the documents, made from the models: ``definition.schema.json`` in this folder.

JSON Schema 2020-12. A test compares the file with the models; ``pytest --write-golden`` writes it.
"""

import json
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

from reconciliation.definitions.catalogue import SCHEMA_NAME
from reconciliation.definitions.model import Definition, View

TITLE = "What is compared with what: a pair of systems, or a view over pairs"


def json_schema() -> dict[str, Any]:
    """The schema of one document."""
    adapter: TypeAdapter[Definition | View] = TypeAdapter(Definition | View)
    made = adapter.json_schema(by_alias=True, mode="validation")
    for name in ("Definition", "View"):
        # An editor that checks against the schema wants it named in the document.
        made["$defs"][name]["properties"] = {"$schema": {"type": "string"}, **made["$defs"][name]["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **made}


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def published() -> str:
    """The file that comes with the package."""
    return files("reconciliation").joinpath("definitions", SCHEMA_NAME).read_text(encoding="utf-8")
