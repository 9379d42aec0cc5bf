"""The reference says what the code says: a new setting, command, address, problem or channel shows up or fails here."""

from pathlib import Path

import pytest
import typer

from adapters.kit.registry import registered
from hub.ports import Profile
from interlock.cli.main import app
from interlock.describing import openapi
from interlock.documentation import PAGES, differences, write
from interlock.documentation.command_line import commands
from interlock.documentation.contract import code_list_names
from interlock.documentation.types import CODE_LISTS
from interlock.settings import Settings
from schemas.examples import examples
from schemas.problems import catalogue
from schemas.publish import PUBLISHED, generated
from schemas.states import MACHINES, state_machine
from tests.docs.pages import ROOT

REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_pages_are_what_the_code_says() -> None:
    """After a change of what they describe: `make docs`."""
    assert list(differences(REFERENCE)) == []


def test_differences_are_told(tmp_path: Path) -> None:
    write(tmp_path)
    assert list(differences(tmp_path)) == []
    (tmp_path / "cli.md").unlink()
    (tmp_path / "settings.md").write_text("# Settings\n")
    assert sorted(differences(tmp_path)) == ["cli.md is missing", "settings.md is not what the code says"]
    assert sorted(write(tmp_path)) == ["cli.md", "settings.md"]


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"
        assert f"`INTERLOCK_{name.upper()}`" in page("settings.md")


def test_every_command_is_described() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert "interlock recon run" in found
    assert "interlock demo" in found
    for path, command in found.items():
        assert command.help, f"`{path}` has no help"
        assert f"## `{path}`" in page("cli.md")


def test_every_option_is_described() -> None:
    for path, command in commands(typer.main.get_command(app)):
        for parameter in command.params:
            assert getattr(parameter, "help", ""), f"`{path}`: {parameter.name} has no help"


def test_every_address_is_described() -> None:
    for path, methods in openapi()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), f"{method} {path} has no summary"
            assert f"### `{method.upper()} {path}`" in page("http-api.md")


def test_every_problem_is_described() -> None:
    assert all(f"`{code}`" in page("problems.md") for code in catalogue())


def test_every_channel_is_described_and_has_its_wire_in_a_readme() -> None:
    for name, found in registered().items():
        profile: Profile = found.adapter.profile
        assert f"## {name}: {profile.name_zh}, {profile.name_en}" in page("channels.md")
        assert (found.samples.parent / "README.md").is_file(), f"{name} has no README"


def test_every_state_and_transition_is_described() -> None:
    for name in MACHINES:
        machine = state_machine(name)
        assert all(
            f"| `{state}` | {row['zh']} | {row['en']} |" in page("states.md")
            for state, row in machine["states"].items()
        )
        assert all(f"| `{row['fact']}` |" in page("states.md") for row in machine["transitions"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_type_has_a_page_with_its_fields_in_words(name: str) -> None:
    assert f"[{name}](types/{name}.md)" in page("schemas.md")
    text = page(f"types/{name}.md")
    for field, part in generated(name).get("properties", {}).items():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{field}` |") and "：" in line][:1]
        assert ("| sealed |" in row) == bool(part.get("x-sealed"))


def test_every_journey_is_told_step_by_step() -> None:
    for name, story in examples("journeys").items():
        section = page("journeys.md").split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert story["title"]["zh"] in section
        for number, step in enumerate(story["steps"], 1):
            (row,) = [line for line in section.splitlines() if line.startswith(f"| {number} |")]
            assert f"{step['says']['zh']}<br>{step['says']['en']}" in row
            assert f"余额 balance {step['then']['balance']}" in row if step["then"] else "nothing is known" in row


def test_the_code_lists_that_fields_name_exist() -> None:
    names = {*code_list_names(), "problems"}
    assert set(CODE_LISTS.values()) <= names


def test_pages_of_types_that_are_gone_are_told_and_removed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "types" / "wagon.md").write_text("# wagon\n")
    assert list(differences(tmp_path)) == ["types/wagon.md is about no type of the contract any more"]
    assert write(tmp_path) == ["types/wagon.md"]
    assert list(differences(tmp_path)) == []


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_say_so(name: str) -> None:
    assert page(name).startswith("<!-- Made from the code")
