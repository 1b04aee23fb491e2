-- Limits per buyer: what each customer may have of a scarce SKU.

CREATE TABLE buyer_limit (
    sku              text COLLATE "C" PRIMARY KEY,                          -- its pool is guarded and controlled
    max_units        integer     NOT NULL CHECK (max_units > 0),
    counted_from     timestamptz NOT NULL,
    valid_from       timestamptz,
    valid_until      timestamptz,
    window_seconds   integer     NOT NULL CHECK (window_seconds >= 0),      -- 0: as long as it is valid
    named_only       boolean     NOT NULL
);

-- By which reservation or hold a customer has units of a limited SKU. No counter: the document's own line says how many.
CREATE TABLE buyer_claim (
    sku              text COLLATE "C" NOT NULL,
    customer_id      text COLLATE "C" NOT NULL,
    document_id      text COLLATE "C" NOT NULL,
    claimed_at       timestamptz NOT NULL,
    PRIMARY KEY (sku, customer_id, document_id)
);
