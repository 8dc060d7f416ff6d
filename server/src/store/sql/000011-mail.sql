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
