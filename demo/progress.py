"""Progress bars and step times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from demo.words import Words


class Steps:
    """Shows a bar a step (a line at its end where there is no terminal) and remembers how long each took."""

    def __init__(self, console: Console, word: Words) -> None:
        self._word = word
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
            console=console,
            disable=not console.is_terminal,
        )
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def bar(self, name: str, total: int) -> Bar:
        """A new bar below the others."""
        return Bar(self._progress, self._word(f"step.{name}"), total)

    @contextmanager
    def step(self, name: str, total: int = 1) -> Iterator[Bar]:
        """A timed step with its bar, full at its end."""
        began = time.monotonic()
        bar = self.bar(name, total)
        yield bar
        self.seconds[name] = time.monotonic() - began
        bar.finish()
        if not self._console.is_terminal:
            self._console.print(f"✓ {self._word(f'step.{name}')} · {self.seconds[name]:.1f} s")


class Bar:
    """One bar."""

    def __init__(self, progress: Progress, text: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(text, total=total, note="")
        self._total = total
        self._done = 0

    def advance(self, count: int = 1) -> None:
        """So many more are done; the bar grows when there is more to do than was thought."""
        self._done += count
        if self._done > self._total:
            self._total = self._done
            self._progress.update(self._task, total=self._total)
        self._progress.advance(self._task, count)

    def more(self, count: int) -> None:
        """So many more are to do."""
        self._total += count
        self._progress.update(self._task, total=self._total)

    def note(self, text: str) -> None:
        """A few words beside the bar."""
        self._progress.update(self._task, note=text)

    def finish(self) -> None:
        """Fill the bar."""
        self._progress.update(self._task, total=max(1, self._done), completed=max(1, self._done), note="")


Advance = Callable[[int], None]
