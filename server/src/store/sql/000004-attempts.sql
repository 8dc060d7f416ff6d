-- What is counted: sign-in attempts of each account (u:), each unknown name (n:) and each address (a:), and what else is limited by a key.
CREATE TABLE attempts (
  key text PRIMARY KEY,
  count integer NOT NULL,
  -- the counter starts anew after this; at the limit it is moved to the end of the lock
  until timestamptz NOT NULL
);
CREATE INDEX attempts_until ON attempts (until);
