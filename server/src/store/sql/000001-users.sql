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
