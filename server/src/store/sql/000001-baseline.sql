-- The database of 0.1.0. A change of it is a new file beside this one.

-- People. A canonical name is NFKC, lower case, without outer or repeated spaces; whoever signs in may give user name or e-mail.
CREATE TABLE users (
  id uuid PRIMARY KEY,
  username text NOT NULL,
  canonical_username text NOT NULL UNIQUE,
  email text,
  canonical_email text UNIQUE,
  email_verified boolean NOT NULL DEFAULT false,
  name text,
  locale text,
  -- further standard claims (OpenID Connect Core 5.1) by their claim names
  profile jsonb NOT NULL DEFAULT '{}',
  password_change_required boolean NOT NULL DEFAULT false,
  disabled_at timestamptz,
  -- false: one member of the help desk has disabled the account, and one may enable it
  enabling_takes_two boolean NOT NULL DEFAULT true,
  -- sessions whose person signed in before this instant are dead, by whole seconds, as auth_time is (OpenID Connect Core 2)
  sessions_valid_after timestamptz NOT NULL DEFAULT '-infinity',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- one name can never mean two accounts: a user name that looks like an e-mail address is the account's own
  CONSTRAINT users_name_is_own_email CHECK (position('@' IN canonical_username) = 0 OR canonical_username IS NOT DISTINCT FROM canonical_email),
  CONSTRAINT users_email_has_at CHECK (canonical_email IS NULL OR position('@' IN canonical_email) > 1)
);

