-- What people prove themselves with besides a password. A row is there only once the person has proved that it works: there is no
-- half-enrolled factor. A table of its own: a new column of users would end every statement that the release before has prepared on it.
CREATE TABLE factors (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('totp', 'passkey')),
  -- as the person calls it
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  -- of an authenticator app: the seed, encrypted with a key of the ring and bound to this row, and the last time step of a used code
  secret bytea,
  encrypted_by text,
  last_step bigint,
  -- of a passkey (WebAuthn): base64url, COSE key
  credential_id text UNIQUE,
  public_key bytea,
  sign_count bigint,
  synced boolean,
  transports text[],
  CONSTRAINT factors_is_whole CHECK (CASE kind
    WHEN 'totp' THEN num_nulls(secret, encrypted_by, last_step) = 0
    ELSE num_nulls(credential_id, public_key, sign_count, synced) = 0 END)
);
CREATE INDEX factors_user ON factors (user_id);
-- one authenticator app for each person: a new one replaces it
CREATE UNIQUE INDEX factors_one_app ON factors (user_id) WHERE kind = 'totp';

-- Each works once. 80 random bits, so a plain hash is enough.
CREATE TABLE recovery_codes (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (user_id, code_hash)
);
