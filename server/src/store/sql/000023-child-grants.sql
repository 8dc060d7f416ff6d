-- A token that an API got for one that it received (RFC 8693) has a grant of its own. It is alive only while all those before it are:
-- the grant of the token that was exchanged, and what that one came from, the sign-in first. Absent for the grant of a sign-in.
ALTER TABLE grants ADD COLUMN parents text[];
