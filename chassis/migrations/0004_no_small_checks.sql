-- A CHECK is read from the catalog and prepared anew by every statement that writes to its table, not once a session: some 10 µs each, for a
-- group of events or for one. A message's number is made by the aggregate that tells it; consumers refuse what comes out of order.
ALTER TABLE outbox DROP CONSTRAINT outbox_sequence_check;
