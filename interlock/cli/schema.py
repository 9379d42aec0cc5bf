"""`interlock schema ...`: the published contract: list it, read it, check a document or a new version against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.schema_diff import judged, plain, sentences, summary
from interlock.describing import asyncapi, openapi
from schemas.model import SCHEMA_VERSION
from schemas.publish import PUBLISHED, differences, folder, publish
from schemas.releases import TODAY, VersionMissing, schemas_of
from schemas.upcasting import VERSIONS

app = typer.Typer(name="schema", help="The published contract: JSON Schemas of orders, facts, events, problems.")

ERRORS_SHOWN = 20

Version = Annotated[str, typer.Option("--version", help="A published version of the contract.")]


@app.command(name="list")
def every(version: Version = SCHEMA_VERSION, as_json: AsJson = False) -> None:
    """The types of the contract and where the API publishes each."""
    rows = [(name, schema["$id"], _summary(schema)) for name, schema in _version(version).items()]
    if as_json:
        print_json([{"name": name, "id": identity, "about": about} for name, identity, about in rows])
    else:
        print_table(f"Contract {version} of {', '.join(VERSIONS)}", ("name", "$id", "what it is"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name that `interlock schema list` shows.")],
    version: Version = SCHEMA_VERSION,
) -> None:
    """One schema as it is published, JSON Schema 2020-12."""
    print_json(_published(name, version))


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON document.")],
    name: Annotated[str | None, typer.Option("--as", help="What it should be; guessed when left out.")] = None,
    version: Version = SCHEMA_VERSION,
    as_json: AsJson = False,
) -> None:
    """Check a document against the contract; ends with status 1 and lists every place that is wrong.

    Without `--as` the type is guessed: the one type that the document is valid as, or the one it comes nearest to.
    """
    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        fail(f"{file} is not JSON: {error}")
    fits = [name] if name else _guess(document, version)
    name = fits[0]
    errors = [] if len(fits) > 1 else _errors(document, _published(name, version))
    if as_json:
        places = [{"pointer": place, "what": what} for place, what in errors]
        print_json({"valid": not errors, "as": name, "fits": [] if errors else fits, "errors": places})
    elif errors:
        print_table(f"{file.name} is no {name} of {version}", ("pointer", "what is wrong"), errors[:ERRORS_SHOWN])
    elif len(fits) > 1:
        typer.echo(f"{file.name} is valid as each of {', '.join(fits)}; say which with `--as`")
    else:
        typer.echo(f"{file.name} is a valid {name}")
    if errors:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="A version (`1.0`), or a schema file, or a folder of them.")],
    new: Annotated[str, typer.Argument(help="The same; `models` is what the code says now.")] = TODAY,
    as_json: AsJson = False,
) -> None:
    """What NEW changed against OLD and whom it breaks; ends with status 1 when nothing answers for somebody broken.

    Readers validate what the hub sends against OLD, writers send documents made for OLD; the ledger reads what it
    stored itself, so it is a writer too. An upcaster answers for writers; the reading rule (unknown fields and codes
    are ignored) answers for readers of an addition.
    """
    found = judged(old, new)
    incompatible = any(verdict.incompatible for verdict in found)
    if as_json:
        print_json({"old": old, "new": new, "compatible": not incompatible, "changes": [plain(v) for v in found]})
    else:
        for line in (*sentences(found, old, new), summary(found, old, new)):
            typer.echo(line)
    if incompatible:
        raise typer.Exit(1)


@app.command(name="openapi")
def http() -> None:
    """The HTTP interface as OpenAPI 3.1: what the API publishes at /v1/openapi.json."""
    print_json(openapi())


@app.command(name="asyncapi")
def events(
    public_url: Annotated[str, typer.Option("--public-url", help="Under which name others reach the hub.")] = (
        "http://127.0.0.1:8400"
    ),
) -> None:
    """The events as AsyncAPI 3.0: what the API publishes at /v1/asyncapi.json, for the channels installed here."""
    print_json(asyncapi(public_url))


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


def _version(version: str) -> dict[str, Any]:
    try:
        return dict(schemas_of(version))
    except VersionMissing as error:
        fail(str(error.args[0]))


def _published(name: str, version: str) -> dict[str, Any]:
    schemas = _version(version)
    if name not in schemas:
        fail(f"no type {name!r} in version {version}; there are: {', '.join(schemas)}", "`interlock schema list`")
    found: dict[str, Any] = schemas[name]
    return found


def _guess(document: Any, version: str) -> list[str]:
    """The types that a document is valid as; when there are none, the one type it comes nearest to."""
    schemas = _version(version)
    valid = [name for name, schema in schemas.items() if _validator(schema).is_valid(document)]
    if valid:
        # What is valid as a fact of one kind is also valid as that kind: the narrower word says more.
        return [name for name in valid if name != "fact"] or valid
    members = set(document) if isinstance(document, dict) else set()

    def distance(name: str) -> tuple[int, int]:
        known = set(schemas[name].get("properties", ()))
        return len(members ^ known) if known else len(members), len(known)

    if isinstance(document, dict) and "fact" in document:
        return ["fact"]
    return [min(schemas, key=distance)]


def _errors(document: Any, schema: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(_place(error) for error in _validator(schema).iter_errors(document))


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    # Formats count: a date-time without offset is no instant of the contract.
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _place(error: ValidationError) -> tuple[str, str]:
    """The place and the sentence; of a choice that fits nowhere, what is wrong with the nearest alternative."""
    nearest = best_match([error]) or error
    return "/" + "/".join(str(step) for step in nearest.absolute_path), nearest.message[:300]


def _summary(schema: dict[str, Any]) -> str:
    about: str = schema.get("description", "")
    return about.split("\n")[0]
