-- How soon the customer wanted what is sent. Orders of before chose nothing.
ALTER TABLE customer_order ADD COLUMN customer_promise text NOT NULL DEFAULT 'STANDARD';
