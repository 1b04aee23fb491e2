-- Pools by SKU, and what baskets hold of them.

-- A row comes to be when somebody first holds units of the SKU. `held_units` of it are missing from what others may be promised.
CREATE TABLE pool (
    sku              text COLLATE "C" PRIMARY KEY,
    held_units       integer     NOT NULL DEFAULT 0 CHECK (held_units >= 0),
    guarded          boolean     NOT NULL DEFAULT false,                    -- every position of the SKU is guarded, and those to come
    version          bigint      NOT NULL DEFAULT 0,
    CONSTRAINT held_is_guarded CHECK (guarded OR held_units = 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Whoever locks a guarded position must hold its pool's lock: the row itself says so to a reservation that knows nothing of pools.
ALTER TABLE position ADD COLUMN guarded boolean NOT NULL DEFAULT false;

CREATE TABLE hold (
    hold_id          text COLLATE "C" PRIMARY KEY,
    channel_id       text        NOT NULL,
    state            smallint    NOT NULL CHECK (state BETWEEN 1 AND 5),    -- HoldState of the contract
    created_at       timestamptz NOT NULL,
    expire_time      timestamptz NOT NULL,                                  -- means something while it is held
    ttl_seconds      integer     NOT NULL CHECK (ttl_seconds > 0),
    event_sequence   integer     NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX hold_held ON hold (expire_time) WHERE state = 1;

CREATE TABLE hold_line (
    hold_id          text COLLATE "C" NOT NULL,
    sku              text COLLATE "C" NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units > 0),
    live_units       integer     NOT NULL CHECK (live_units >= 0),
    used_units       integer     NOT NULL DEFAULT 0 CHECK (used_units >= 0),
    released_units   integer     NOT NULL DEFAULT 0 CHECK (released_units >= 0),
    displaced_units  integer     NOT NULL DEFAULT 0 CHECK (displaced_units >= 0),
    PRIMARY KEY (hold_id, sku),
    CONSTRAINT every_unit_is_somewhere CHECK (quantity_units = live_units + used_units + released_units + displaced_units)
) WITH (fillfactor = 85);
-- Whose hold a fact may displace, and what the audit adds up.
CREATE INDEX hold_line_live ON hold_line (sku) WHERE live_units > 0;
