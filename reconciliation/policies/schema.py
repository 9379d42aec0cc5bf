"""The published JSON Schema of a policy, made from the model: ``policy.schema.json`` in this folder.

JSON Schema 2020-12. A test compares the file with the model; ``pytest --write-golden`` writes it.
"""

import json
from importlib.resources import files

from reconciliation.policies.document import Policy

SCHEMA_NAME = "policy.schema.json"


def schema_text() -> str:
    """The schema as the file has it."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Policy.model_json_schema()}
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def published() -> str:
    """The file that comes with the package."""
    return files("reconciliation").joinpath("policies", SCHEMA_NAME).read_text(encoding="utf-8")
