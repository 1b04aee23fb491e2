-- What was asked for, by day: the price of stock is learned from it (docs/sourcing.md). And the prices, kept for every instance to read.

-- Units that customers wanted at a location: over its tills, or to collect there.
CREATE TABLE bound_demand (
    sku                 text COLLATE "C" NOT NULL,
    location_id         text COLLATE "C" NOT NULL,
    day                 date        NOT NULL,
    units               bigint      NOT NULL CHECK (units >= 1),
    squares             bigint      NOT NULL CHECK (squares >= units),   -- Σ units² of the lines: how many one customer takes
    PRIMARY KEY (sku, location_id, day)
);

-- Units that customers wanted to be sent, by where to: cells of a tenth of a degree, counted from the south-west (floor).
CREATE TABLE sent_demand (
    sku                 text COLLATE "C" NOT NULL,
    latitude_cell       smallint    NOT NULL,
    longitude_cell      smallint    NOT NULL,
    day                 date        NOT NULL,
    units               bigint      NOT NULL CHECK (units >= 1),
    PRIMARY KEY (sku, latitude_cell, longitude_cell, day)
);

-- Parcels that were planned, and the units in them.
CREATE TABLE planned_parcels (
    location_id         text COLLATE "C" NOT NULL,
    day                 date        NOT NULL,
    parcels             bigint      NOT NULL CHECK (parcels >= 1),
    units               bigint      NOT NULL CHECK (units >= 1),
    PRIMARY KEY (location_id, day)
);

-- Up to which moment orders are in these tables, and the first day on record. One row.
CREATE TABLE demand_mark (
    id                  smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    learned_until       timestamptz,
    since               date
);
INSERT INTO demand_mark DEFAULT VALUES;

-- The prices of stock as they were last worked out (`PriceBook.to_bytes`). At most one row.
CREATE TABLE stock_price_book (
    id                  smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    version             text        NOT NULL,
    made_at             timestamptz NOT NULL,
    content             bytea       NOT NULL
);

-- Orders in the order of their transactions' beginnings, for learning from each once.
CREATE INDEX customer_order_by_recording ON customer_order (recorded_at);
