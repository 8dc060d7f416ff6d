-- Where a person comes from who is not of this database: the row in users is then our record of somebody whom another source
-- describes, and source_key is that source's own name for them. A table of its own: a new column of users would end every
-- statement that the release before has prepared on it.
CREATE TABLE user_sources (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  source text NOT NULL,
  source_key text NOT NULL,
  CONSTRAINT user_sources_key UNIQUE (source, source_key)
);