CREATE TABLE credentials (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  -- PHC string, argon2id
  password_hash text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE groups (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE group_members (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
  PRIMARY KEY (user_id, group_id)
);
CREATE INDEX group_members_group ON group_members (group_id);

CREATE TABLE preferences (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  preferences jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- People are found by the begin of a name or address, page by page, however many there are. "C": the order of bytes, in which a prefix is
-- a range whatever the language of the database.
CREATE INDEX users_by_username ON users (canonical_username COLLATE "C", id);
CREATE INDEX users_by_email ON users (canonical_email COLLATE "C", id);
CREATE INDEX users_by_name ON users ((lower(name)) COLLATE "C", id);
-- the last word of a name, which is mostly the family name
CREATE INDEX users_by_last_name ON users ((lower(substring(name FROM '(\S+)\s*$'))) COLLATE "C", id);

-- Where a person comes from who is not of this database: the row in users is then our record of somebody whom another source
-- describes, and source_key is that source's own name for them.
CREATE TABLE user_sources (
  user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  source text NOT NULL,
  source_key text NOT NULL,
  CONSTRAINT user_sources_key UNIQUE (source, source_key)
);

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

-- What people prove themselves with besides a password. A row is there only once the person has proved that it works: there is no
-- half-enrolled factor.
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

-- A token that an API got for one that it received (RFC 8693) has a grant of its own. It is alive only while all those before it are:
-- the grant of the token that was exchanged, and what that one came from. The grant of a sign-in has no row here.
CREATE TABLE grant_parents (
  grant_id text NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  parent_id text NOT NULL,
  PRIMARY KEY (grant_id, parent_id)
);

-- Sign-ins of devices (RFC 8628) that somebody still has to allow, or just has. The code of the device itself is in no row: it is sealed,
-- and names the row.
CREATE TABLE device_codes (
  id text PRIMARY KEY,
  -- what the person types, without its hyphen
  user_code text NOT NULL UNIQUE,
  client_uid text NOT NULL,
  -- where the device is, to bound how many one address has open; absent where addresses are unknown
  address text,
  -- the request; once it is decided, what the tokens are made of, or why there are none
  payload jsonb NOT NULL,
  decided_at timestamptz,
  polled_at timestamptz,
  -- seconds that the device has to wait between two polls
  poll_every integer NOT NULL DEFAULT 5,
  expires_at timestamptz NOT NULL
);
CREATE INDEX device_codes_client ON device_codes (client_uid);
CREATE INDEX device_codes_address ON device_codes (address) WHERE address IS NOT NULL;
CREATE INDEX device_codes_expiry ON device_codes (expires_at);

-- What the documents of sectors (pairwise subjects) said last, so that a host that is away takes no client out of service.
CREATE TABLE sector_documents (
  uri text PRIMARY KEY,
  -- the redirect URIs and addresses of keys that it lists
  members jsonb NOT NULL,
  read_at timestamptz NOT NULL DEFAULT now(),
  -- when a replica last had a client that names it; one that nobody names any more is removed after a while
  named_at timestamptz NOT NULL DEFAULT now()
);

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

-- What is counted: sign-in attempts of each account (u:), each unknown name (n:) and each address (a:), and what else is limited by a key.
CREATE TABLE attempts (
  key text PRIMARY KEY,
  count integer NOT NULL,
  -- the counter starts anew after this; at the limit it is moved to the end of the lock
  until timestamptz NOT NULL,
  -- those whose password is being checked now, each until it has surely ended: only failures count, and these bound parallel guesses
  places timestamptz[] NOT NULL DEFAULT '{}'
);
CREATE INDEX attempts_until ON attempts (until);

-- What is still to be done outside of this database, such as a mail to send. The statement of the change that it is about writes the row.
CREATE TABLE outbox (
  -- of a mail: its Message-ID, so that a mail that is sent twice is the same one
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  -- the same thing is queued once; the row stays for a while after it was done
  once_key text NOT NULL UNIQUE,
  -- encrypted under the key-encryption key `encrypted_by`, bound to the row; empty once it is done
  payload bytea NOT NULL,
  encrypted_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  tries integer NOT NULL DEFAULT 0,
  -- a try moves it ahead for as long as the try may take
  next_at timestamptz NOT NULL DEFAULT now(),
  give_up_at timestamptz NOT NULL,
  done_at timestamptz
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE done_at IS NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Links that were sent by mail. The token itself is in the mail alone.
CREATE TABLE mail_links (
  -- SHA-256 of the token
  token_hash bytea PRIMARY KEY,
  kind text NOT NULL,
  -- null for somebody who has no account yet
  user_id uuid REFERENCES users ON DELETE CASCADE,
  -- canonical; the mailbox that it was sent to
  email text NOT NULL,
  -- of the person when it was made: a changed password ends the link
  standing text,
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX mail_links_user ON mail_links (user_id);
CREATE INDEX mail_links_email ON mail_links (email, kind);
CREATE INDEX mail_links_expiry ON mail_links (expires_at);

-- Browsers that a person has signed in with, by a hash of their cookie: a sign-in from another one is told by mail.
CREATE TABLE known_browsers (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  browser text NOT NULL,
  last_seen timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, browser)
);
CREATE INDEX known_browsers_seen ON known_browsers (last_seen);

-- Acts of the help desk on somebody of a protected group: one member has asked, and another may confirm until it expires.
CREATE TABLE desk_requests (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  act text NOT NULL,
  -- which one of the person's, such as a session or a group; '' where there is only one
  about text NOT NULL,
  asked_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  asked_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT desk_requests_once UNIQUE (user_id, act, about)
);
CREATE INDEX desk_requests_asked_by ON desk_requests (asked_by);
CREATE INDEX desk_requests_expiry ON desk_requests (expires_at);

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
-- rows are found by person, client, event or address, page by page
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_user ON audit (user_id COLLATE "C", at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_by_client ON audit (client_id COLLATE "C", at, id) WHERE client_id IS NOT NULL;
CREATE INDEX audit_by_event ON audit (event COLLATE "C", at, id);
CREATE INDEX audit_by_address ON audit (address COLLATE "C", at, id) WHERE address IS NOT NULL;

-- Rows of these come and go: vacuum begins at 2 % of dead rows instead of 20 %, and does not pause.
DO $$
DECLARE busy text;
BEGIN
  FOREACH busy IN ARRAY ARRAY['one_time', 'grants', 'grant_parents', 'refresh_families', 'devices', 'pushed_requests', 'device_codes',
                              'attempts', 'outbox', 'mail_links', 'known_browsers', 'desk_requests'] LOOP
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
                    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)', busy);
  END LOOP;
END $$;
-- a rotation changes no column of an index: with room in its page it writes none
ALTER TABLE refresh_families SET (fillfactor = 80);
-- appended to, and cut at its end
ALTER TABLE audit SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
