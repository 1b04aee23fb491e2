"""Which platform a run uses: one that runs already, or one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chassis.auth import development_keys
from cli.local.machine import data_folder, existing_data_folder
from cli.local.platform import Platform
from demo.doors import SERVICES
from demo.options import DemoOptions


class TargetError(Exception):
    """The demo cannot find or start a platform; the text is for a person."""


@dataclass(frozen=True)
class Target:
    """A platform that answers. ``platform`` is set when this run started it; ``data`` is its folder as a
    person names it, unknown for one that runs elsewhere.
    """

    http: str
    addresses: Mapping[str, str]
    key_file: Path
    data: Path | None = None
    platform: Platform | None = None


def running_target(options: DemoOptions) -> Target | None:
    """The platform that the options name, or one that runs on this machine; None: start one.

    Raises:
        TargetError: the options name one incompletely.
    """
    if options.url and options.key_file:
        pairs = dict(address.partition("=")[::2] for address in options.addresses)
        missing = [name for name in SERVICES if not pairs.get(name)]
        if missing:
            raise TargetError(f"--address is missing for {', '.join(missing)} (write {missing[0]}=host:port)")
        return Target(options.url, pairs, options.key_file)
    if options.fresh:
        return None
    for folder in (options.data, options.own_data):
        if found := _running_in(folder):
            return found
    return None


@asynccontextmanager
async def own_target(options: DemoOptions, say: Callable[[object], None]) -> AsyncIterator[Target]:
    """A platform on a wiped folder, drained and stopped at the end."""
    data = await asyncio.to_thread(_wiped, options.own_data)
    platform = Platform(data, fixed_ports=True, gives_way=True, environ=_environ(), say=say)
    async with platform:
        addresses = platform.addresses
        yield Target(
            addresses.http, addresses.grpc, platform.development_key_file, options.own_data, platform
        )


def _environ() -> Mapping[str, str]:
    """Ours; every order is traced, so that each has its trace on the pages afterwards."""
    return {"ALJIBE_LOG_LEVEL": "WARNING", **os.environ}


def _running_in(folder: Path) -> Target | None:
    data = existing_data_folder(folder)
    try:
        told = json.loads((data / "platform.json").read_text())
        os.kill(told["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    keys = development_keys(data / "secrets" / "development")
    return Target(told["http"], told["grpc"], keys.private_key_file, folder)


def _wiped(folder: Path) -> Path:
    """The folder, empty. Raises TargetError when a platform starts or runs there, or it is not a demo's."""
    data = data_folder(folder)
    left = {path.name for path in data.iterdir()}
    if left and not left & {"lock", "secrets", "postgres", "log"}:
        raise TargetError(f"{data} is not a data folder of Aljibe; it is left as it is")
    with contextlib.suppress(FileNotFoundError), (data / "lock").open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TargetError(f"a platform already starts or runs on {data}") from None
        for path in data.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return data
