-- Append only. Never a secret, code, token, password or cookie.
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  event text NOT NULL,
  outcome text NOT NULL,
  reason text,
  user_id text,
  client_uid text,
  client_id text,
  address text,
  agent text,
  correlation_id text,
  replica text NOT NULL,
  detail jsonb
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user_id, at) WHERE user_id IS NOT NULL;
