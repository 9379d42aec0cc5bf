"""`interlock schema ...`: the published contract: list it, read it, check a document against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from interlock.cli.printing import AsJson, fail, print_json, print_table
from schemas.model import SCHEMA_VERSION
from schemas.publish import PUBLISHED, SchemaUnknown, differences, folder, publish, published

app = typer.Typer(name="schema", help="The published contract: JSON Schemas of orders, facts, events, problems.")

ERRORS_SHOWN = 20


@app.command(name="list")
def every(as_json: AsJson = False) -> None:
    """The types of the contract and where the API publishes each."""
    rows = [(name, published(name)["$id"], _summary(published(name))) for name in PUBLISHED]
    if as_json:
        print_json([{"name": name, "id": identity, "about": about} for name, identity, about in rows])
    else:
        print_table(f"Contract {SCHEMA_VERSION}", ("name", "$id", "what it is"), rows)


@app.command()
def show(name: Annotated[str, typer.Argument(help="A name that `interlock schema list` shows.")]) -> None:
    """One schema as it is published, JSON Schema 2020-12."""
    print_json(_published(name))


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON document.")],
    name: Annotated[str, typer.Option("--as", help="What it should be.")] = "observation",
    as_json: AsJson = False,
) -> None:
    """Check a document against the contract; ends with status 1 and lists every place that is wrong."""
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        fail(f"{file} is not JSON: {error}")
    # Formats count: a date-time without offset is no instant of the contract.
    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator(_published(name), format_checker=checker)
    errors = sorted(_place(error) for error in validator.iter_errors(document))
    if as_json:
        print_json({"valid": not errors, "errors": [{"pointer": place, "what": what} for place, what in errors]})
    elif errors:
        print_table(f"{file.name} is no {name}", ("pointer", "what is wrong"), errors[:ERRORS_SHOWN])
    else:
        typer.echo(f"{file.name} is a valid {name}")
    if errors:
        raise typer.Exit(1)


@app.command(name="publish")
def write(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with status 1 if a file differs.")] = False,
) -> None:
    """Write the schema files of this version from the models (in a checkout, by whoever changed a model)."""
    if check:
        found = list(differences(folder()))
        for line in found:
            typer.echo(line, err=True)
        if found:
            fail(f"{len(found)} published schemas are not what the models say", "Run `interlock schema publish`.")
        typer.echo(f"{len(PUBLISHED)} schemas are as the models say")
        return
    touched = publish(folder())
    typer.echo("\n".join(touched) if touched else "nothing to write")


def _published(name: str) -> dict[str, Any]:
    try:
        return published(name)
    except SchemaUnknown as error:
        fail(str(error.args[0]), "`interlock schema list` shows them.")


def _place(error: ValidationError) -> tuple[str, str]:
    """The place and the sentence; of a choice that fits nowhere, what is wrong with the nearest alternative."""
    nearest = best_match([error]) or error
    return "/" + "/".join(str(step) for step in nearest.absolute_path), nearest.message[:300]


def _summary(schema: dict[str, Any]) -> str:
    about: str = schema.get("description", "")
    return about.split("\n")[0]
