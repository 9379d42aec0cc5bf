"""The pages hold together: links lead somewhere, commands exist, the example adapter works."""

import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer

from adapters.kit.folding import event_of, order_of
from hub.ports import Adapter
from interlock.cli.main import app
from interlock.documentation.command_line import commands
from schemas.observation import Observation, Rejection
from tests.docs.pages import ROOT, anchors, blocks, links, name, pages


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)} links to {path}, which is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name(page)} links to {path}#{anchor}, which is no heading there"


def test_every_page_can_be_found() -> None:
    """From the README and the index, by links alone."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / path).resolve() for path, _ in links(page) if path]
        waiting += [target for target in targets if target.suffix == ".md" and target.is_file()]
    lost = [name(page) for page in pages() if page not in reached]
    assert lost == []


def shell_lines(page: Path) -> list[str]:
    """What a reader would type: the lines behind a prompt."""
    found = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.strip().removeprefix("$ ").split("   #")[0].strip() for line in found if line.strip().startswith("$ ")]


def test_the_readme_gives_two_commands_and_both_are_targets() -> None:
    typed = [shlex.split(line, comments=True) for line in shell_lines(ROOT / "README.md")]
    assert typed == [["make", "demo"], ["make", "test"]]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for line in shell_lines(page):
        words = shlex.split(line, comments=True) if line.startswith("make ") else []
        for word in words[1:]:
            assert "=" in word or word in targets, f"{name(page)}: make {word}"


@pytest.mark.parametrize("page", [page for page in pages() if "reference" not in page.parts], ids=name)
def test_commands_and_their_options_exist(page: Path) -> None:
    known = dict(commands(typer.main.get_command(app)))
    for line in shell_lines(page):
        if not re.match(r"(\S*/)?interlock ", line):
            continue
        words = shlex.split(line, comments=True)
        words[0] = "interlock"
        plain = [word for word in words if not word.startswith("-")]
        path = next((" ".join(plain[:n]) for n in (4, 3, 2) if " ".join(plain[:n]) in known), None)
        assert path, f"{name(page)}: there is no `{line}`"
        options = {option for parameter in known[path].params for option in parameter.opts}
        for word in words:
            if word.startswith("--"):
                assert word.split("=")[0] in options, f"{name(page)}: `{path}` has no {word}"


def test_every_variable_that_pages_name_is_a_setting() -> None:
    settings = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    known = set(re.findall(r"INTERLOCK_[A-Z_]+", settings))
    # Of docker-compose.yml and of one command, not of the hub.
    known |= {"INTERLOCK_PASSWORD", "INTERLOCK_CHANNEL_SECRET", "INTERLOCK_"}
    for page in pages():
        for variable in re.findall(r"INTERLOCK_[A-Z_]*", page.read_text(encoding="utf-8")):
            assert variable in known, f"{name(page)} names {variable}"


# --- the adapter in the how-to ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gates() -> Adapter:
    (source,) = blocks(ROOT / "docs/how-to/connect-a-channel.md", "python")
    module = ModuleType("gates_adapter")
    exec(compile(source, "connect-a-channel.md", "exec"), vars(module))
    adapter = vars(module)["adapter"]
    assert isinstance(adapter, Adapter)
    return adapter


def test_the_example_adapter_understands_its_channel(gates: Adapter) -> None:
    raw = b'{"ticket": "EW00000001105012A", "passed": "in", "at": "2026-01-11 08:02:11", "gate": "12", "speed": 3}'
    observed = gates.parse(raw)
    assert isinstance(observed, Observation)
    assert observed.facts[0].identity == "ticket.entered|EW00000001105012A"
    assert [loss.pointer for loss in observed.losses] == ["/speed"]
    order = order_of(observed)
    formatted = gates.format(event_of(observed, order, gates.profile), order)
    assert formatted is not None
    again = gates.parse(formatted.body)
    assert isinstance(again, Observation)
    assert again.facts == observed.facts


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (
            b'{"ticket": "EW00000001105012A", "passed": "over", "at": "2026-01-11 08:02:11", "gate": "1"}',
            "unknown_code",
        ),
        (b'{"ticket": "EW00000001105012A", "passed": "in", "at": "2026-02-30 08:02:11", "gate": "1"}', "time_invalid"),
        (b'{"ticket": "12345", "passed": "in", "at": "2026-01-11 08:02:11", "gate": "1"}', "identifier_invalid"),
        (b'{"ticket": "EW00000001105012A", "passed"', "message_truncated"),
        (b"\xff\xfe", "encoding_damaged"),
        (b" " * 5_000, "message_too_large"),
    ],
)
def test_the_example_adapter_refuses_with_a_place(gates: Adapter, raw: bytes, code: str) -> None:
    answer = gates.parse(raw)
    assert isinstance(answer, Rejection)
    assert answer.code == code
    assert answer.pointer
