"""`aljibe demo`: a real grocer's baskets through every channel's door, replayed by the package `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.session import Session, command
from cli.trouble import Trouble, Usage


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", remote=False)(_demo)


def _demo(
    session: Session,
    seed: Annotated[int, typer.Option("--seed", help="demo.seed")] = 1,
    scale: Annotated[float, typer.Option("--scale", min=0.01, max=100.0, help="demo.scale")] = 1.0,
    speed: Annotated[float, typer.Option("--speed", min=0.0, help="demo.speed")] = 0.0,
    keep: Annotated[bool, typer.Option("--keep", help="demo.keep")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="demo.fresh")] = False,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="demo.url")] = "",
    address: Annotated[
        list[str] | None, typer.Option("--address", metavar="SERVICE=HOST:PORT", help="demo.address")
    ] = None,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="demo.key_file")] = None,
) -> int:
    # Imported here: its packages (pandas and the data) are heavy, and the rest must work without them.
    try:
        from demo.run import DemoOptions, run
    except ModuleNotFoundError as error:
        raise Trouble("demo.missing", name=error.name) from error
    try:
        options = DemoOptions(
            seed=seed,
            scale=scale,
            speed=speed,
            keep=keep,
            lang=session.texts.language,
            json=session.json,
            data=session.wanted_data,
            fresh=fresh,
            url=url,
            addresses=tuple(address or ()),
            key_file=key_file,
        )
    except ValueError as error:
        raise Usage("demo.bad_option", error=error) from error
    return run(options)
