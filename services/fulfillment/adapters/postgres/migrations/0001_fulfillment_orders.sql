-- One location's share of an order.
CREATE TABLE fulfillment_order (
    fulfillment_order_id text COLLATE "C" PRIMARY KEY,               -- ful_…
    order_id             text COLLATE "C" NOT NULL,
    location_id          text COLLATE "C" NOT NULL,
    reservation_id       text        NOT NULL DEFAULT '',            -- keeps its units; empty for CARRY_OUT
    channel_id           text        NOT NULL DEFAULT '',
    customer_reference   text        NOT NULL DEFAULT '',
    language_code        text        NOT NULL DEFAULT '',
    method               text        NOT NULL CHECK (method IN ('SHIP', 'PICKUP', 'CARRY_OUT')),
    state                text        NOT NULL CHECK (state IN (
                             'OPEN', 'PICKING', 'PICKED', 'PACKED', 'SHIPPED', 'READY', 'HANDED_OVER', 'EXPIRED', 'CANCELLED')),
    delivery_address     bytea       NOT NULL DEFAULT '',            -- aljibe.common.v1.Address in wire form; never searched
    promise_time         timestamptz NOT NULL,
    open_time            timestamptz NOT NULL,
    carrier              text        NOT NULL DEFAULT '',
    tracking_number      text        NOT NULL DEFAULT '',
    parcel_count         integer     NOT NULL DEFAULT 0 CHECK (parcel_count >= 0),
    collect_until_time   timestamptz,
    pickup_code          text        CHECK (pickup_code ~ '^[0-9]{6}$'),
    code_wrong_tries     smallint    NOT NULL DEFAULT 0 CHECK (code_wrong_tries BETWEEN 0 AND 5),
    version              bigint      NOT NULL CHECK (version > 0),
    event_sequence       bigint      NOT NULL CHECK (event_sequence > 0),  -- of its last event; the events count 1, 2, 3 ... without a hole
    -- The code exists exactly while the goods wait: it is void after its use.
    CHECK ((state = 'READY') = (pickup_code IS NOT NULL)),
    CHECK (state <> 'READY' OR collect_until_time IS NOT NULL),
    CHECK (state NOT IN ('PACKED', 'SHIPPED') OR method = 'SHIP'),
    CHECK (state NOT IN ('READY', 'EXPIRED') OR method = 'PICKUP'),
    CHECK (state <> 'HANDED_OVER' OR method IN ('PICKUP', 'CARRY_OUT')),
    CHECK (state <> 'SHIPPED' OR (carrier <> '' AND tracking_number <> ''))
);
-- The work list of a location: what is still to do, by due time. Finished work, by far the most, is not in it.
CREATE INDEX fulfillment_order_work ON fulfillment_order (location_id, promise_time, fulfillment_order_id)
    WHERE state IN ('OPEN', 'PICKING', 'PICKED', 'PACKED', 'READY');
-- The history of a location, in the same order.
CREATE INDEX fulfillment_order_location ON fulfillment_order (location_id, promise_time, fulfillment_order_id);
CREATE INDEX fulfillment_order_order ON fulfillment_order (order_id);
-- What the expiry sweep looks for.
CREATE INDEX fulfillment_order_waiting ON fulfillment_order (collect_until_time) WHERE state = 'READY';

CREATE TABLE fulfillment_line (
    fulfillment_order_id text COLLATE "C" NOT NULL REFERENCES fulfillment_order,
    line_number          integer     NOT NULL CHECK (line_number > 0),
    sku                  text COLLATE "C" NOT NULL CHECK (sku <> ''),
    name_en              text        NOT NULL DEFAULT '',
    name_es              text        NOT NULL DEFAULT '',
    quantity_units       integer     NOT NULL CHECK (quantity_units > 0),
    picked_units         integer     NOT NULL DEFAULT 0 CHECK (picked_units >= 0),
    short_units          integer     NOT NULL DEFAULT 0 CHECK (short_units >= 0),
    cancelled_units      integer     NOT NULL DEFAULT 0 CHECK (cancelled_units >= 0),
    returned_units       integer     NOT NULL DEFAULT 0 CHECK (returned_units >= 0),
    PRIMARY KEY (fulfillment_order_id, line_number),
    CHECK (picked_units + short_units + cancelled_units <= quantity_units),
    CHECK (returned_units <= picked_units)
);

-- Goods that customers brought back, for as long as the fulfillment orders are kept.
CREATE TABLE goods_return (
    return_id             text COLLATE "C" NOT NULL,                 -- ret_…
    fulfillment_order_id  text COLLATE "C" NOT NULL REFERENCES fulfillment_order,  -- by which they had left
    line_number           integer     NOT NULL,
    disposition           text        NOT NULL CHECK (disposition IN ('RESTOCK', 'SCRAP')),
    quantity_units        integer     NOT NULL CHECK (quantity_units > 0),
    receiving_location_id text COLLATE "C" NOT NULL,
    reason                text        NOT NULL DEFAULT '',
    actor                 text        NOT NULL,
    return_time           timestamptz NOT NULL,
    PRIMARY KEY (return_id, fulfillment_order_id, line_number, disposition),
    FOREIGN KEY (fulfillment_order_id, line_number) REFERENCES fulfillment_line
);
CREATE INDEX goods_return_order ON goods_return (fulfillment_order_id);
