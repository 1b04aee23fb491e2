"""What a plant is, and how it gets into running code."""

from __future__ import annotations
import __future__

import dataclasses
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from types import FunctionType, ModuleType
from typing import Any

import pytest

from chassis import migrations

CHILDREN = ("services.", "chassis.")
"""Modules that tests start as processes of their own; they get the same plant."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A realistic mistake, and the tests that must fail when it is made."""

    name: str
    mistake: str
    install: Callable[[pytest.MonkeyPatch], None]
    caught_by: tuple[str, ...]
    fast: bool
    """Whether those tests need a second or two, so that `make test` shows them failing each time."""


PLANTS: dict[str, Plant] = {}


class DoesNotFit(Exception):
    """The code has changed where the plant would edit it: the plant must change with it."""


def plant(
    mistake: str, *caught_by: str, fast: bool = True
) -> Callable[[Callable[[pytest.MonkeyPatch], None]], Callable[[pytest.MonkeyPatch], None]]:
    """Register the decorated function, which makes the edit, under its name with dashes."""

    def register(install: Callable[[pytest.MonkeyPatch], None]) -> Callable[[pytest.MonkeyPatch], None]:
        name = install.__name__.replace("_", "-")
        if name in PLANTS:
            raise ValueError(f"two plants are named {name}")
        PLANTS[name] = Plant(name, mistake, install, caught_by, fast)
        return install

    return register


def edit(patch: pytest.MonkeyPatch, function: object, *changes: tuple[str, str]) -> None:
    """Make ``changes``, from what stands once in the source of ``function`` to what the mistake would be;
    everybody who has the function runs the edited code, for it stays the same object.
    """
    plain = inspect.unwrap(function)  # type: ignore[arg-type]
    assert isinstance(plain, FunctionType)
    source = textwrap.dedent(inspect.getsource(plain))
    for old, new in changes:
        source = _replaced(source, old, new, plain.__qualname__)
    code = compile(
        source,
        f"<planted {plain.__qualname__}>",
        "exec",
        flags=__future__.annotations.compiler_flag,
        dont_inherit=True,
    )
    made: dict[str, Any] = dict(plain.__globals__)
    exec(code, made)  # noqa: S102 - our own source with our own change in it
    patch.setattr(plain, "__code__", inspect.unwrap(made[plain.__name__]).__code__)


def edit_query(patch: pytest.MonkeyPatch, queries: Any, name: str, old: str, new: str) -> None:
    """The same for a named statement."""
    text = getattr(queries, name)
    patch.setitem(queries._statements, name, _replaced(text, old, new, name))


def edit_text(patch: pytest.MonkeyPatch, module: ModuleType, name: str, old: str, new: str) -> None:
    """The same for a statement that is a constant of a module."""
    patch.setattr(module, name, _replaced(getattr(module, name), old, new, name))


def edit_migration(patch: pytest.MonkeyPatch, package: str, name: str, old: str, new: str) -> None:
    """The same for what the migration called ``name`` makes, such as a function of the database."""
    original = migrations.load
    (found,) = [one for one in original(resources.files(package), "service") if one.name == name]
    planted = dataclasses.replace(found, text=_replaced(found.text, old, new, name))

    def load(folder: Any, origin: str) -> tuple[migrations.Migration, ...]:
        return tuple(planted if one == found else one for one in original(folder, origin))

    patch.setattr(migrations, "load", load)


def _replaced(text: str, old: str, new: str, where: str) -> str:
    if text.count(old) != 1:
        raise DoesNotFit(f"{where} has {old!r} {text.count(old)} times, not once")
    return text.replace(old, new)


def children_too(patch: pytest.MonkeyPatch, name: str) -> None:
    """Let Python processes that are started from here on run with the plant, too."""
    original = subprocess.Popen.__init__

    def start(self: Any, arguments: Any, *more: Any, **options: Any) -> None:
        original(self, with_plant(arguments, name), *more, **options)

    patch.setattr(subprocess.Popen, "__init__", start)


def with_plant(command: Any, name: str) -> Any:
    """`python -m services.x …`, wherever it stands in a command, goes by way of the planting entry."""
    if not isinstance(command, Sequence) or isinstance(command, str | bytes):
        return command
    parts = [str(part) for part in command]
    for at in range(len(parts) - 2):
        if parts[at : at + 2] == [sys.executable, "-m"] and parts[at + 2].startswith(CHILDREN):
            return [*parts[: at + 2], "tests.plants.child", name, *parts[at + 2 :]]
    return command
