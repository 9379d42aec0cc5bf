"""`interlock recon definitions`: which pairs and views there are, and whether documents are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.clock import system_clock
from interlock.settings import Settings

if TYPE_CHECKING:
    from reconciliation.definitions import Catalogue, Definition, View

# Not called `app`: that would make it a command of the first level.
definitions_app = typer.Typer(help="What is compared with what.")

Files = Annotated[list[Path] | None, typer.Argument(help="Documents that are not in use yet, JSON or YAML.")]


@definitions_app.command()
def check(files: Files = None, as_json: AsJson = False) -> None:
    """Check all documents in use, or those given: every fault with its place, and what is valid but unwise.

    Ends with status 1 when a document is wrong; warnings alone end with 0.
    """
    from reconciliation.definitions.checking import check_catalogue, check_files

    known, today = _catalogue(), system_clock().date()
    policies = _policies()
    found = check_files(files, known, policies, today) if files else check_catalogue(known, policies, today)
    wrong = sum(finding.severity == "error" for finding in found)
    if as_json:
        checked = [path.name for path in files] if files else [*known.pairs, *known.views]
        print_json({"checked": checked, "findings": [finding.to_json() for finding in found]})
    elif found:
        rows = [(f.file, f.place or "/", f.severity, f.said, f.remedy) for f in found]
        print_table("findings 检查结果", ("file", "place", "severity", "what is so", "remedy"), rows)
    if wrong:
        fail(f"{wrong} of {len(found)} findings are errors", "Correct the places; warnings may stay.")
    if not as_json:
        typer.echo(f"{len(files) if files else len(known.pairs) + len(known.views)} documents are right.")


@definitions_app.command("list")
def list_them(as_json: AsJson = False) -> None:
    """Every pair and view, where it comes from, and its digest."""
    known = _catalogue()
    documents: list[Definition | View] = [*known.pairs.values(), *known.views.values()]
    lines = [_line(known, document) for document in documents]
    if as_json:
        broken = {name: [finding.to_json() for finding in findings] for name, findings in known.broken.items()}
        print_json({"documents": lines, "replaced": list(known.replaced), "broken": broken})
        return
    columns = ("name", "title", "compares", "due", "from", "digest")
    print_table("definitions 对账定义", columns, [tuple(str(line[name]) for name in columns) for line in lines])
    for name in known.broken:
        typer.echo(f"{name} is wrong and not used: `interlock recon definitions check` says where.", err=True)


@definitions_app.command()
def show(name: Annotated[str, typer.Argument(help="The pair or view, such as hub-web.")]) -> None:
    """One document as JSON, with every default written out."""
    known = _catalogue()
    document: Definition | View | None = known.pairs.get(name) or known.views.get(name)
    if document is None:
        fail(f"no definition is called {name!r}", f"There are {', '.join([*known.pairs, *known.views])}.")
    typer.echo(document.model_dump_json(indent=2))


@definitions_app.command()
def schema() -> None:
    """The JSON Schema of the documents, for an editor."""
    from reconciliation.definitions.schema import published

    typer.echo(published(), nl=False)


def _line(known: Catalogue, document: Definition | View) -> dict[str, Any]:
    from reconciliation.definitions import Definition

    origin = known.origins[document.name]
    pair = document if isinstance(document, Definition) else None
    return {
        "name": document.name,
        "title": f"{document.title_zh} / {document.title_en}",
        "version": document.version,
        "compares": ", ".join(c.field for c in pair.compare) or "-" if pair else "",
        "between": [str(pair.left), str(pair.right)] if pair else list(getattr(document, "pairs", ())),
        "due": pair.due if pair else "view",
        "policy": pair.policy if pair else None,
        "from": origin,
        "replaces": document.name in known.replaced,
        "digest": pair.digest[:16] if pair else "",
    }


def _catalogue() -> Catalogue:
    from reconciliation.definitions import catalogue

    return catalogue(Settings.load().data_dir.expanduser() / "recon" / "definitions")


def _policies() -> set[str]:
    from importlib.resources import files

    own = Settings.load().data_dir.expanduser() / "recon" / "policies"
    shipped = {e.name[:-5] for e in files("reconciliation").joinpath("policies").iterdir() if e.name.endswith(".yaml")}
    return shipped | {path.stem for path in own.glob("*.yaml")}
