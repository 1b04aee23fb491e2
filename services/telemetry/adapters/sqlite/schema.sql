-- Traces by order of arrival: `id` counts up, so the oldest have the lowest.
CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace BLOB NOT NULL UNIQUE,
    start INTEGER NOT NULL,         -- nanoseconds since 1970 of the first span's beginning
    finish INTEGER NOT NULL,        -- … of the last span's end
    spans INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    logs INTEGER NOT NULL,
    root_start INTEGER NOT NULL,    -- beginning of the span that `root_…` describe
    rooted INTEGER NOT NULL,        -- whether that span has no parent
    root_service INTEGER NOT NULL,
    root_name INTEGER NOT NULL,
    words BLOB NOT NULL             -- ids of all its words, 4 bytes each
);
CREATE INDEX traces_by_start ON traces (start);

-- Texts that traces are found by; see domain/facets.py for the kinds.
CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (kind, text)
);
CREATE TABLE postings (
    word INTEGER NOT NULL,
    trace INTEGER NOT NULL,
    PRIMARY KEY (word, trace)
) WITHOUT ROWID;

-- `id` is the trace's id shifted left by 20 bits plus a running number: a trace is one range, without an index.
CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    service INTEGER NOT NULL,
    span INTEGER NOT NULL,          -- span id as a signed number
    origin INTEGER NOT NULL,        -- its parent, or, without one, the first span it is linked to; 0: none
    peer INTEGER NOT NULL,          -- the database it calls; 0: none
    failed INTEGER NOT NULL,
    duration INTEGER NOT NULL,      -- nanoseconds
    data BLOB NOT NULL              -- opentelemetry.proto.trace.v1.Span
);
-- Covers the service map.
CREATE INDEX spans_by_start ON spans (start, kind, service, span, origin, peer, failed, duration);

CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    service INTEGER NOT NULL,
    data BLOB NOT NULL              -- opentelemetry.proto.logs.v1.LogRecord
);

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    secret BLOB NOT NULL
) WITHOUT ROWID;
