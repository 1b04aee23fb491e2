-- What happened, counted per minute and per hour. One row for each kind of fact, channel, location, method and label; made of events alone.
CREATE TABLE tally_minute (
    time         timestamptz NOT NULL,                    -- when the minute begins
    kind         text COLLATE "C" NOT NULL CHECK (kind IN ('ORDERED', 'KEPT', 'MISSED', 'REFUSED', 'RESOURCED', 'CANCELLED', 'DISPLACED')),
    channel_id   text COLLATE "C" NOT NULL,               -- empty where it is not known
    location_id  text COLLATE "C" NOT NULL,               -- empty where there is none
    method       smallint    NOT NULL,                    -- aljibe.common.v1.FulfillmentMethod; 0: none
    label        text COLLATE "C" NOT NULL,               -- ORDERED: currency; REFUSED: reason; RESOURCED: trigger; CANCELLED and DISPLACED: cause
    events       bigint      NOT NULL,                    -- orders, promises, refusals, re-sourcings, cancellations
    units        bigint      NOT NULL,
    amount_minor bigint      NOT NULL,
    PRIMARY KEY (time, kind, channel_id, location_id, method, label)
) WITH (fillfactor = 80);

-- The same per hour (UTC), for as long as a profile of the week needs it.
CREATE TABLE tally_hour (LIKE tally_minute INCLUDING ALL) WITH (fillfactor = 80);

-- A location's share of an order that is a promise: parcels and pickups. Orders tells what was promised, fulfillment what came of it,
-- in either order.
CREATE TABLE part (
    fulfillment_order_id text COLLATE "C" PRIMARY KEY,
    order_id     text COLLATE "C" NOT NULL DEFAULT '',
    channel_id   text COLLATE "C" NOT NULL DEFAULT '',
    location_id  text COLLATE "C" NOT NULL DEFAULT '',
    method       smallint    NOT NULL DEFAULT 0,
    units        integer,                                 -- as planned; NULL until orders told of it
    left_units   integer     NOT NULL DEFAULT 0,          -- short, or taken out
    due_time     timestamptz,
    done_time    timestamptz,                             -- on its way, or ready
    end_time     timestamptz,                             -- with the carrier, collected, or not collected in time
    changed_time timestamptz NOT NULL,                    -- of its newest event
    is_open      boolean GENERATED ALWAYS AS (units > left_units AND done_time IS NULL AND end_time IS NULL) STORED
) WITH (fillfactor = 80);
CREATE INDEX part_order ON part (order_id);
-- The backlog: by far the fewest are open at a time.
CREATE INDEX part_open ON part (location_id, due_time) WHERE is_open;
CREATE INDEX part_ready ON part (location_id) WHERE done_time IS NOT NULL AND end_time IS NULL;
CREATE INDEX part_changed ON part USING brin (changed_time);

-- Units that wait for their customer's choice.
CREATE TABLE awaiting (
    order_id    text COLLATE "C" NOT NULL,
    line_number integer          NOT NULL,
    units       integer          NOT NULL,
    since_time  timestamptz      NOT NULL,
    PRIMARY KEY (order_id, line_number)
);

CREATE TABLE goal (
    channel_id    text COLLATE "C" NOT NULL,              -- empty: the whole pool
    measure       text COLLATE "C" NOT NULL CHECK (measure IN ('ORDERS', 'UNITS', 'REVENUE', 'PROMISE_KEPT')),
    target        bigint      NOT NULL CHECK (target > 0),
    currency_code text        NOT NULL DEFAULT '',
    set_time      timestamptz NOT NULL,
    set_by        text        NOT NULL,                   -- subject of the token
    PRIMARY KEY (channel_id, measure),
    CHECK ((measure = 'REVENUE') = (currency_code <> '')),
    CHECK (measure <> 'PROMISE_KEPT' OR target <= 10000)
);

-- What needs a person now. A row goes when its cause goes.
CREATE TABLE alarm (
    alarm_id   text COLLATE "C" PRIMARY KEY,              -- kind and what it is about
    kind       text        NOT NULL,
    severity   smallint    NOT NULL,
    since_time timestamptz NOT NULL,
    facts      jsonb       NOT NULL,
    link       text        NOT NULL
);
