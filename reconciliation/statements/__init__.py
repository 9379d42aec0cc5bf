"""Processors' statements: what WeChat Pay, Alipay, UnionPay, the bank and others say happened, as one table of lines.

lines       the table, what a refused file and a row kept aside are, and the way to canonical rows
parts, document    a format as a document (``formats/*.yaml``): columns, rules, totals
documents   the formats there are, shipped and the operator's own
members     a file opened: plain, gzip, ZIP
header, cells, amounts, moments, texts, evaluate, totals, masking, columns    a document applied to a file, in blocks
entries, nodes, camt, mt940   the formats of banks that a document cannot describe
reading     a file -> its statement

The *file* is refused when its own totals or balances do not hold; the *row* is kept aside when only it fails.
"""

from reconciliation.statements.documents import FormatError, Formats, formats
from reconciliation.statements.lines import LINES, ProvenTotal, Quarantined, Refused, Statement, canonical
from reconciliation.statements.reading import READERS, read_statement, shipped

__all__ = [
    "LINES",
    "READERS",
    "FormatError",
    "Formats",
    "ProvenTotal",
    "Quarantined",
    "Refused",
    "Statement",
    "canonical",
    "formats",
    "read_statement",
    "shipped",
]
