"""docker-compose.yml runs the commands that the command line really has, on a whole and healthy stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from interlock.cli.main import app
from interlock.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("interlock:")}


def parse(arguments: list[str]) -> tuple[str, click.Context]:
    """Find the command and let it parse its arguments, without running it. Raises click.UsageError if it cannot."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    path = []
    # A noun may itself be a command: `interlock demo --orders 5000` beside `interlock demo score`.
    while hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        assert name in command.commands, f"there is no command {name!r} among {sorted(command.commands)}"
        path.append(name)
        command = command.commands[name]
    context = command.make_context(command.name, list(arguments))
    return " ".join(path), context


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_command_exists_and_takes_these_arguments(name: str) -> None:
    parse([str(argument) for argument in OURS[name]["command"]])


@pytest.mark.parametrize("arguments", [["serve", "nothing"], ["serve", "api", "--speed", "9"], ["fly"]])
def test_a_command_that_does_not_exist_would_be_noticed(arguments: list[str]) -> None:
    with pytest.raises((AssertionError, Exception), match=r"no command|No such option"):
        parse(arguments)


def test_every_kind_of_process_is_there() -> None:
    commands = {parse([str(argument) for argument in service["command"]])[0] for service in OURS.values()}
    assert commands == {"migrate", "serve api", "serve worker", "serve beat", "demo"}


def test_the_engines_are_the_promised_ones() -> None:
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["valkey"]["image"] == "valkey/valkey:9"


def test_the_simulators_run_only_in_the_demo_and_touch_nothing_of_the_hub() -> None:
    assert [name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]] == ["simulators"]
    simulators, hub = SERVICES["simulators"], SERVICES["api"]
    assert simulators["environment"]["INTERLOCK_REDIS_URL"] != hub["environment"]["INTERLOCK_REDIS_URL"]
    assert not set(simulators["volumes"]) & set(hub["volumes"])


@pytest.mark.parametrize("name", ["postgres", "valkey", "api", "worker"])
def test_what_others_wait_for_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["api", "worker", "beat"])
def test_nothing_starts_before_the_schema_is_there(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("name", ["api", "worker"])
def test_what_is_replicated_has_no_fixed_name_or_single_port(name: str) -> None:
    assert "container_name" not in SERVICES[name]
    assert all("-" in port.split(":")[1] for port in SERVICES[name].get("ports", []))


def test_only_settings_that_exist_are_set() -> None:
    known = {name for name, _value, _description in Settings().described()}
    used = {name for service in OURS.values() for name in service["environment"]}
    assert used <= known


def test_the_health_checks_call_the_command_line_rightly() -> None:
    checks = [service["healthcheck"]["test"] for service in OURS.values() if "healthcheck" in service]
    for _cmd, program, *arguments in checks:
        if program == "interlock":
            parse(arguments)


def test_the_image_runs_the_command_line() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["interlock"]' in dockerfile
    assert "--require-hashes -r requirements.lock" in dockerfile
