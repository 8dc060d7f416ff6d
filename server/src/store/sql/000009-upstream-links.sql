-- Which identity at another provider leads to which account here. Only the pair of issuer and subject does, never a name or an e-mail
-- address. groups are those of the last sign-in there; they count until valid_until.
CREATE TABLE upstream_links (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  -- id of the provider in the settings
  upstream text NOT NULL,
  groups text[] NOT NULL DEFAULT '{}',
  linked_at timestamptz NOT NULL DEFAULT now(),
  signed_in_at timestamptz NOT NULL DEFAULT now(),
  valid_until timestamptz NOT NULL,
  -- linked by a sign-in that proved two factors, or with a login link
  is_strong boolean NOT NULL DEFAULT false,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX upstream_links_user ON upstream_links (user_id);
