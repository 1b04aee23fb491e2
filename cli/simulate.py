"""`aljibe simulate`: what other rules of sourcing would have done with the orders of the past."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli.reports import FOLDER, keep
from cli.session import Session, command
from cli.trouble import Trouble, Usage

if TYPE_CHECKING:
    from cli.versions import Named
    from simulation.play import Variant
    from simulation.report.story import Teller
    from simulation.world import World

_WEEK = re.compile(r"\d{1,2}")
_DAY_LENGTH = 10
PRODUCTION_HORIZON_DAYS = 14
"""As the orders service looks ahead, unless it is set otherwise (`stock_horizon_days`)."""
_STYLES = {"better": "green", "worse": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "simulate")(_simulate)


async def _simulate(
    session: Session,
    begin: Annotated[str, typer.Option("--from", metavar="DAY|WEEK", help="simulate.from")],
    end: Annotated[str, typer.Option("--to", metavar="DAY|WEEK", help="simulate.to")],
    rules: Annotated[
        list[str] | None, typer.Option("--rules", "-r", metavar="VERSION", help="simulate.rules")
    ] = None,
    without_prices: Annotated[bool, typer.Option("--without-prices", help="simulate.without_prices")] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="simulate.report")] = None,
    horizon: Annotated[
        int | None, typer.Option("--horizon-days", min=0, max=365, help="simulate.horizon")
    ] = None,
    history: Annotated[int, typer.Option("--history-weeks", min=0, max=52, help="simulate.history")] = 13,
    changes: Annotated[int, typer.Option("--changes", min=0, max=200, help="simulate.changes")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="simulate.seed")] = 1,
) -> None:
    # Imported here: numpy and the template engine take a tenth of a second, and no other command needs them.
    from cli.past import asks_for_kinds
    from simulation.figures import compare
    from simulation.play import MAX_VARIANTS, Settings, simulate
    from simulation.report.document import document
    from simulation.report.page import page
    from simulation.report.story import Teller, Told
    from simulation.world import BadWorld

    weeks = _weeks(begin, end)
    named = await _versions(session, rules or [], grocer=weeks is not None)
    variants = _variants(session, named, without_prices)
    if not 2 <= len(variants) <= MAX_VARIANTS:
        raise Usage("simulate.versions", count=len(variants), most=MAX_VARIANTS)
    if report is not None and not report.parent.is_dir():
        raise Usage("simulate.no_folder", folder=report.parent)
    with _progress(session) as progress:
        try:
            if weeks is not None:
                progress.add_task(session.texts("simulate.reading"), total=None)
                world, source, fields = _grocer(*weeks, history, seed)
            else:
                kinds = any(asks_for_kinds(one.rules) for one in variants)
                world, source, fields = await _platform(session, progress, begin, end, history, kinds)
        except BadWorld as error:
            raise Trouble("simulate.bad_past", error=error) from error
        if not world.orders:
            raise Trouble("simulate.no_orders")
        for task in progress.task_ids:
            progress.remove_task(task)
        playing = progress.add_task(session.texts("simulate.playing"), total=len(world.events))
        if horizon is None:
            horizon = 0 if weeks is not None else PRODUCTION_HORIZON_DAYS
        settings = Settings(horizon_days=horizon, kept_changes=changes)
        outcomes = simulate(world, variants, settings, lambda count: progress.advance(playing, count))
    told = Told(compare(world, outcomes), source, fields, _activate(named), _rollback(named) if named else "")
    teller = Teller(told, session.texts.language)
    text = page(told, session.texts.language)
    if report is not None:
        try:
            report.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Trouble("simulate.not_written", file=report, error=error) from error
    written = _kept(session, teller, text)
    _show(session, teller, report or written)
    session.document(document(told))


def _kept(session: Session, teller: Teller, text: str) -> Path | None:
    """The report for the operations pages; nobody asked for it, so what hinders it is only noted."""
    try:
        return keep(session.data, teller.names, text)
    except OSError as error:
        session.note(session.texts("simulate.not_written", file=session.data / FOLDER, error=error))
        return None


async def _versions(session: Session, names: list[str], *, grocer: bool) -> list[Named]:
    from cli.versions import ACTIVE, BUILT_IN, named_rules, needs_platform

    if not names:
        names = [BUILT_IN] if grocer else [ACTIVE]
    elif len(names) == 1 and names[0] not in (ACTIVE, BUILT_IN):
        # One version is compared with what holds now.
        first = ACTIVE if not grocer or needs_platform(names[0]) else BUILT_IN
        names = [first, *names]
    if len(set(names)) < len(names):
        raise Usage("simulate.twice")
    return await named_rules(session, names, built_in_here=grocer)


def _variants(session: Session, named: list[Named], without_prices: bool) -> list[Variant]:
    """Every version; and without prices of stock, where that was asked for or else there were nothing to
    compare.
    """
    from simulation.play import Variant

    found: list[Variant] = []
    for one in named:
        variant = Variant(one.name, one.rules)
        found.append(variant)
        if (without_prices or len(named) == 1) and one.rules.opportunity_percent:
            found.append(variant.without_prices(session.texts("simulate.priceless", name=one.name)))
    return found


def _weeks(begin: str, end: str) -> tuple[int, int] | None:
    """Weeks of the data set; None when days are meant."""
    if _WEEK.fullmatch(begin) and _WEEK.fullmatch(end):
        return int(begin), int(end)
    return None


def _grocer(first: int, last: int, history: int, seed: int) -> tuple[World, str, dict[str, object]]:
    try:
        from simulation.grocer import GrocerSettings, grocer_world
    except ModuleNotFoundError as error:
        raise Trouble("demo.missing", name=error.name) from error
    world = grocer_world(GrocerSettings(first, last, history_weeks=history, seed=seed))
    return world, "grocer", {"first": first, "last": last}


async def _platform(
    session: Session, progress: Progress, begin: str, end: str, history: int, kinds: bool
) -> tuple[World, str, dict[str, object]]:
    from cli.past import Span, read_past

    begins, ends = _moment(begin), _moment(end, last=True)
    if begins >= ends:
        raise Usage("simulate.bad_period", begin=begin, end=end)
    orders = progress.add_task(session.texts("simulate.orders"), total=None)
    movements = progress.add_task(session.texts("simulate.movements"), total=None)
    tasks = {"orders": orders, "movements": movements}

    def note(kind: str, count: int) -> None:
        progress.update(tasks[kind], completed=count)

    past = await read_past(session, Span(begins, ends, timedelta(weeks=history)), note, kinds=kinds)
    return past.world(), "platform", {}


def _moment(text: str, *, last: bool = False) -> datetime:
    """A day in UTC, or a moment; a day that is the last one counts whole."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Usage("simulate.bad_time", text=text) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if last and len(text) == _DAY_LENGTH:
        found += timedelta(days=1)
    return found.astimezone(UTC)


