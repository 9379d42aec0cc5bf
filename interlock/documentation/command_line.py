"""The command line's page, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from interlock.cli.main import app
from interlock.documentation.markdown import code, prose, table


def command_line_page() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    parts = [
        "# Command line\n",
        "`interlock NOUN VERB`. Settings come from the environment ([settings](settings.md)). Verbs that print data"
        " take `--json`; a verb that fails says on standard error what is wrong and what to do next, and ends with a"
        " status that is not 0. From a checkout: `.venv/bin/interlock`, after `make setup`.\n",
    ]
    parts += [_command(path, command) for path, command in commands(root)]
    return "\n".join(parts)


def commands(command: Any, path: str = "interlock") -> Iterator[tuple[str, Any]]:
    """Every command below `command` that does something by itself, with its full name, in order of name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    if getattr(command, "invoke_without_command", False):
        yield path, command
    for name in sorted(children):
        yield from commands(children[name], f"{path} {name}")


def _command(path: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    usage = " ".join([path, *(_argument(p) for p in arguments), *(["[OPTIONS]"] if options else [])])
    parts = [f"## `{path}`\n", prose(command.help) + "\n", f"```console\n$ {usage}\n```\n"]
    rows = [(code(_argument(p)), _about(p)) for p in arguments]
    rows += [(code(", ".join([*p.opts, *p.secondary_opts])), _about(p)) for p in options]
    if rows:
        parts.append(table(("", "meaning"), rows))
    return "\n".join(parts)


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _about(parameter: Any) -> str:
    default = parameter.default
    shown = "" if default in (None, False, "") or callable(default) else f" Default: `{default}`."
    return f"{prose(getattr(parameter, 'help', ''))}{shown}"
