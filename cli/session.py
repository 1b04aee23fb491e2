"""What every command shares: options, where output goes, how trouble becomes one line and an exit code."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console, RenderableType

from cli.local.child import StartFailed
from cli.local.machine import existing_data_folder
from cli.texts import Texts, wanted_language
from cli.trouble import CallFailed, Trouble

OK = 0
REFUSED = 1
USAGE = 2
NOT_REACHABLE = 3
INTERRUPTED = 130

DEFAULT_DATA = Path("var")
_PIPE_WIDTH = 160  # a pipe has no width of its own, and cut cells would be lost


@dataclass(frozen=True)
class Session:
    """One run of the command: what was asked for, and where the answer goes."""

    texts: Texts
    json: bool = False
    wanted_data: Path = DEFAULT_DATA
    url: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    @property
    def data(self) -> Path:
        """The data folder, where the platform would have put it; it need not exist.

        Where only the demo's own platform runs, below it, it is that one's.
        """
        own, demo = (existing_data_folder(folder) for folder in (self.wanted_data, self.wanted_data / "demo"))
        return demo if _runs(demo) and not _runs(own) else own

    def show(self, *parts: RenderableType) -> None:
        """Print for a person; in a ``--json`` run nothing but documents goes to standard output."""
        if not self.json:
            for part in parts:
                plain = isinstance(part, str)  # never cut: lines are copied and piped
                self.out.print(part, soft_wrap=plain, markup=not plain, highlight=False)

    def note(self, line: str) -> None:
        """Print a line beside the result: progress, or what was left out."""
        self.err.print(line, soft_wrap=True, highlight=False, markup=False)

    def document(self, content: Mapping[str, object]) -> None:
        """Print one JSON document, on a line of its own; only in a ``--json`` run."""
        if self.json:
            self.out.file.write(orjson.dumps(content).decode() + "\n")
            self.out.file.flush()


def proto_json(message: Message) -> dict[str, Any]:
    """ProtoJSON with every field present, so that scripts need not know which values are defaults."""
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def command(
    group: typer.Typer, name: str, *, remote: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function a command of ``group`` with the shared options after its own.

    The function gets a Session first and returns an exit code (None is 0), or a coroutine that does. Its help
    texts are keys of the catalogue: ``<path>.help`` and ``<path>.examples``, and those it names for options.
    ``remote`` commands ask a service, so that they have ``--url``.
    """

    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
        shared = list(inspect.signature(_shared_options, eval_str=True).parameters.values())
        if not remote:
            shared = [one for one in shared if one.name != "url"]

        def wrapper(**values: Any) -> None:
            options = {parameter.name: values.pop(parameter.name) for parameter in shared}
            raise typer.Exit(_run(_shared_options(**options), run, values))

        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in [*own, *shared]]
        cast("Any", wrapper).__signature__ = inspect.Signature(parameters)
        wrapper.__annotations__ = {one.name: one.annotation for one in parameters}
        wrapper.__name__ = run.__name__
        group.command(name)(wrapper)
        return run

    return decorate


def _shared_options(
    json: Annotated[bool, typer.Option("--json", help="option.json")] = False,
    lang: Annotated[str, typer.Option("--lang", metavar="en|es", help="option.lang")] = "",
    data: Annotated[Path, typer.Option("--data", envvar="ALJIBE_DATA", help="option.data")] = DEFAULT_DATA,
    url: Annotated[str, typer.Option("--url", metavar="HOST:PORT", help="option.url")] = "",
) -> Session:
    if lang not in ("", "en", "es"):
        raise typer.BadParameter("en | es", param_hint="--lang")
    language = lang or wanted_language([], os.environ)
    return Session(Texts(language), json=json, wanted_data=data, url=url or None)


def _run(session: Session, run: Callable[..., Any], values: Mapping[str, Any]) -> int:
    try:
        result = run(session, **values)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
    except Trouble as trouble:
        _complain(session, trouble)
        return trouble.exit_code
    except StartFailed as failure:
        session.note(str(failure))
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK if result is None else int(result)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


def _complain(session: Session, trouble: Trouble) -> None:
    line = trouble.line(session.texts)
    if not session.json:
        session.note(line)
        return
    document: dict[str, object] = {"reason": trouble.reason, "message": line}
    if isinstance(trouble, CallFailed):
        document |= {"code": trouble.code, "metadata": trouble.metadata}
        document["violations"] = [
            {"field": one.field, "reason": one.reason, "description": one.description}
            for one in trouble.violations
        ]
    session.err.file.write(orjson.dumps({"error": document}).decode() + "\n")


def _runs(folder: Path) -> bool:
    return (folder / "platform.json").exists()


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console
