"""`aljibe sourcing-agent`: the sourcing engine behind a line protocol, for graders and other people's
simulations.

One JSON object a line comes in, one line answers it, in order: ``setup``, then ``sale``, ``order`` and
``tick`` as they happen, then ``end``. The agent reads no other file than the history that the setup names,
knows no clock and no chance, and keeps its own count of the stock.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson
import typer

from cli.session import OK, USAGE, Session, command
from cli.trouble import Usage

if TYPE_CHECKING:
    from services.orders.domain.network import Network

MINOR = 100_000
"""Thousandths of a minor unit in a unit of money: what the engine counts in."""
_KINDS = {"store": "STORE", "warehouse": "WAREHOUSE"}


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
            kind = message["type"]
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
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Usage("sourcing-agent.bad_line", number=number, error=repr(error)) from error
    return OK if desk is None else USAGE


class Desk:
    """The engine for one setup, with the ids of the outside world."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        # Imported here: numpy takes a tenth of a second, and no other command needs it.
        from services.orders.domain.network import Article, Network, Site

        locations, skus = setup["locations"], setup["skus"]
        self._ids = [one["id"] for one in locations]
        self._location = {name: row for row, name in enumerate(self._ids)}
        self._sku = {one["id"]: row for row, one in enumerate(skus)}
        stock = [[0] * len(locations) for _ in skus]
        for name, positions in setup["stock"].items():
            for sku, units in positions.items():
                stock[self._sku[sku]][self._location[name]] = int(units)
        self._network: Network = Network(
            [
                Site(
                    _KINDS[one["kind"]],
                    float(one["lat"]),
                    float(one["lon"]),
                    _money(one["unit_cost"]),
                    _money(one["parcel_fixed"]),
                )
                for one in locations
            ],
            [Article(_money(one["margin"]), _money(one["unmet_cost"])) for one in skus],
            stock,
            _history(Path(setup["history"]), self._location, self._sku),
            parcel_per_km=round(float(setup["parcel_per_km"]) * MINOR, 6),
            horizon_weeks=float(setup["horizon_weeks"]),
        )
        self._acts: Mapping[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {
            "sale": self._sale,
            "order": self._order,
            "tick": self._tick,
        }

    def answer(self, kind: str, message: Mapping[str, Any]) -> dict[str, object]:
        """What one line is answered with."""
        return self._acts[kind](message)

    def _sale(self, message: Mapping[str, Any]) -> dict[str, object]:
        self._network.sale(
            float(message["t"]),
            self._location[message["location"]],
            self._sku[message["sku"]],
            int(message["units"]),
        )
        return {"ok": True}

    def _order(self, message: Mapping[str, Any]) -> dict[str, object]:
        picks = self._network.order(
            float(message["t"]),
            float(message["lat"]),
            float(message["lon"]),
            [self._sku[sku] for sku in message["lines"]],
        )
        return {"id": message["id"], "picks": [None if at is None else self._ids[at] for at in picks]}

    def _tick(self, message: Mapping[str, Any]) -> dict[str, object]:
        self._network.tick(float(message["t"]))
        return {"ok": True}


def _answer(answers: BinaryIO, content: Mapping[str, object]) -> None:
    answers.write(orjson.dumps(content) + b"\n")
    answers.flush()


def _money(value: float) -> int:
    return round(float(value) * MINOR)


def _history(path: Path, location_rows: Mapping[str, int], sku_rows: Mapping[str, int]) -> Any:
    """The CSV's rows about SKUs and locations of the setup; others say nothing about it."""
    import numpy as np

    from services.orders.domain.demand import History

    rows: list[tuple[int, int, int, int, float, float]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sku = sku_rows.get(row["sku"])
            walked = row["channel"] == "pos"
            location = location_rows.get(row["location"]) if walked else -1
            if sku is None or location is None:
                continue
            place = (0.0, 0.0) if walked else (float(row["lat"]), float(row["lon"]))
            rows.append((int(row["week"]), location, sku, int(float(row["units"])), *place))
    week, location_column, sku_column, units = (
        np.asarray([row[column] for row in rows], dtype=np.int64) for column in range(4)
    )
    lat, lon = (np.asarray([row[column] for row in rows], dtype=np.float64) for column in (4, 5))
    return History(week, location_column, sku_column, units, lat, lon)
