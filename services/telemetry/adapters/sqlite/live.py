"""What the writer remembers of words and of traces that still grow, so that it seldom has to look them up."""

from __future__ import annotations

import sqlite3
from array import array
from collections import OrderedDict
from collections.abc import Iterable

from chassis import sql
from services.telemetry.domain.facets import Facet

QUERIES = sql.load("services.telemetry.adapters.sqlite")
MAX_LIVE_TRACES = 4096
MAX_KNOWN_WORDS = 50_000


class LiveTrace:
    """A row of `traces` in memory."""

    __slots__ = (
        "errors",
        "finish",
        "key",
        "logs",
        "new",
        "root_name",
        "root_service",
        "root_start",
        "rooted",
        "spans",
        "start",
        "trace_id",
        "words",
    )

    def __init__(self, key: int, trace_id: bytes) -> None:
        self.key = key
        self.trace_id = trace_id
        self.new = True
        self.start = self.finish = self.root_start = 0
        self.spans = self.errors = self.logs = 0
        self.rooted = False
        self.root_service = self.root_name = 0
        self.words: set[int] = set()

    def values(self) -> tuple[object, ...]:
        """As the statements take it; its id comes last."""
        return (
            self.start,
            self.finish,
            self.spans,
            self.errors,
            self.logs,
            self.root_start,
            self.rooted,
            self.root_service,
            self.root_name,
            array("I", self.words).tobytes(),
            self.key,
        )


class LiveTraces:
    """The traces that grew last; others are read when a span of theirs comes."""

    def __init__(self, db: sqlite3.Connection, last_key: int) -> None:
        self._db = db
        self._live: OrderedDict[bytes, LiveTrace] = OrderedDict()
        self._last_key = last_key

    def get(self, trace_id: bytes) -> LiveTrace:
        """The trace, a new one if it is not stored."""
        found = self._live.get(trace_id)
        if found is None:
            found = self._read(trace_id)
            if found is None:
                self._last_key += 1
                found = LiveTrace(self._last_key, trace_id)
            self._live[trace_id] = found
        return found

    def shrink(self) -> None:
        """Forget those that grew longest ago; to be called when all is written."""
        while len(self._live) > MAX_LIVE_TRACES:
            self._live.popitem(last=False)

    def touched(self, traces: Iterable[LiveTrace]) -> None:
        """They grew just now."""
        for trace in traces:
            self._live.move_to_end(trace.trace_id)

    def forget(self, up_to: int) -> None:
        """Those up to this id are no longer stored."""
        for trace_id in [one.trace_id for one in self._live.values() if one.key <= up_to]:
            del self._live[trace_id]

    def _read(self, trace_id: bytes) -> LiveTrace | None:
        row = self._db.execute(QUERIES.trace_by_id, (trace_id,)).fetchone()
        if row is None:
            return None
        found = LiveTrace(row[0], trace_id)
        found.new = False
        found.start, found.finish, found.spans, found.errors, found.logs = row[1:6]
        found.root_start, rooted, found.root_service, found.root_name, words = row[6:]
        found.rooted = bool(rooted)
        found.words = set(array("I", words))
        return found


class Words:
    """Ids of words."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        # By kind: the hash of an enumeration's member is slow to make.
        self._known: list[dict[str, int]] = [{} for _ in range(max(Facet) + 1)]

    def id_of(self, kind: Facet, text: str) -> int:
        """The word's id; it is stored when it is new."""
        known = self._known[kind]
        if (found := known.get(text)) is not None:
            return found
        row = self._db.execute(QUERIES.word_by_text, (kind, text)).fetchone()
        if row is None:
            row = self._db.execute(QUERIES.insert_word, (kind, text)).fetchone()
        if len(known) >= MAX_KNOWN_WORDS:
            known.clear()
        found = known[text] = int(row[0])
        return found

    def forget(self) -> None:
        """Words may have been deleted."""
        for known in self._known:
            known.clear()
