-- Count sheets: what people find, compared with the book at the moment of counting.

CREATE TABLE count_sheet (
    count_id         text COLLATE "C" PRIMARY KEY,                          -- time-ordered
    location_id      text COLLATE "C" NOT NULL REFERENCES location (location_id),
    state            smallint    NOT NULL CHECK (state BETWEEN 1 AND 4),    -- CountState of the contract
    note             text        NOT NULL,
    actor            text        NOT NULL,                                  -- who began it
    started_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    difference_units bigint      NOT NULL DEFAULT 0,
    displaced_units  bigint      NOT NULL DEFAULT 0,
    CHECK ((ended_at IS NOT NULL) = (state IN (3, 4)))
);
CREATE INDEX count_sheet_of_location ON count_sheet (location_id, count_id);

CREATE TABLE count_line (
    count_id         text COLLATE "C" NOT NULL REFERENCES count_sheet (count_id),
    sku              text COLLATE "C" NOT NULL,
    snapshot_units   integer     NOT NULL,                                  -- the book when the count began
    counted_units    integer     CHECK (counted_units >= 0),                -- NULL until it was counted
    book_units       integer     NOT NULL DEFAULT 0,                        -- the book at the moment of counting
    booked           boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (count_id, sku)
);
CREATE INDEX count_line_waiting ON count_line (count_id, sku) WHERE NOT booked;
