-- What suppliers are expected to bring.

CREATE TABLE supply (
    supply_id        text COLLATE "C" PRIMARY KEY,                          -- chosen by whoever wrote the purchase order
    location_id      text COLLATE "C" NOT NULL REFERENCES location (location_id),
    state            smallint    NOT NULL CHECK (state BETWEEN 1 AND 4),    -- SupplyState of the contract
    expected_at      timestamptz NOT NULL,
    event_sequence   integer     NOT NULL DEFAULT 0
);
CREATE INDEX supply_of_location ON supply (location_id, supply_id);

CREATE TABLE supply_line (
    supply_id        text COLLATE "C" NOT NULL REFERENCES supply (supply_id),
    sku              text COLLATE "C" NOT NULL,
    expected_units   integer     NOT NULL CHECK (expected_units >= 0),
    received_units   integer     NOT NULL CHECK (received_units >= 0),
    PRIMARY KEY (supply_id, sku)
);
CREATE INDEX supply_line_open ON supply_line (sku, supply_id) WHERE expected_units > received_units;
