-- First answers of mutations, by request key, so that a repeat gets the same answer and has no second effect.
CREATE TABLE request (
    request_key      text COLLATE "C" PRIMARY KEY,                -- method, caller's scope and request id
    fingerprint      bytea       NOT NULL,                        -- SHA-256 of the request without its id
    response         bytea       NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX request_created ON request USING brin (created_at);

-- Work that one instance at a time may do.
CREATE TABLE lease (
    name             text        PRIMARY KEY,
    holder           text        NOT NULL,
    held_until       timestamptz NOT NULL
);
