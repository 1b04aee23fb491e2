"""`aljibe demo`: a real grocer's baskets through every channel's door, replayed by the package `demo`."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from cli.session import Session, command
from cli.trouble import Trouble

_ENTRY = "demo.run"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", remote=False)(_demo)


def _demo(
    session: Session,
    seed: Annotated[int, typer.Option("--seed", help="demo.seed")] = 1,
    scale: Annotated[float, typer.Option("--scale", min=0.01, max=100.0, help="demo.scale")] = 1.0,
    speed: Annotated[float, typer.Option("--speed", min=0.0, help="demo.speed")] = 0.0,
    keep: Annotated[bool, typer.Option("--keep", help="demo.keep")] = False,
) -> int:
    # Imported here: its packages (pandas and the data) are heavy, and the rest must work without them.
    try:
        entry = importlib.import_module(_ENTRY)
    except ModuleNotFoundError as error:
        raise Trouble("demo.missing", name=error.name) from error
    options = entry.DemoOptions(
        seed=seed,
        scale=scale,
        speed=speed,
        keep=keep,
        lang=session.texts.language,
        json=session.json,
        data=session.wanted_data,
    )
    return int(entry.run(options))
