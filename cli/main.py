"""The `aljibe` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from cli import audit, bus, demo, goals, orders, parcels, rules, simulate, sourcing_agent, stock, token, up
from cli.texts import Texts, wanted_language

_COMMANDS = (up, demo, orders, parcels, stock, rules, goals, audit, bus, simulate, sourcing_agent, token)


def app() -> None:
    """Run the command line of this process; the entry point of the package."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code."""
    texts = Texts(wanted_language(arguments, os.environ))
    try:
        build(texts)(list(arguments), prog_name="aljibe")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def build(texts: Texts) -> TyperGroup:
    """The tree of commands, its help written in the language of ``texts``."""
    tree = typer.Typer(rich_markup_mode="rich", no_args_is_help=True, add_completion=False)
    tree.callback()(_root)
    for module in _COMMANDS:
        module.register(tree)
    root = typer.main.get_command(tree)
    assert isinstance(root, TyperGroup)
    _write_help(root, "root", texts)
    return root


def _root() -> None:
    """Stands for `aljibe` itself, so that typer keeps the commands apart even when there is only one."""


def _write_help(command: Any, path: str, texts: Texts) -> None:
    command.help = texts(f"{path}.help")
    command.short_help = command.help.partition("\n")[0]
    examples = texts(f"{path}.examples").strip().splitlines()
    command.epilog = "\n".join(
        [f"[bold]{texts('help.examples')}[/bold]", *(f"  {line}" for line in examples)]
    )
    for parameter in command.params:
        if parameter.help:
            parameter.help = texts(parameter.help)
        kind = "arguments" if parameter.param_type_name == "argument" else "options"
        parameter.rich_help_panel = texts(f"help.{kind}")
    for name, child in getattr(command, "commands", {}).items():
        child.rich_help_panel = texts("help.commands")
        _write_help(child, name if path == "root" else f"{path}.{name}", texts)
