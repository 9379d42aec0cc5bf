"""The phone's usual message is cut at its brackets, any other parsed: both must say the same of every message."""

import random
import re
from pathlib import Path

import pytest

from adapters.kit.conformance.fuzz import mutated
from adapters.kit.refusing import Losses, Refused
from adapters.kit.xml import body_of, tree_of
from adapters.phone.document import ENVELOPE, GROUP_NAMES, Element, Elements, fields_of
from adapters.phone.plain import Fields, Parts, read_plain
from adapters.phone.wire import DECLARATION, LISTS, NS, SOAP

SAMPLES = sorted((Path(__file__).parents[2] / "adapters" / "phone" / "samples").glob("*.native.xml"))
START = f'<soap:Envelope xmlns:soap="{SOAP}" xmlns="{NS}">'
_BLANKS = re.compile(rb">\s+<")


def plainly(raw: bytes) -> Fields | None:
    return read_plain(raw, body_of(raw, "gb18030", None), GROUP_NAMES, LISTS)


def by_tree(raw: bytes) -> object:
    return whole(fields_of(tree_of(body_of(raw, "gb18030", None))))


def whole(value: object) -> object:
    """Fields as they are when every group is read."""
    if isinstance(value, Elements):
        return [whole(fields_of(element)) for element in value]
    if isinstance(value, list):
        return [whole(item) for item in value]
    return {name: whole(item) for name, item in value.items()} if isinstance(value, dict) else value


def message(inner: str, start: str = START) -> bytes:
    return f"{DECLARATION}{start}{inner}</soap:Envelope>".encode("gb18030")


def test_the_samples_say_the_same_both_ways() -> None:
    read = 0
    for sample in SAMPLES:
        for raw in (sample.read_bytes(), _BLANKS.sub(b"><", sample.read_bytes())):
            try:
                fields = plainly(raw)
            except Refused:  # nothing was read that could be compared
                continue
            if fields is not None:
                read += 1
                assert whole(fields) == by_tree(raw), sample.name
    assert read > len(SAMPLES), "most samples are plain, with blanks between their elements or without"


def test_damaged_ones_too() -> None:
    """Nothing is read plainly that the parser would refuse."""
    chance, read = random.Random(20260110), 0
    for sample in SAMPLES:
        for _ in range(60):
            raw = mutated(sample.read_bytes(), chance)
            try:
                fields = plainly(raw)
            except Refused:  # nothing was read that could be compared
                continue
            if fields is not None:
                read += 1
                assert whole(fields) == by_tree(raw), raw.decode("gb18030")
    assert read > 100


@pytest.mark.parametrize(
    "raw",
    [
        message("<A>x</A>").replace(b"</soap:Envelope>", b""),
        message("<A>x</B>"),
        message("<A>x</A>y"),
        message("y<A>x</A>"),
        message("<A>x</A></soap:Body>"),
        message("<soap:Body><A>x</A>"),
        message("<A>x</A>") + b"<B>y</B>",
        message("<A>x</A>") + b"y",
        message("<A><B>x</B></A>"),
        message("<Order>x</Order>"),
        message("<Order><A>x</A>y</Order>"),
        message('<A b="c">x</A>'),
        message("<A >x</A>"),
        message("<A/>"),
        message("<A>&amp;</A>"),
        message("<A>x]]>y</A>"),
        message("<A><![CDATA[x]]></A>"),
        message("<A><!-- x -->y</A>"),
        message("<?x y?><A>x</A>"),
        message("<A>x\ty</A>"),
        message("<A>x\r\ny</A>"),
        message("<A>x\x00y</A>"),
        message("<A>x\uffffy</A>"),
        message("<x:A>y</x:A>"),
        message("<A>x</A>", START.replace(NS, "urn:another")),
        message("<A>x</A>", START.replace(">", " a='b'>")),
        message("<A>x</A>", START.replace(">", ">y")),
        message("<A>x</A><"),
        message("<A>x</A>>"),
        message("<>x</>"),
    ],
    ids=lambda raw: raw[len(DECLARATION) :].decode("gb18030", "replace").replace(START, "") or "nothing",
)
def test_what_is_not_plain_is_left_to_the_parser(raw: bytes) -> None:
    assert plainly(raw) is None


def test_what_repeats_is_a_list() -> None:
    raw = message(
        "<soap:Body><Order><A>1</A><A> 2 </A><Collection><TicketNo>3</TicketNo></Collection></Order></soap:Body>"
    )
    fields = plainly(raw)
    assert fields is not None
    body = fields[f"{{{SOAP}}}Body"]
    assert isinstance(body, Parts)
    assert repr(body) == "1 | 2 | 3"
    assert whole(body) == [{"Order": [{"A": ["1", "2"], "Collection": [{"TicketNo": ["3"]}]}]}]
    assert whole(fields) == by_tree(raw)


def test_the_envelope_is_the_same_record() -> None:
    root = tree_of(body_of(message("<A>x</A>"), "gb18030", None))
    assert root.tag == ENVELOPE
    assert Element.of(root, "/Envelope", Losses()).text("A") == "x"
