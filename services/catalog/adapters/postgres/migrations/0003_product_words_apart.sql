-- A dash before a figure made it a negative number, which nobody looks for: only letters and figures count, the rest parts words.
CREATE OR REPLACE FUNCTION product_words(name_en text, name_es text, brand text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT to_tsvector('pg_catalog.simple',
                   regexp_replace(translate(lower(name_en || ' ' || name_es || ' ' || brand), 'áéíóúüñ', 'aeiouun'), '[^[:alnum:]]+', ' ', 'g'))
$$;
REINDEX INDEX product_by_words;
