-- Sign-in attempts: a counter for each account (u:), each unknown name (n:) and each address (a:).
CREATE TABLE attempts (
  key text PRIMARY KEY,
  count integer NOT NULL,
  -- the counter starts anew after this; at the limit it is moved to the end of the lock
  until timestamptz NOT NULL
);
CREATE INDEX attempts_until ON attempts (until);
