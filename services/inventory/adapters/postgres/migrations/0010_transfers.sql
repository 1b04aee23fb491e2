-- Transfers between locations, and the two causes of their movements. The release before goes on unhindered: it reads no new table, and a wider
-- CHECK takes all that it writes.

ALTER TABLE movement DROP CONSTRAINT movement_cause_check;
ALTER TABLE movement ADD CONSTRAINT movement_cause_check CHECK (cause BETWEEN 1 AND 12) NOT VALID;  -- MovementCause of the contract

CREATE TABLE transfer (
    transfer_id      text COLLATE "C" PRIMARY KEY,                          -- time-ordered
    source_id        text COLLATE "C" NOT NULL REFERENCES location (location_id),
    destination_id   text COLLATE "C" NOT NULL REFERENCES location (location_id),
    state            smallint    NOT NULL CHECK (state BETWEEN 1 AND 5),    -- TransferState of the contract
    note             text        NOT NULL,
    actor            text        NOT NULL,                                  -- who planned it
    created_at       timestamptz NOT NULL,
    loss_note        text        NOT NULL DEFAULT '',
    dispatched_at    timestamptz,
    ended_at         timestamptz,
    CHECK (source_id <> destination_id),
    CHECK ((dispatched_at IS NOT NULL) = (state IN (2, 3, 4))),
    CHECK ((ended_at IS NOT NULL) = (state IN (4, 5)))
);
CREATE INDEX transfer_of_source ON transfer (source_id, transfer_id);
CREATE INDEX transfer_of_destination ON transfer (destination_id, transfer_id);
CREATE INDEX transfer_on_the_way ON transfer (transfer_id) WHERE state IN (2, 3);

CREATE TABLE transfer_line (
    transfer_id      text COLLATE "C" NOT NULL REFERENCES transfer (transfer_id),
    sku              text COLLATE "C" NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units > 0),
    dispatched_units integer     NOT NULL DEFAULT 0 CHECK (dispatched_units BETWEEN 0 AND quantity_units),
    received_units   integer     NOT NULL DEFAULT 0 CHECK (received_units >= 0),
    lost_units       integer     NOT NULL DEFAULT 0 CHECK (lost_units >= 0),
    in_transit_units integer     NOT NULL DEFAULT 0 CHECK (in_transit_units >= 0),
    PRIMARY KEY (transfer_id, sku),
    CONSTRAINT every_dispatched_unit_is_somewhere CHECK (dispatched_units = received_units + lost_units + in_transit_units)
);
CREATE INDEX transfer_line_in_transit ON transfer_line (sku) WHERE in_transit_units > 0;
