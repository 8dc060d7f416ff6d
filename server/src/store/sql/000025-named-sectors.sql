-- When a replica last had a client that names the document. One that nobody names any more is removed after a while.
ALTER TABLE sector_documents ADD COLUMN named_at timestamptz NOT NULL DEFAULT now();
