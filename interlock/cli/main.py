"""Puts the command line together from the modules beside it.

A module takes part by having an `app` (a `typer.Typer`): one with a name is a noun (`interlock recon run`), the
commands of one without a name stand directly under `interlock`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup
from typer.exceptions import TyperException

import interlock.cli
from interlock.cli.printing import fail
from interlock.logs import discreet
from interlock.settings import Settings


class Commands(TyperGroup):
    """All commands; a package that registers an adapter nobody can use stops any of them with one sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:
            # Imported only now: most commands never load an adapter.
            from adapters.kit.registry import AdapterBroken

            if isinstance(error, AdapterBroken):
                fail(str(error), "Correct that package, or uninstall it; the others work again then.")
            if isinstance(error, ValidationError) and error.title == Settings.__name__:
                wrong = (f"INTERLOCK_{'_'.join(map(str, e['loc']))}".upper() + f": {e['msg']}" for e in error.errors())
                fail("; ".join(wrong), "docs/reference/settings.md says what each may be.")
            # A screen is kept and sent around as a log is: the words of an exception may name somebody.
            typer.echo("\n".join(discreet(error)), err=True)
            fail("the command failed where it should not", "The places above say where; please report them.")


app = typer.Typer(
    name="interlock",
    cls=Commands,
    help="Interlock: five sales channels, one truth per order, one login, one reconciled day. 铁路多渠道票务集成枢纽。",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold personal data
)


@app.callback()
def root() -> None:
    """Settings come from the environment (INTERLOCK_...); `interlock doctor` shows them."""


def command_modules() -> list[ModuleType]:
    """The modules of this package that have an `app`, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(interlock.cli.__path__) if module.name != "main")
    modules = [importlib.import_module(f"interlock.cli.{name}") for name in names]
    return [module for module in modules if isinstance(getattr(module, "app", None), typer.Typer)]


def assemble() -> None:
    """Add every module's commands to `app`."""
    for module in command_modules():
        name = module.app.info.name
        app.add_typer(module.app, name=name if isinstance(name, str) else None)


assemble()
