-- Where a person comes from. `postgres` is this database itself; anybody else's row is only our record of a person whom another
-- source describes, and source_key is that source's own name for them.
ALTER TABLE users ADD COLUMN source text NOT NULL DEFAULT 'postgres';
ALTER TABLE users ADD COLUMN source_key text;
ALTER TABLE users ADD CONSTRAINT users_source_key UNIQUE (source, source_key);
