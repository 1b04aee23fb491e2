-- Money about to be authorised for an order that has no reservation to live and die with (goods carried out). Its acceptance deletes the row in
-- the same transaction; a row that is still there at void_at has its authorisation voided.

CREATE TABLE authorization_intent (
    order_id            text COLLATE "C" PRIMARY KEY,
    authorization_key   text        NOT NULL,
    amount_minor        bigint      NOT NULL CHECK (amount_minor >= 0),
    currency_code       text        NOT NULL,
    void_at             timestamptz NOT NULL
);
CREATE INDEX authorization_intent_by_time ON authorization_intent (void_at);
