"""Reads the store: search, one trace, who calls whom, totals. Each thread has a connection of its own."""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.telemetry.adapters.sqlite import files
from services.telemetry.adapters.sqlite.live import QUERIES
from services.telemetry.adapters.sqlite.writer import TRACE_SHIFT
from services.telemetry.domain import service_map
from services.telemetry.domain.facets import Facet
from services.telemetry.domain.records import Edge, Found, Node, Query, Stored, Totals

THREADS = 2
MAX_SPANS = 5_000
MAX_LOGS = 2_000
MAX_TRACE_BYTES = 2 << 20
MAX_ORDER_IDS = 20
MAX_MAP_SPANS = 50_000
"""More would keep a thread and the processor busy for seconds."""
_LAST_CHARACTER = "\U0010ffff"


class Reader:
    """Questions to the store, answered beside the event loop. Every method raises sqlite3.Error when the file
    fails.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._own = threading.local()
        self.pool = ThreadPoolExecutor(THREADS, "trace reader")

    def close(self) -> None:
        """Let questions under way end, and free the file."""
        self.pool.shutdown(cancel_futures=True)

    def search(self, query: Query) -> list[Found]:
        """The traces, newest first."""
        statement, parameters = _search(query)
        rows = self._db.execute(statement, parameters).fetchall()
        words = self._words(word for row in rows for word in (row[6], row[7], *array("I", row[8])))
        found = []
        for key, trace, start, finish, spans, errors, service, name, blob in rows:
            own = sorted(words[word] for word in array("I", blob) if word in words)
            found.append(
                Found(
                    key=key,
                    trace_id=trace.hex(),
                    root_name=words.get(name, (0, ""))[1],
                    root_service=words.get(service, (0, ""))[1],
                    start=start,
                    finish=finish,
                    spans=spans,
                    errors=errors,
                    services=[text for kind, text in own if kind == Facet.SERVICE],
                    order_ids=[text for kind, text in own if kind == Facet.ORDER][:MAX_ORDER_IDS],
                )
            )
        return found

    def trace(self, trace_id: bytes) -> Stored | None:
        """All of a trace, or None."""
        row = self._db.execute(QUERIES.trace_by_id, (trace_id,)).fetchone()
        if row is None:
            return None
        span_count, log_count = row[3], row[5]
        ids = (row[0] << TRACE_SHIFT, row[0] + 1 << TRACE_SHIFT)
        spans = _within(MAX_TRACE_BYTES, self._db.execute(QUERIES.trace_spans, (*ids, MAX_SPANS)))
        logs = _within(MAX_TRACE_BYTES // 2, self._db.execute(QUERIES.trace_logs, (*ids, MAX_LOGS)))
        words = {word: text for word, (_, text) in self._words(word for word, _ in (*spans, *logs)).items()}
        return Stored(
            [(words.get(service, ""), data) for service, data in spans],
            [(words.get(service, ""), data) for service, data in logs],
            span_count + log_count - len(spans) - len(logs),
        )

    def service_map(self, since: int, most: int = MAX_MAP_SPANS) -> tuple[list[Node], list[Edge], int]:
        """Who did what and reached whom in what began at or after `since`, or, where that is more than `most`
        spans, in the newest of them; and since when that is.
        """
        full = self._db.execute(QUERIES.map_begin, (since, most - 1)).fetchone()
        spans = self._db.execute(QUERIES.map_spans, (since, most)).fetchall()
        nodes, edges = service_map.draw(spans)
        words = {word: text for word, (_, text) in self._words(service_map.words_of(nodes, edges)).items()}
        told_nodes = [
            Node(words[word], len(tally.durations), tally.failed, tally.percentile(50), tally.percentile(99))
            for word, tally in nodes.items()
        ]
        told_edges = [
            Edge(words[source], words[target], kind, len(tally.durations), tally.failed, tally.percentile(99))
            for (source, target, kind), tally in edges.items()
        ]
        return (
            sorted(told_nodes, key=lambda node: node.service),
            sorted(told_edges, key=lambda edge: (edge.source, edge.target, edge.kind)),
            max(full[0] if full else 0, since, self.oldest_start() or 0),
        )

    def totals(self) -> Totals:
        """How full the store is."""
        spans, logs, traces, _ = self._db.execute(QUERIES.totals).fetchone()
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return Totals(spans, logs, traces, (pages - free) * size, self.oldest_start())

    def oldest_start(self) -> int | None:
        """When the oldest stored trace began; None: there is none."""
        found: int | None = self._db.execute(QUERIES.oldest_start).fetchone()[0]
        return found

    @property
    def _db(self) -> sqlite3.Connection:
        opened: sqlite3.Connection | None = getattr(self._own, "db", None)
        if opened is None:
            opened = self._own.db = files.open_reader(self._file)
        return opened

    def _words(self, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
        asked = json.dumps(list(set(ids)))
        return {word: (kind, text) for word, kind, text in self._db.execute(QUERIES.words_by_id, (asked,))}


def _search(query: Query) -> tuple[str, list[object]]:
    """The statement of a search. Words that many traces have are asked of each trace as it comes by start,
    newest first; an order has few traces, which are looked up at once.
    """
    conditions = ["spans > 0"]
    parameters: list[object] = []

    def demand(condition: str, *values: object) -> None:
        conditions.append(condition)
        parameters.extend(values)

    for kind, text in query.words:
        demand(_WITH_WORD if kind is Facet.ORDER else f"+{_WITH_WORD}", kind, text)
    if query.name_prefix:
        demand(_WITH_NAME, Facet.NAME, query.name_prefix, query.name_prefix + _LAST_CHARACTER)
    if query.min_duration > 0:
        demand("finish - start >= ?", query.min_duration)
    if query.errors_only:
        demand("errors > 0")
    if query.start_from is not None:
        demand("start >= ?", query.start_from)
    if query.start_to is not None:
        demand("start < ?", query.start_to)
    if query.after is not None:
        demand("start <= ? AND (start, traces.id) < (?, ?)", query.after[0], *query.after)
    statement = (
        "SELECT id, trace, start, finish, spans, errors, root_service, root_name, words FROM traces WHERE "  # noqa: S608 - conditions are this module's own texts
        + " AND ".join(conditions)
        + " ORDER BY start DESC, id DESC LIMIT ?"
    )
    return statement, [*parameters, query.limit]


_WITH_WORD = (
    "traces.id IN (SELECT trace FROM postings "
    "WHERE word = (SELECT id FROM words WHERE kind = ? AND text = ?))"
)
_WITH_NAME = (
    "+traces.id IN (SELECT trace FROM postings WHERE word IN "
    "(SELECT id FROM words WHERE kind = ? AND text >= ? AND text < ?))"
)


def _within(limit: int, rows: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The first rows that together have at most `limit` bytes."""
    taken, size = [], 0
    for service, data in rows:
        size += len(data)
        if size > limit:
            break
        taken.append((service, data))
    return taken
