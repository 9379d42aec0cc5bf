"""Lines as evidence: without the payer's identifier, account and card, which nobody who explains a difference needs."""

from csv import writer
from io import StringIO

from reconciliation.statements.cells import cut_line, first_bytes
from reconciliation.statements.parts import Cells

STARS = "***"
HIDDEN = "(not shown: its cells cannot be told apart, and some of them name a payer)"


def masked_line(cells: Cells, line: str, masked: list[int], fits: bool = True) -> str:
    """The line with the cells at these places starred; one that does not ``fit`` its columns is not shown at all."""
    if not masked:
        return line
    if not fits:
        return HIDDEN
    if cells.kind == "fixed":
        return _fixed(cells, line, masked)
    found = cut_line(line, cells) if cells.kind == "quoted" else line.removeprefix(cells.prefix).split(cells.delimiter)
    starred = [STARS if place in masked and cell.strip() else cell for place, cell in enumerate(found)]
    if cells.kind == "quoted":
        out = StringIO()
        writer(out, delimiter=cells.delimiter, lineterminator="").writerow(starred)
        return out.getvalue()
    return cells.prefix + cells.delimiter.join(starred)


def _fixed(cells: Cells, line: str, masked: list[int]) -> str:
    raw = bytearray(line.encode(cells.encoding, "replace"))
    first = first_bytes(cells)
    for place in masked:
        begin, end = first[place], first[place] + cells.widths[place]
        raw[begin:end] = STARS.encode().ljust(end - begin)[: end - begin]
    return raw.decode(cells.encoding, "replace").rstrip()
