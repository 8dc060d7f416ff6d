-- Signing, cookie and sealing keys. `secret` is encrypted under the key-encryption key `encrypted_by`, bound to the row.
CREATE TABLE keys (
  id text PRIMARY KEY,
  use text NOT NULL,
  alg text NOT NULL,
  public_jwk jsonb,
  secret bytea NOT NULL,
  encrypted_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  active_at timestamptz NOT NULL,
  retire_at timestamptz,
  remove_at timestamptz
);

-- One row. Raised when a backup is restored, so that nothing issued before it lives again.
CREATE TABLE epoch (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  epoch bigint NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO epoch (epoch) VALUES (1);
