-- People look for products by words. Letters without accents, so that nobody has to type them.
CREATE FUNCTION product_words(name_en text, name_es text, brand text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_tsvector('pg_catalog.simple', translate(lower(name_en || ' ' || name_es || ' ' || brand), 'áéíóúüñ', 'aeiouun')) $$;
CREATE INDEX product_by_words ON product USING gin (product_words(name_en, name_es, brand));
