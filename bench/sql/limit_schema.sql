-- The yardstick: what somebody who writes SQL by hand for one purpose needs, and nothing more,
-- to take a two-line order durably from shared stock.
CREATE TABLE stock (
    sku int, location int, on_hand int NOT NULL, reserved int NOT NULL, PRIMARY KEY (sku, location)
);
INSERT INTO stock SELECT sku, location, 1000000, 0 FROM generate_series(1, 10000) sku, generate_series(1, 20) location;
CREATE TABLE orders (
    id bigserial PRIMARY KEY, channel text, customer int, total bigint, state text, at timestamptz DEFAULT now()
);
CREATE TABLE order_line (
    order_id bigint, n int, sku int, qty int, price int, location int, PRIMARY KEY (order_id, n)
);
CREATE TABLE ledger (
    id bigserial PRIMARY KEY, sku int, location int, delta int, order_id bigint, at timestamptz DEFAULT now()
);
CREATE TABLE outbox (id bigserial PRIMARY KEY, subject text, body bytea);
