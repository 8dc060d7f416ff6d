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
