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
