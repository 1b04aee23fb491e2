-- What left of a SKU by reservations, for who compares it with what channel controls have counted. A line enters once, when its goods leave; what is
-- only reserved costs nothing.

CREATE INDEX reservation_line_consumed ON reservation_line (sku) WHERE consumed_units > 0;
