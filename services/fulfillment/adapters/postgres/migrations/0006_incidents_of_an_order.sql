-- What was told about an order, newest first; most incidents are about none.
CREATE INDEX incident_of_order ON incident (order_id, incident_id) WHERE order_id <> '';
