-- Locations, positions, the ledger, reservations.

CREATE TABLE location (
    location_id      text COLLATE "C" PRIMARY KEY,
    name             text        NOT NULL,
    kind             smallint    NOT NULL CHECK (kind IN (1, 2)),           -- LocationKind of the contract
    address          jsonb       NOT NULL,
    latitude         double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude        double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    time_zone        text        NOT NULL,
    hours            jsonb       NOT NULL,                                  -- [[weekday, open_minute, close_minute], …]
    capabilities     smallint[]  NOT NULL,
    active           boolean     NOT NULL,
    event_sequence   integer     NOT NULL DEFAULT 0,
    changed_at       timestamptz NOT NULL DEFAULT now()
);

-- Hot: every order updates rows of it. No index holds a changing column and pages keep room, so that updates stay on their page (HOT);
-- vacuum comes early, for a hot row must not drag a chain of dead versions.
CREATE TABLE position (
    sku              text COLLATE "C" NOT NULL,
    location_id      text COLLATE "C" NOT NULL REFERENCES location (location_id),
    on_hand_units    integer     NOT NULL DEFAULT 0,
    reserved_units   integer     NOT NULL DEFAULT 0,
    safety_units     integer     NOT NULL DEFAULT 0 CHECK (safety_units >= 0),
    version          bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, location_id),
    CONSTRAINT reserved_is_there CHECK (reserved_units >= 0 AND reserved_units <= greatest(on_hand_units, 0))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX position_of_location ON position (location_id, sku);

-- The ledger: rows are added, never changed, never removed.
CREATE TABLE movement (
    movement_id      text COLLATE "C" PRIMARY KEY,                          -- time-ordered
    sku              text COLLATE "C" NOT NULL,
    location_id      text COLLATE "C" NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units <> 0),
    cause            smallint    NOT NULL CHECK (cause BETWEEN 1 AND 10),   -- MovementCause of the contract
    document_id      text COLLATE "C" NOT NULL,
    actor            text        NOT NULL,
    note             text        NOT NULL,
    idempotency_key  text COLLATE "C" NOT NULL UNIQUE,
    on_hand_after_units integer  NOT NULL,
    record_time      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX movement_of_position ON movement (sku, location_id, movement_id);
CREATE INDEX movement_of_location ON movement (location_id, movement_id);
CREATE INDEX movement_of_document ON movement (document_id, movement_id);

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % of movement is not possible', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
-- The runtime role got all four rights by the schema's default privileges: take the two away from whoever has them.
DO $$
DECLARE grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT g.grantee FROM information_schema.role_table_grants g
        WHERE g.table_schema = current_schema() AND g.table_name = 'movement' AND g.grantee <> current_user
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON movement FROM %I', grantee);
    END LOOP;
END $$;

CREATE TABLE reservation (
    reservation_id   text COLLATE "C" PRIMARY KEY,
    order_id         text COLLATE "C" NOT NULL,
    attempt          integer     NOT NULL CHECK (attempt >= 1),
    state            smallint    NOT NULL CHECK (state BETWEEN 1 AND 5),    -- ReservationState of the contract
    channel_id       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    expire_time      timestamptz NOT NULL,                                  -- means something while it is held
    accepted         boolean     NOT NULL DEFAULT false,                    -- its order is known to be accepted
    event_sequence   integer     NOT NULL DEFAULT 0,
    UNIQUE (order_id, attempt)
) WITH (fillfactor = 85);
-- What may expire; in good health only the reservations of the last minutes.
CREATE INDEX reservation_held ON reservation (expire_time) WHERE state = 1;

-- No foreign key to the reservation: both are written by one statement, and the audit compares them; the check would cost a lock per line.
CREATE TABLE reservation_line (
    reservation_id   text COLLATE "C" NOT NULL,
    sku              text COLLATE "C" NOT NULL,
    location_id      text COLLATE "C" NOT NULL,
    quantity_units   integer     NOT NULL CHECK (quantity_units > 0),
    live_units       integer     NOT NULL CHECK (live_units >= 0),
    consumed_units   integer     NOT NULL DEFAULT 0 CHECK (consumed_units >= 0),
    released_units   integer     NOT NULL DEFAULT 0 CHECK (released_units >= 0),
    displaced_units  integer     NOT NULL DEFAULT 0 CHECK (displaced_units >= 0),
    revivable_units  integer     NOT NULL DEFAULT 0 CHECK (revivable_units BETWEEN 0 AND released_units),
    PRIMARY KEY (reservation_id, sku, location_id),
    CONSTRAINT every_unit_is_somewhere CHECK (quantity_units = live_units + consumed_units + released_units + displaced_units)
) WITH (fillfactor = 85);
-- Whose promise a fact may displace, and what the audit adds up.
CREATE INDEX reservation_line_live ON reservation_line (sku, location_id) WHERE live_units > 0;
