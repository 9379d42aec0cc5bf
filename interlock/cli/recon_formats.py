"""`interlock recon formats`: which there are, whether their documents are right, and what a file reads as."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.settings import Settings

if TYPE_CHECKING:
    from reconciliation.statements import Formats

# Not called `app`: that would make it a command of the first level.
formats_app = typer.Typer(help="The formats of processors' statements.")

Documents = Annotated[list[Path] | None, typer.Argument(help="Documents that are not in use yet, YAML or JSON.")]
LINES_SHOWN = 20


@formats_app.command()
def check(documents: Documents = None, as_json: AsJson = False) -> None:
    """Check the documents of all formats in use, or those given; a wrong one ends with status 1."""
    from reconciliation.statements.documents import FormatError, load_format

    known = _formats()
    wrong = dict(known.broken) if not documents else {}
    for path in documents or ():
        try:
            load_format(path.read_text(encoding="utf-8"), path.name)
        except (FormatError, UnicodeDecodeError, OSError) as error:
            wrong[path.name] = str(error)
    checked = [path.name for path in documents] if documents else [*known.documents, *known.broken]
    if as_json:
        print_json({"checked": checked, "wrong": wrong})
    for sentence in wrong.values() if not as_json else ():
        typer.echo(sentence, err=True)
    if wrong:
        fail(f"{len(wrong)} of {len(checked)} documents are wrong", "Correct the places that are named.")
    if not as_json:
        typer.echo(f"{len(checked)} documents are right.")


@formats_app.command("list")
def list_them(as_json: AsJson = False) -> None:
    """Every format, the folder of its files, and where it comes from."""
    from reconciliation.statements import READERS

    known = _formats()
    rows = [
        (d.format, d.source, f"{d.title_zh} / {d.title_en}", "own" if d.format in known.own else "shipped")
        for _, d in sorted(known.documents.items())
    ]
    rows += [
        (reader.NAME, reader.SOURCE, f"{reader.TITLE_ZH} / {reader.TITLE_EN}", "code") for reader in READERS.values()
    ]
    columns = ("format", "folder", "title", "from")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("formats 对账单格式", columns, rows)


@formats_app.command()
def read(
    source: Annotated[str, typer.Argument(help="The folder that such files are dropped in: wechat, bank, ...")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file; it is only looked at.")],
    document: Annotated[Path | None, typer.Option("--document", help="A document that is not in use yet.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a file reads as: its lines, what would be kept aside, its totals. A refused file ends with status 1."""
    from reconciliation.statements import Refused, read_statement

    found = read_statement(source, file, file.name, _formats(document))
    if isinstance(found, Refused):
        fail(f"{found.format}, {found.place}: {found.reason}", found.remedy)
    lines = found.table.slice(0, LINES_SHOWN).drop_columns(["raw"]).to_pylist()
    if as_json:
        aside = [{"line": q.line, "reason": q.reason} for q in found.quarantined]
        told = {"format": found.format, "business_date": found.business_date, "rows": found.rows}
        totals = {total.name: total.said for total in found.totals}
        print_json({**told, "lines": lines, "kept_aside": aside, "totals": totals})
        return
    columns = ("place", "kind", "ref", "order_no", "amount", "currency", "fee", "batch")
    title = f"{found.format}, {found.business_date or 'no date'}: {found.rows} lines"
    print_table(title, columns, [tuple(str(line[name]) for name in columns) for line in lines])
    if found.quarantined:
        print_table("kept aside 隔离", ("line", "reason"), [(str(q.line), q.reason) for q in found.quarantined])
    print_table("totals that hold 合计", ("name", "said"), [(total.name, total.said) for total in found.totals])


def _formats(document: Path | None = None) -> Formats:
    """The shipped formats and the operator's own, and one that is not in use yet."""
    from reconciliation.statements import Formats, formats
    from reconciliation.statements.documents import FormatError, load_format

    known = formats(Settings.load().data_dir / "recon" / "formats")
    if document is None:
        return known
    try:
        loaded = load_format(document.read_text(encoding="utf-8"), document.name)
    except (FormatError, UnicodeDecodeError, OSError) as error:
        fail(str(error), "Correct the places that are named.")
    return Formats({**known.documents, loaded.format: loaded}, (*known.own, loaded.format), known.broken)
