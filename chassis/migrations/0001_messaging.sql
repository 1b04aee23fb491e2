-- What every service keeps beside its own tables so that no message is lost and no call takes effect twice.

-- Events that must reach every consumer; written in the transaction of the change they tell of.
CREATE TABLE outbox (
    id               text COLLATE "C" NOT NULL,                    -- ce-id; time-ordered
    aggregate_type   text COLLATE "C" NOT NULL,
    aggregate_id     text COLLATE "C" NOT NULL,
    sequence         bigint      NOT NULL CHECK (sequence > 0),   -- 1, 2, 3 ... within the aggregate, without a hole
    type             text        NOT NULL,                        -- ce-type, the full name of the event's message
    subject          text        NOT NULL,
    payload          bytea       NOT NULL,
    occurred_at      timestamptz NOT NULL,
    traceparent      text,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    -- Until then the row belongs to whoever publishes it now: first the writer's own relay, later the sweep that claimed it.
    claimed_until    timestamptz NOT NULL DEFAULT now() + interval '1 second',
    publication      integer     NOT NULL DEFAULT 0,              -- how often it was sent again on purpose; suffix of Nats-Msg-Id
    published_at     timestamptz,
    stream_sequence  bigint,
    PRIMARY KEY (id),
    UNIQUE (aggregate_type, aggregate_id, sequence)
);
-- The sweep reads only what is not published; in good health this index is nearly empty.
CREATE INDEX outbox_unpublished ON outbox (claimed_until, id) WHERE published_at IS NULL;
-- What the broker lost is a range of stream sequences.
CREATE INDEX outbox_stream_sequence ON outbox (stream_sequence) WHERE published_at IS NOT NULL;
-- Pruning walks the table in the order it was written.
CREATE INDEX outbox_recorded ON outbox USING brin (recorded_at);

-- What the relays last knew of the service's stream; a change that no relay made means that the broker lost messages.
CREATE TABLE stream_mark (
    stream           text        PRIMARY KEY,
    epoch            bigint      NOT NULL DEFAULT 0,              -- rises with every loss; a mark made under an older epoch does not count
    created_at       timestamptz NOT NULL,                        -- the broker's creation time of the stream
    last_sequence    bigint      NOT NULL DEFAULT 0,              -- highest acknowledged stream sequence
    -- Set while rows of an older epoch, above this stream sequence and published before lost_at, wait to be sent again.
    replay_above     bigint,
    lost_at          timestamptz
);

-- Up to where each consumer of the stream is known to have finished; what lies above is sent again after a loss.
CREATE TABLE stream_consumer (
    stream           text        NOT NULL,
    consumer         text        NOT NULL,
    ack_floor        bigint      NOT NULL,
    seen_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, consumer)
);

-- Messages whose effect is committed.
CREATE TABLE inbox (
    consumer         text        NOT NULL,
    message_id       text COLLATE "C" NOT NULL,
    received_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_received ON inbox USING brin (received_at);

-- The highest sequence each consumer has settled, per aggregate; the next must follow without a hole.
CREATE TABLE inbox_cursor (
    consumer         text        NOT NULL,
    source           text        NOT NULL,
    aggregate_type   text COLLATE "C" NOT NULL,
    aggregate_id     text COLLATE "C" NOT NULL,
    sequence         bigint      NOT NULL,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, source, aggregate_type, aggregate_id)
);

-- Messages that failed alone and wait for their next try.
CREATE TABLE inbox_attempt (
    consumer         text        NOT NULL,
    message_id       text COLLATE "C" NOT NULL,
    source           text        NOT NULL,
    aggregate_type   text COLLATE "C" NOT NULL,
    aggregate_id     text COLLATE "C" NOT NULL,
    sequence         bigint      NOT NULL,
    attempts         integer     NOT NULL,
    error            text        NOT NULL,
    retry_at         timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);

-- Messages that could not be handled, with all that a later try needs.
CREATE TABLE dead_letter (
    id               text COLLATE "C" PRIMARY KEY,
    consumer         text        NOT NULL,
    message_id       text COLLATE "C" NOT NULL,
    type             text        NOT NULL,
    source           text        NOT NULL,
    aggregate_type   text        NOT NULL,
    aggregate_id     text        NOT NULL,
    sequence         bigint      NOT NULL,
    subject          text        NOT NULL,
    occurred_at      timestamptz NOT NULL,
    payload          bytea       NOT NULL,
    headers          jsonb       NOT NULL,
    traceparent      text,
    attempts         integer     NOT NULL,
    error            text        NOT NULL,                        -- class and text of the exception
    traceback        text        NOT NULL,
    state            text        NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'REDRIVEN', 'DISCARDED')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    settled_at       timestamptz,
    settled_by       text,
    note             text        NOT NULL DEFAULT '',
    UNIQUE (consumer, message_id)
);
CREATE INDEX dead_letter_open ON dead_letter (id) WHERE state = 'OPEN';
