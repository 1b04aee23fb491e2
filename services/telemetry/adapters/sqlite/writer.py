"""Writes spans and logs in bulk, and lets the oldest traces go when there are too many. For one thread."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

from services.telemetry.adapters.sqlite import files
from services.telemetry.adapters.sqlite.live import QUERIES, LiveTrace, LiveTraces, Words
from services.telemetry.domain.facets import Facet
from services.telemetry.domain.records import LogEntry, SpanRecord

TRACE_SHIFT = 20
MAX_SPANS_OF_TRACE = 20_000
"""More spans of one trace are not kept, nor more logs: something calls itself."""
MAX_WORDS_OF_TRACE = 2_000
EVICT_SHARE = 0.05
"""So much room is made at once, so that it need not be made for every export."""


class Writer:
    """The one that writes to the store. Every method raises sqlite3.Error when the file fails; nothing of the
    call is stored then.
    """

    def __init__(self, file: Path, max_spans: int, max_bytes: int) -> None:
        self._max_spans = max_spans
        self._max_bytes = max_bytes
        self._db = files.open_writer(file)
        self.evicted = 0
        """Spans that made room for newer ones."""
        self._load()

    def close(self) -> None:
        """Free the file."""
        self._db.close()

    def _load(self) -> None:
        self.spans, self.logs, self.traces, last_key = self._db.execute(QUERIES.totals).fetchone()
        self._words = Words(self._db)
        self._live = LiveTraces(self._db, last_key)

    def store(self, spans: Sequence[SpanRecord], logs: Sequence[LogEntry]) -> int:
        """Store all of them, in one transaction. Answers how many were too many for their trace."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            over = self._store(spans, logs)
            if self.spans + self.logs > self._max_spans or self.used_bytes > self._max_bytes:
                self._evict()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._load()
            raise
        self._live.shrink()
        return over

    @property
    def used_bytes(self) -> int:
        """Bytes of the file in use."""
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _store(self, spans: Sequence[SpanRecord], logs: Sequence[LogEntry]) -> int:
        grown: dict[bytes, LiveTrace] = {}
        postings: list[tuple[int, int]] = []
        span_rows = self._span_rows(spans, grown, postings)
        log_rows = self._log_rows(logs, grown)
        self._db.executemany(QUERIES.insert_span, span_rows)
        self._db.executemany(QUERIES.insert_log, log_rows)
        self._db.executemany(QUERIES.insert_posting, postings)
        self._save(list(grown.values()))
        self.spans += len(span_rows)
        self.logs += len(log_rows)
        return len(spans) + len(logs) - len(span_rows) - len(log_rows)

    def _span_rows(
        self, spans: Sequence[SpanRecord], grown: dict[bytes, LiveTrace], postings: list[tuple[int, int]]
    ) -> list[tuple[object, ...]]:
        """Rows of all spans that their traces have room for. What a trace is found by goes to `postings`."""
        rows: list[tuple[object, ...]] = []
        word, live = self._words.id_of, self._live.get
        for (
            trace_id,
            span,
            origin,
            rooted,
            kind,
            service,
            name,
            start,
            finish,
            failed,
            peer,
            words,
            data,
        ) in spans:
            trace = grown.get(trace_id)
            if trace is None:
                trace = grown[trace_id] = live(trace_id)
            count = trace.spans
            if count >= MAX_SPANS_OF_TRACE:
                continue
            service_id, name_id = word(Facet.SERVICE, service), word(Facet.NAME, name)
            key, mine = trace.key, trace.words
            if service_id not in mine:
                mine.add(service_id)
                postings.append((service_id, key))
            if name_id not in mine and len(mine) < MAX_WORDS_OF_TRACE:
                mine.add(name_id)
                postings.append((name_id, key))
            for facet, text in words:
                one = word(facet, text)
                if one not in mine and len(mine) < MAX_WORDS_OF_TRACE:
                    mine.add(one)
                    postings.append((one, key))
            if count == 0 or start < trace.start:
                trace.start = start
            if finish > trace.finish:
                trace.finish = finish
            if count == 0 or (rooted >= trace.rooted and (rooted > trace.rooted or start < trace.root_start)):
                trace.rooted, trace.root_start = rooted, start
                trace.root_service, trace.root_name = service_id, name_id
            peer_id = word(Facet.PEER, peer) if peer else 0
            row = (key << TRACE_SHIFT | count, start, kind, service_id, span, origin, peer_id, failed)
            rows.append((*row, finish - start, data))
            trace.spans = count + 1
            if failed:
                trace.errors += 1
        return rows

    def _log_rows(self, logs: Sequence[LogEntry], grown: dict[bytes, LiveTrace]) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for entry in logs:
            trace = grown.get(entry.trace_id)
            if trace is None:
                trace = grown[entry.trace_id] = self._live.get(entry.trace_id)
            if trace.logs < MAX_SPANS_OF_TRACE:
                service = self._words.id_of(Facet.SERVICE, entry.service)
                rows.append((trace.key << TRACE_SHIFT | trace.logs, service, entry.data))
                trace.logs += 1
        return rows

    def _save(self, grown: Sequence[LiveTrace]) -> None:
        new = [trace for trace in grown if trace.new]
        self._db.executemany(QUERIES.update_trace, [trace.values() for trace in grown if not trace.new])
        self._db.executemany(QUERIES.insert_trace, [(*trace.values(), trace.trace_id) for trace in new])
        for trace in new:
            trace.new = False
        self.traces += len(new)
        self._live.touched(grown)

    def _evict(self) -> None:
        """Whole traces, those that came first, until there is room again."""
        by_bytes = self.used_bytes > self._max_bytes
        total = self.spans + self.logs
        target = min(self._max_spans, total if by_bytes else self._max_spans) * (1 - EVICT_SHARE)
        last = gone_spans = gone_logs = gone_traces = 0
        words: set[int] = set()
        while total - gone_spans - gone_logs > target:
            page = self._db.execute(QUERIES.oldest_traces, (last,)).fetchall()
            if not page:
                break
            for key, spans, logs, blob in page:
                last = key
                gone_spans += spans
                gone_logs += logs
                gone_traces += 1
                words.update(array("I", blob))
                if total - gone_spans - gone_logs <= target:
                    break
        self._db.execute(QUERIES.delete_traces, (last,))
        self._db.execute(QUERIES.delete_spans, (last + 1 << TRACE_SHIFT,))
        self._db.execute(QUERIES.delete_logs, (last + 1 << TRACE_SHIFT,))
        self._db.executemany(QUERIES.delete_postings, [(word, last) for word in words])
        self._db.executemany(QUERIES.delete_unused_word, [{"word": word} for word in words])
        self._words.forget()
        self._live.forget(last)
        self.spans -= gone_spans
        self.logs -= gone_logs
        self.traces -= gone_traces
        self.evicted += gone_spans
