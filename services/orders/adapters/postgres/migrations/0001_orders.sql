-- Orders: what was bought, where its units stand, why they come from there, and what is still to be done for them.
-- Everything is keyed by order id first, so that the schema can be distributed by it.

CREATE TABLE customer_order (
    order_id            text COLLATE "C" PRIMARY KEY,
    channel_id          text        NOT NULL,
    customer_id         text        NOT NULL,
    customer_reference  text        NOT NULL,
    language_code       text        NOT NULL CHECK (language_code IN ('en', 'es')),
    state               smallint    NOT NULL CHECK (state BETWEEN 1 AND 6),
    currency_code       text        NOT NULL,
    total_minor         bigint      NOT NULL CHECK (total_minor >= 0),
    tax_minor           bigint      NOT NULL,
    discount_minor      bigint      NOT NULL,
    delivery_address    json,
    location_id         text        NOT NULL,
    accept_time         timestamptz NOT NULL,
    promise_time        timestamptz,
    trace_id            text        NOT NULL,
    -- The payment: what the provider authorised, and what it has moved since.
    payment_id          text        NOT NULL,
    authorization_key   text        NOT NULL,
    authorized_minor    bigint      NOT NULL CHECK (authorized_minor >= 0),
    captured_minor      bigint      NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    voided_minor        bigint      NOT NULL DEFAULT 0 CHECK (voided_minor >= 0),
    refunded_minor      bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    attempts            integer     NOT NULL CHECK (attempts >= 1),
    failed_locations    text[]      NOT NULL DEFAULT '{}',
    version             bigint      NOT NULL CHECK (version >= 1),
    event_sequence      bigint      NOT NULL CHECK (event_sequence >= 1),
    -- The reservation must outlive the acceptance by a margin: an expired one has its authorisation voided (see ReservationExpired).
    reserved_until      timestamptz,
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT authorization_covers_movements CHECK (captured_minor + voided_minor <= authorized_minor),
    CONSTRAINT reservation_outlives_acceptance CHECK (reserved_until > recorded_at + interval '30 seconds')
) WITH (fillfactor = 85);
CREATE INDEX customer_order_by_time ON customer_order (accept_time, order_id);
CREATE INDEX customer_order_by_channel ON customer_order (channel_id, accept_time, order_id);
CREATE INDEX customer_order_by_customer ON customer_order (customer_id, accept_time, order_id) WHERE customer_id <> '';
CREATE INDEX customer_order_by_reference ON customer_order (customer_reference) WHERE customer_reference <> '';

CREATE TABLE order_line (
    order_id            text COLLATE "C" NOT NULL,
    line_number         integer     NOT NULL CHECK (line_number >= 1),
    sku                 text        NOT NULL,
    name_en             text        NOT NULL,
    name_es             text        NOT NULL,
    quantity_units      integer     NOT NULL CHECK (quantity_units >= 1),
    method              smallint    NOT NULL CHECK (method BETWEEN 1 AND 3),
    pickup_location_id  text        NOT NULL,
    unit_price_minor    bigint      NOT NULL,
    discount_minor      bigint      NOT NULL,
    tax_minor           bigint      NOT NULL,
    total_minor         bigint      NOT NULL CHECK (total_minor >= 0),
    -- Shares of the units that are settled: due at the provider, or moved there.
    captured_minor      bigint      NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    voided_minor        bigint      NOT NULL DEFAULT 0 CHECK (voided_minor >= 0),
    refunded_minor      bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    PRIMARY KEY (order_id, line_number),
    CHECK (captured_minor + voided_minor <= total_minor)
) WITH (fillfactor = 90);

-- Units of a line in the same state at the same place; per line they add up to its quantity.
CREATE TABLE unit_group (
    order_id              text COLLATE "C" NOT NULL,
    line_number           integer     NOT NULL,
    state                 smallint    NOT NULL CHECK (state BETWEEN 1 AND 9),
    location_id           text        NOT NULL,
    fulfillment_order_id  text COLLATE "C" NOT NULL,
    quantity_units        integer     NOT NULL CHECK (quantity_units >= 1),
    PRIMARY KEY (order_id, line_number, state, location_id, fulfillment_order_id)
) WITH (fillfactor = 85);

