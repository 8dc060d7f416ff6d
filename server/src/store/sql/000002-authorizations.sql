-- A row is a mark: whoever inserts it first has used the code, the jti, the link.
CREATE TABLE one_time (
  kind text NOT NULL,
  id text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (kind, id)
);
CREATE INDEX one_time_expiry ON one_time (expires_at);

-- What a person allowed a client for good. Keyed by the object's UID, so that a re-created client inherits nothing.
CREATE TABLE consents (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  client_uid text NOT NULL,
  client_id text NOT NULL,
  scopes text[] NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  granted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, client_uid)
);

-- What one authorization gave: code, tokens and refresh family live as long as its row is there, not revoked and not expired.
CREATE TABLE grants (
  id text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  client_uid text NOT NULL,
  client_id text NOT NULL,
  session_uid text,
  -- with offline_access: outlives the session
  offline boolean NOT NULL DEFAULT false,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX grants_session ON grants (session_uid);
-- with the third column, those that were revoked cost nothing
CREATE INDEX grants_user ON grants (user_id, client_uid, revoked_at);
CREATE INDEX grants_expiry ON grants (expires_at);

-- seq counts the rotations; the token of the newest seq is live, its predecessor within the grace.
CREATE TABLE refresh_families (
  grant_id text PRIMARY KEY REFERENCES grants ON DELETE CASCADE,
  seq integer NOT NULL DEFAULT 1,
  rotated_at timestamptz NOT NULL,
  -- the transaction that rotated last: tells the caller who made the successor from those who get it again
  rotated_by text,
  payload jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  absolute_expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);

-- client_uid '' is the session itself; the others are the clients that it was used for.
CREATE TABLE devices (
  session_uid text NOT NULL,
  client_uid text NOT NULL DEFAULT '',
  client_id text NOT NULL DEFAULT '',
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  sid text,
  -- of the session cookie; rises at every privilege step, older cookies are dead
  version integer NOT NULL DEFAULT 1,
  auth_time timestamptz NOT NULL,
  last_seen timestamptz NOT NULL DEFAULT now(),
  agent text,
  ip text,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (session_uid, client_uid)
);
CREATE INDEX devices_user ON devices (user_id);
CREATE INDEX devices_expiry ON devices (expires_at);

CREATE TABLE pushed_requests (
  id text PRIMARY KEY,
  client_uid text NOT NULL,
  payload jsonb NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX pushed_requests_client ON pushed_requests (client_uid);
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
