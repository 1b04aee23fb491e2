-- Channel controls: what of a SKU's pool a channel may be promised, what it has had, and what replicas were told of it.

ALTER TABLE pool ADD COLUMN controlled boolean NOT NULL DEFAULT false,      -- a control was once set: there are rows of channel_control
    ADD CONSTRAINT controlled_is_guarded CHECK (guarded OR NOT controlled);

-- Changed only by who holds the pool's lock.
CREATE TABLE channel_control (
    sku              text COLLATE "C" NOT NULL,
    channel_id       text COLLATE "C" NOT NULL,                             -- '*': every channel without a control of its own
    standing         boolean     NOT NULL,                                  -- false: removed, or '*'; counters and figures go on
    buffer_units     integer     CHECK (buffer_units >= 0),
    buffer_percent   smallint    CHECK (buffer_percent BETWEEN 1 AND 100),
    ring_fence_units integer     CHECK (ring_fence_units >= 0),
    ring_fence_percent smallint  CHECK (ring_fence_percent BETWEEN 1 AND 100),
    cap_units        integer     CHECK (cap_units >= 0),
    cap_percent      smallint    CHECK (cap_percent BETWEEN 1 AND 100),
    priority         integer     NOT NULL DEFAULT 0,
    valid_from       timestamptz,
    valid_until      timestamptz,
    release_time     timestamptz,
    fallback         boolean     NOT NULL DEFAULT true,
    counted_from     timestamptz NOT NULL,
    promised_units   integer     NOT NULL CHECK (promised_units >= 0),
    held_units       integer     NOT NULL CHECK (held_units >= 0),
    taken_units      integer     NOT NULL CHECK (taken_units >= promised_units),
    event_sequence   integer     NOT NULL,
    withheld_units   integer     NOT NULL CHECK (withheld_units >= 0),
    limit_units      integer     NOT NULL CHECK (limit_units >= 0),
    version          bigint      NOT NULL,
    changes_at       timestamptz,                                           -- when time alone next changes what it means
    PRIMARY KEY (sku, channel_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX channel_control_of_channel ON channel_control (channel_id, sku) WHERE standing;
CREATE INDEX channel_control_due ON channel_control (changes_at) WHERE changes_at IS NOT NULL;

-- Units of a controlled SKU that left over a till: no reservation knows their channel.
CREATE TABLE channel_sale (
    sale_key         text COLLATE "C" PRIMARY KEY,                          -- idempotency key of the movement
    sku              text COLLATE "C" NOT NULL,
    channel_id       text        NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units > 0),
    sold_at          timestamptz NOT NULL
);
CREATE INDEX channel_sale_of_sku ON channel_sale (sku, sold_at);
