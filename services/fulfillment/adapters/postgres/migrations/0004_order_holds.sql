-- Orders that nobody is to work on, as orders told it last. The release before goes on working on them.
CREATE TABLE order_hold (
    order_id   text COLLATE "C" PRIMARY KEY,
    held       boolean     NOT NULL,
    reason     text        NOT NULL,
    actor      text        NOT NULL,
    hold_time  timestamptz NOT NULL,
    sequence   bigint      NOT NULL                                  -- of the event that told it; an older one changes nothing
);
