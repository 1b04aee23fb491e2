-- Cursors that nothing moved for the retention are deleted; a summary of pages finds them, and lets updates stay in their page.
CREATE INDEX inbox_cursor_updated ON inbox_cursor USING brin (updated_at);
ALTER TABLE inbox_cursor SET (fillfactor = 90);
