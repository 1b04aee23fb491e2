-- Units that orders wait for. The release before goes on unhindered as long as it does not lower what a supply brings below what is promised of it.

-- Only reservations that wait for something are looked up in backorder; nobody else pays for it.
ALTER TABLE reservation ADD COLUMN on_supply boolean NOT NULL DEFAULT false;

ALTER TABLE supply_line
    ADD COLUMN promised_units integer NOT NULL DEFAULT 0,                   -- to orders, of what is still to come
    ADD CONSTRAINT promised_is_to_come CHECK (promised_units BETWEEN 0 AND greatest(expected_units - received_units, 0));

CREATE INDEX supply_line_promised ON supply_line (sku) WHERE promised_units > 0;

-- Changes only under the locks of its position and its reservation, and with it the supply's line.
CREATE TABLE backorder (
    reservation_id   text COLLATE "C" NOT NULL,
    sku              text COLLATE "C" NOT NULL,
    supply_id        text COLLATE "C" NOT NULL REFERENCES supply (supply_id),
    location_id      text COLLATE "C" NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units > 0),
    live_units       integer     NOT NULL CHECK (live_units >= 0),
    expected_at      timestamptz NOT NULL,
    arrived_units    integer     NOT NULL DEFAULT 0 CHECK (arrived_units >= 0),    -- these are in the reservation's line at the location
    released_units   integer     NOT NULL DEFAULT 0 CHECK (released_units >= 0),
    displaced_units  integer     NOT NULL DEFAULT 0 CHECK (displaced_units >= 0),
    moved            boolean     NOT NULL DEFAULT false,                    -- the time was moved before the order was known to be accepted
    PRIMARY KEY (reservation_id, sku, supply_id),
    CONSTRAINT every_waiting_unit_is_somewhere CHECK (quantity_units = live_units + arrived_units + released_units + displaced_units)
) WITH (fillfactor = 85);
CREATE INDEX backorder_live ON backorder (sku, supply_id) WHERE live_units > 0;

-- On what terms a channel ('*': every one without terms of its own) sells an article before it is there.
CREATE TABLE backorder_terms (
    sku              text COLLATE "C" NOT NULL,
    channel_id       text COLLATE "C" NOT NULL,
    mode             smallint    NOT NULL CHECK (mode BETWEEN 0 AND 2),     -- BackorderMode of the contract; 0: removed
    release_time     timestamptz,
    furthest_days    integer     NOT NULL CHECK (furthest_days BETWEEN 0 AND 730),
    share_percent    integer     NOT NULL CHECK (share_percent BETWEEN 1 AND 100),
    unasked          boolean     NOT NULL,
    version          bigint      NOT NULL,
    PRIMARY KEY (sku, channel_id),
    CONSTRAINT preorder_has_release CHECK ((mode = 2) = (release_time IS NOT NULL))
);

-- As in migration 0021; a reservation that waits for something is for the book, which knows what to tell.
CREATE OR REPLACE FUNCTION commit_plain(ids text[]) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE committed integer;
BEGIN
    PERFORM FROM unnest(ids) AS n (id) LEFT JOIN reservation r ON r.reservation_id = n.id WHERE (r.state = 1 AND NOT r.on_supply) IS NOT TRUE;
    IF FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM reservation WHERE reservation_id = ANY (ids) ORDER BY reservation_id FOR UPDATE;
    UPDATE reservation r SET state = 2, accepted = true
    WHERE r.reservation_id = ANY (ids) AND r.state = 1
      AND NOT EXISTS (SELECT FROM reservation_line l WHERE l.reservation_id = r.reservation_id AND l.displaced_units > 0);
    GET DIAGNOSTICS committed = ROW_COUNT;
    RETURN committed = cardinality(ids);
END $$;
