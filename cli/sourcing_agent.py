"""`aljibe sourcing-agent`: the sourcing engine behind a line protocol, for graders and other people's
simulations.

One JSON object a line comes in, one line answers it, in order: ``setup``, then ``sale``, ``order`` and
``tick`` as they happen, then ``end``. The agent reads no other file than the history that the setup names,
knows no clock and no chance, and keeps its own count of the stock.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import orjson
import typer

from cli.session import OK, USAGE, Session, command
from cli.trouble import Usage

if TYPE_CHECKING:
    from services.orders.domain.network import Network

MINOR = 100_000
"""Thousandths of a minor unit in a unit of money: what the engine counts in."""
MOST_MONEY = 1e9
MOST_UNITS = 1_000_000_000
MOST_WEEKS = 10_000.0
_KINDS = {"store": "STORE", "warehouse": "WAREHOUSE"}
_T = TypeVar("_T")
_COLUMNS = ("week", "channel", "location", "sku", "units", "lat", "lon")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "sourcing-agent", remote=False)(_agent)


def _agent(session: Session) -> int:
    return serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(lines: BinaryIO, answers: BinaryIO) -> int:
    """Answer every line until ``end`` or the end of input; an exit code.

    Raises:
        Usage: a line that the protocol does not have.
    """
    desk: Desk | None = None
    number = 0
    while line := lines.readline():
        number += 1
        try:
            message = orjson.loads(line)
            if not isinstance(message, dict):
                raise ValueError("a line is one JSON object")
            kind = _field(message, "type", str)
            if kind == "end":
                _answer(answers, {"ok": True})
                return OK
            if kind == "setup":
                desk = Desk(message)
                _answer(answers, {"ok": True})
                continue
            if desk is None:
                raise ValueError("setup comes first")
            _answer(answers, desk.answer(kind, message))
        except (ValueError, OSError) as error:
            raise Usage("sourcing-agent.bad_line", number=number, error=str(error)) from error
    return OK if desk is None else USAGE


class Desk:
    """The engine for one setup, with the ids of the outside world."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        # Imported here: numpy takes a tenth of a second, and no other command needs it.
        from services.orders.domain.network import Article, Network, Site

        locations = _objects(setup, "locations")
        skus = _objects(setup, "skus")
        self._ids = [_field(one, "id", str) for one in locations]
        self._location = _rows("location", self._ids)
        self._sku = _rows("SKU", [_field(one, "id", str) for one in skus])
        self._last = 0.0
        sites = [
            Site(
                _kind(one),
                *_place(one),
                _money(one, "unit_cost"),
                _money(one, "parcel_fixed"),
            )
            for one in locations
        ]
        stock = [[0] * len(locations) for _ in skus]
        for name, positions in _field(setup, "stock", dict).items():
            if not isinstance(positions, dict):
                raise ValueError(f"stock of {name!r} is no object of units by SKU")
            at = _row(self._location, "location", name)
            for sku in positions:
                stock[_row(self._sku, "SKU", sku)][at] = _units(positions, sku)
        history = setup.get("history") or ""
        if not isinstance(history, str):
            raise ValueError("history is no path")
        self._network: Network = Network(
            sites,
            # What earns nothing has nothing to lose.
            [Article(max(0, _money(one, "margin")), _money(one, "unmet_cost")) for one in skus],
            stock,
            _history(history, self._location, self._sku),
            parcel_per_km=round(_number(setup, "parcel_per_km", 0, MOST_MONEY) * MINOR, 6),
            horizon_weeks=_number(setup, "horizon_weeks", 1e-6, MOST_WEEKS),
        )
        self._acts: Mapping[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {
            "sale": self._sale,
            "order": self._order,
            "tick": self._tick,
        }

    def answer(self, kind: str, message: Mapping[str, Any]) -> dict[str, object]:
        """What one line is answered with.

        Raises:
            ValueError: something in it is missing, unknown or out of bounds; nothing has changed then.
        """
        act = self._acts.get(kind)
        if act is None:
            raise ValueError(f"unknown type {kind!r}")
        return act(message)

    def _sale(self, message: Mapping[str, Any]) -> dict[str, object]:
        location = _row(self._location, "location", _field(message, "location", str))
        sku = _row(self._sku, "SKU", _field(message, "sku", str))
        units = _units(message, "units")
        self._network.sale(self._time(message), location, sku, units)
        return {"ok": True}

    def _order(self, message: Mapping[str, Any]) -> dict[str, object]:
        lines = [_row(self._sku, "SKU", sku) for sku in _field(message, "lines", list)]
        lat, lon = _place(message)
        number = message.get("id")
        picks = self._network.order(self._time(message), lat, lon, lines)
        return {"id": number, "picks": [None if at is None else self._ids[at] for at in picks]}

    def _tick(self, message: Mapping[str, Any]) -> dict[str, object]:
        self._network.tick(self._time(message))
        return {"ok": True}

    def _time(self, message: Mapping[str, Any]) -> float:
        """Time does not go back: what is told late happened, as far as the engine knows, just now."""
        self._last = max(self._last, min(1.0, _number(message, "t", -1e9, 1e9)))
        return self._last


def _answer(answers: BinaryIO, content: Mapping[str, object]) -> None:
    answers.write(orjson.dumps(content) + b"\n")
    answers.flush()


def _field(message: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    value = message.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is missing or no {kind.__name__}")
    return value


def _objects(message: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = _field(message, name, list)
    if not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{name} is no list of objects")
    if not found:
        raise ValueError(f"{name} is empty")
    return found


def _number(message: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is missing or no number")
    if not least <= value <= most or not isfinite(value):
        raise ValueError(f"{name} is {value!r}; it is from {least:g} to {most:g}")
    return float(value)


def _units(message: Mapping[str, Any], name: str) -> int:
    value = _number(message, name, 0, MOST_UNITS)
    if value != int(value):
        raise ValueError(f"{name} is {value!r}; units are whole")
    return int(value)


def _money(message: Mapping[str, Any], name: str) -> int:
    return round(_number(message, name, -MOST_MONEY, MOST_MONEY) * MINOR)


def _place(message: Mapping[str, Any]) -> tuple[float, float]:
    return _number(message, "lat", -90, 90), _number(message, "lon", -180, 180)


def _kind(location: Mapping[str, Any]) -> str:
    kind = _KINDS.get(_field(location, "kind", str))
    if kind is None:
        raise ValueError(f"kind is {location['kind']!r}; it is one of {', '.join(_KINDS)}")
    return kind


def _rows(what: str, ids: Sequence[str]) -> dict[str, int]:
    rows = {name: row for row, name in enumerate(ids)}
    if len(rows) < len(ids):
        twice = next(name for row, name in enumerate(ids) if rows[name] != row)
        raise ValueError(f"{what} {twice!r} is there twice")
    return rows


def _row(rows: Mapping[str, int], what: str, name: object) -> int:
    row = rows.get(name) if isinstance(name, str) else None
    if row is None:
        raise ValueError(f"unknown {what} {name!r}")
    return row


def _history(path: str, location_rows: Mapping[str, int], sku_rows: Mapping[str, int]) -> Any:
    """The CSV's rows about SKUs and locations of the setup; others say nothing about it, nor do returns.

    Without a path nothing was ever sold.
    """
    import numpy as np

    from services.orders.domain.demand import History

    rows: list[tuple[int, int, int, int, float, float]] = []
    if path:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"history has no column {', '.join(missing)}")
            try:
                rows = list(_history_rows(reader, location_rows, sku_rows))
            except (ValueError, OverflowError, csv.Error) as error:
                raise ValueError(f"history, line {reader.line_num}: {error}") from error
    week, location, sku, units = (
        np.asarray([row[column] for row in rows], dtype=np.int64) for column in range(4)
    )
    lat, lon = (np.asarray([row[column] for row in rows], dtype=np.float64) for column in (4, 5))
    return History(week, location, sku, units, lat, lon)


def _history_rows(
    reader: Iterable[Mapping[str, str]], location_rows: Mapping[str, int], sku_rows: Mapping[str, int]
) -> Iterable[tuple[int, int, int, int, float, float]]:
    for row in reader:
        sku = sku_rows.get(row["sku"])
        walked = row["channel"] == "pos"
        location = location_rows.get(row["location"]) if walked else -1
        week, units = float(row["week"]), float(row["units"])
        if not (abs(week) <= MOST_WEEKS and abs(units) <= MOST_UNITS):
            raise ValueError(f"week {row['week']}, units {row['units']}")
        if sku is None or location is None or units <= 0:
            continue
        place = (0.0, 0.0)
        if not walked:
            place = float(row["lat"]), float(row["lon"])
            if not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
                raise ValueError(f"lat {row['lat']}, lon {row['lon']}")
        yield int(week), location, sku, int(units), *place