def _activate(named: list[Named]) -> list[str]:
    return [f"aljibe rules activate {one.number}" for one in named[1:] if one.number]


def _rollback(named: list[Named]) -> str:
    first = named[0].number
    return "" if first is None or len(named) < 2 else f"aljibe rules rollback {first}"


@contextmanager
def _progress(session: Session) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=session.err, transient=True, disable=session.json) as progress:
        yield progress


def _show(session: Session, teller: Teller, report: Path | None) -> None:
    words = teller.words
    table = Table(title=words("title"), title_justify="left", box=None, pad_edge=False)
    table.add_column(words("figure"))
    for name in teller.names:
        table.add_column(name, justify="right")
    for line in teller.lines():
        cells = []
        for cell in line.cells:
            text = Text(cell.value)
            if cell.difference:
                told = f"\n{cell.difference}" + (f" ({cell.percent})" if cell.percent else "")
                text.append(told, style=_STYLES.get(cell.tone, "dim"))
            cells.append(text)
        table.add_row(f"  {line.name}" if line.part else line.name, *cells, style="dim" if line.part else "")
    session.show(table, "", teller.scene(), *teller.notes(), "", *teller.verdicts())
    for step in teller.told.activate:
        session.show(f"{words('next.activate')} {step}")
    if teller.told.rollback:
        session.show(f"{words('next.rollback')} {teller.told.rollback}")
    if report is not None:
        session.show(session.texts("simulate.written", file=report))