-- Each location's share of the work; lines are [[line number, units], ...]. Never changed.
CREATE TABLE plan_part (
    order_id              text COLLATE "C" NOT NULL,
    fulfillment_order_id  text COLLATE "C" NOT NULL,
    location_id           text        NOT NULL,
    method                smallint    NOT NULL CHECK (method BETWEEN 1 AND 3),
    reservation_id        text COLLATE "C" NOT NULL,
    lines                 json        NOT NULL,
    promise_time          timestamptz,
    attempt               integer     NOT NULL CHECK (attempt >= 1),
    PRIMARY KEY (order_id, fulfillment_order_id)
);

CREATE TABLE customer_message (
    order_id            text COLLATE "C" NOT NULL,
    number              integer     NOT NULL CHECK (number >= 1),
    kind                text        NOT NULL,
    text                text        NOT NULL,
    time                timestamptz NOT NULL,
    PRIMARY KEY (order_id, number)
);

-- Why units come from where they come: what each decision was made from.
CREATE TABLE sourcing_decision (
    order_id            text COLLATE "C" NOT NULL,
    attempt             integer     NOT NULL CHECK (attempt >= 1),
    time                timestamptz NOT NULL,
    trigger             text        NOT NULL,
    record              json        NOT NULL,
    cost                bigint      NOT NULL,
    PRIMARY KEY (order_id, attempt)
);
-- Locations and rules that decisions refer to, by a hash of their content.
CREATE TABLE sourcing_basis (
    version             text        PRIMARY KEY,
    content             json        NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);

-- Money that the provider has to move. A loop works it off; the key makes a repeat harmless.
CREATE TABLE payment_task (
    order_id            text COLLATE "C" NOT NULL,
    task_id             text COLLATE "C" NOT NULL,
    kind                text        NOT NULL CHECK (kind IN ('CAPTURE', 'VOID', 'REFUND', 'VOID_AUTHORIZATION')),
    authorization_key   text        NOT NULL,
    amount_minor        bigint      NOT NULL CHECK (amount_minor >= 0),
    currency_code       text        NOT NULL,
    state               text        NOT NULL DEFAULT 'DUE' CHECK (state IN ('DUE', 'DONE')),
    tries               integer     NOT NULL DEFAULT 0,
    run_at              timestamptz NOT NULL DEFAULT now(),
    note                text        NOT NULL DEFAULT '',
    PRIMARY KEY (order_id, task_id)
);
CREATE INDEX payment_task_due ON payment_task (run_at) WHERE state = 'DUE';

-- Units that need another location. TAKE_OUT: first ask fulfillment for them; SOURCE: plan, reserve, commit.
CREATE TABLE sourcing_case (
    order_id            text COLLATE "C" NOT NULL,
    case_id             text COLLATE "C" NOT NULL,
    trigger             text        NOT NULL,
    stage               text        NOT NULL CHECK (stage IN ('TAKE_OUT', 'SOURCE', 'DONE')),
    units               json        NOT NULL,                       -- [[line number, units, fulfillment order id], ...]
    attempt             integer     NOT NULL,
    tries               integer     NOT NULL DEFAULT 0,
    run_at              timestamptz NOT NULL DEFAULT now(),
    note                text        NOT NULL DEFAULT '',
    created_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, case_id)
);
CREATE INDEX sourcing_case_due ON sourcing_case (run_at) WHERE stage <> 'DONE';

-- A customer's cancellation that fulfillment was asked for; whoever learns of its success first finishes it.
CREATE TABLE cancellation (
    order_id            text COLLATE "C" NOT NULL,
    cancellation_id     text COLLATE "C" NOT NULL,
    units               json        NOT NULL,                       -- [[line number, state, location, fulfillment order, units], ...]
    state               text        NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'DONE')),
    created_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, cancellation_id)
);

-- What the built-in test provider did, so that a double charge would show.
CREATE TABLE test_provider_operation (
    idempotency_key     text        PRIMARY KEY,
    authorization_key   text        NOT NULL,
    kind                text        NOT NULL,
    amount_minor        bigint      NOT NULL,
    currency_code       text        NOT NULL,
    recorded_at         timestamptz NOT NULL DEFAULT now()
);
