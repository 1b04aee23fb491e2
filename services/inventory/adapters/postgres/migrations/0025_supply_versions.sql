-- Which of two states of a supply is the newer one, for those who keep copies in memory.

ALTER TABLE supply ADD COLUMN version bigint NOT NULL DEFAULT 0;            -- grows with every change of the supply or its lines
