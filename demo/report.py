"""The closing page: the summary for a person, in tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.data.baskets import Channel
from demo.replay import IN_FLIGHT
from demo.summary import METHODS, Summary
from demo.target import Target
from demo.words import Words, names, words

SOME = 3
DEFAULT_DATA = Path("var")
"""Where `aljibe` looks for a platform by itself."""
_HTTP, _GRPC = "HTTP", "gRPC"
_HAPPENED = "happened."


def show(console: Console, summary: Summary, target: Target, language: str, kept: bool) -> None:
    """Print the page."""
    word = words(language)
    console.print()
    console.print(_headline(summary, word))
    console.print(_channels(summary, word))
    console.print(
        Columns([_ways(summary, word), _sourcing(summary, word)], padding=(0, 2), equal=False, expand=False)
    )
    console.print(
        Columns([_day(summary, word), _money(summary, word)], padding=(0, 2), equal=False, expand=False)
    )
    console.print(_books(summary, word))
    console.print(_next(summary, target, word, kept))
    console.print(Text(word("honest"), style="dim italic"))


def _headline(summary: Summary, word: Words) -> RenderableType:
    scene = summary.scene
    first = word("headline").format(
        orders=_number(summary.orders),
        units=_number(summary.units),
        sold=_money_text(summary.money.sold_minor),
        seconds=f"{summary.steps.get('replay', 0.0):.0f}",
        rate=f"{summary.orders_per_second:,.0f}",
    )
    second = word("scene").format(
        products=_number(scene.products),
        promotions=_number(scene.promotions),
        stores=scene.stores,
        warehouses=scene.warehouses,
        stock=_number(scene.stock_units),
        baskets=_number(scene.baskets),
        seed=scene.seed,
    )
    return Panel(
        Group(Text(first, style="bold"), Text(second, style="dim")),
        title=f"[bold]Aljibe[/] · {word('title')}",
        border_style="cyan",
    )


def _channels(summary: Summary, word: Words) -> Table:
    table = _table(word("channels").format(flight=IN_FLIGHT))
    table.add_column(word("channel"))
    table.add_column(word("door"), style="dim")
    for name in ("orders", "units", "sales", "refused", "p50", "p99"):
        table.add_column(word(name), justify="right")
    for channel in Channel:
        figures = summary.channels[channel.value]
        table.add_row(
            word(f"channel.{channel.value}"),
            _GRPC if channel is Channel.TILL else _HTTP,
            _number(figures.orders),
            _number(figures.units),
            _money_text(figures.total_minor),
            _number(figures.refused),
            _milliseconds(figures.p50_ms),
            _milliseconds(figures.p99_ms),
        )
    table.add_section()
    table.add_row(
        word("all"),
        "",
        _number(summary.orders),
        _number(summary.units),
        _money_text(summary.money.sold_minor),
        _number(sum(summary.refusals.values())),
        _milliseconds(summary.p50_ms),
        _milliseconds(summary.p99_ms),
        style="bold",
    )
    return table


def _ways(summary: Summary, word: Words) -> Table:
    table = _table(word("ways"))
    table.add_column(word("way"))
    for name in ("orders", "units", "served"):
        table.add_column(word(name), justify="right")
    for method in METHODS:
        figures = summary.methods[method]
        table.add_row(
            word(f"method.{method}"),
            _number(figures.orders),
            _number(figures.units),
            _number(figures.served_units),
        )
    return table


def _sourcing(summary: Summary, word: Words) -> Table:
    found = summary.sourcing
    rows = [
        (word("parcels"), _number(found.parcels)),
        (word("from_stores"), _share(found.parcels_from_stores, found.parcels)),
        (word("split"), _share(found.split_orders, found.shipped_orders)),
        (
            word("resourced"),
            word("resourced.value").format(units=found.resourced_units, orders=found.resourced_orders),
        ),
    ]
    rows += [
        (
            word(f"place.{kind}"),
            word("place.value").format(parts=_number(place.parts), units=_number(place.units)),
        )
        for kind, place in summary.places.items()
    ]
    return _pairs(word("sourcing"), rows)


def _day(summary: Summary, word: Words) -> Table:
    # In the order of the day, as the texts stand; a name without a text comes last.
    told = [name.removeprefix(_HAPPENED) for name in names() if name.startswith(_HAPPENED)]
    happened = [name for name in told if name in summary.happened]
    happened += [name for name in summary.happened if name not in told]
    rows = [(word(_HAPPENED + name), _number(summary.happened[name])) for name in happened]
    rows.append((word("cancelled_units"), _number(summary.cancelled_units)))
    rows.append((word("returned_units"), _number(summary.returned_units)))
    refusals = (
        (f"{word('refusals')}: {word(f'reason.{r}')}", _number(n)) for r, n in summary.refusals.items()
    )
    return _pairs(word("day"), [*rows, *refusals])


def _money(summary: Summary, word: Words) -> Table:
    money = summary.money
    rows = [
        (word("sold"), money.sold_minor),
        (word("tax"), money.tax_minor),
        (word("discount"), -money.discount_minor),
        (word("authorized"), money.authorized_minor),
        (word("captured"), money.captured_minor),
        (word("voided"), money.voided_minor),
        (word("refunded"), money.refunded_minor),
    ]
    return _pairs(word("money"), [(name, _money_text(amount)) for name, amount in rows])


def _books(summary: Summary, word: Words) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    audit = summary.audit
    if audit is not None and not audit.difference_count:
        agreed = word("audit.ok").format(
            movements=_number(audit.movements), positions=_number(audit.positions), ms=audit.duration_ms
        )
        table.add_row(word("audit"), _good(agreed))
    elif audit is not None:
        bad = [word("audit.bad").format(count=audit.difference_count), *audit.differences[:SOME]]
        table.add_row(word("audit"), _bad("\n".join(bad)))
    if summary.unsettled:
        some = ", ".join(summary.unsettled[:SOME])
        table.add_row(
            word("settled"), _bad(word("settled.bad").format(count=len(summary.unsettled), some=some))
        )
    else:
        table.add_row(word("settled"), _good(word("settled.ok").format(orders=_number(summary.orders))))
    dead = sum(summary.dead_letters.values())
    table.add_row(word("dead_letters"), _bad(_counts(summary.dead_letters)) if dead else _good("0"))
    table.add_row(word("faults"), _bad(_counts(summary.faults)) if summary.faults else _good("0"))
    steps = " · ".join(f"{word(f'word.{name}')} {seconds:.1f} s" for name, seconds in summary.steps.items())
    table.add_row(word("times"), f"{summary.total_seconds:.1f} s  [dim]({steps})[/]")
    style = "green" if summary.clean and not dead else "red"
    return Panel(table, title=word("books"), border_style=style, expand=False)


def _next(summary: Summary, target: Target, word: Words, kept: bool) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(style="cyan", overflow="fold")
    if target.platform is not None:
        table.add_row(word("console"), target.platform.addresses.console)
    table.add_row(word("pages"), f"{target.http}/docs")
    for name, address in target.addresses.items():
        table.add_row(f"gRPC {name}", address)
    data = f" --data {target.data}" if target.data and target.data != DEFAULT_DATA else ""
    commands = [f"aljibe stock show {summary.scene.sample_sku}{data}", f"aljibe audit{data}"]
    if summary.sample_order:
        commands.insert(0, f"aljibe order show {summary.sample_order}{data}")
    if target.platform is not None and not kept:
        commands = [f"aljibe up{data}", *commands[:-1]]
    told = Text(word("running" if kept else "stopped"), style="dim") if target.platform else Text("")
    lines = [Text(f"  $ {command}", no_wrap=True, overflow="ignore") for command in commands]
    return Panel(Group(table, told, *lines), title=word("next"), border_style="cyan", expand=False)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold cyan", box=box.SIMPLE_HEAD)


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = _table(title)
    table.show_header = False
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _good(text: str) -> Text:
    return Text(f"✓ {text}", style="green")


def _bad(text: str) -> Text:
    return Text(f"✗ {text}", style="bold red")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def _number(count: int) -> str:
    return f"{count:,}"


def _money_text(amount_minor: int) -> str:
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}${abs(amount_minor) // 100:,}.{abs(amount_minor) % 100:02d}"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value else "–"
