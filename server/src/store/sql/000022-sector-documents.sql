-- What the documents of sectors (pairwise subjects) said last, so that a host that is away takes no client out of service.
CREATE TABLE sector_documents (
  uri text PRIMARY KEY,
  -- the redirect URIs and addresses of keys that it lists
  members jsonb NOT NULL,
  read_at timestamptz NOT NULL DEFAULT now()
);
