-- A token that an API got for one that it received (RFC 8693) has a grant of its own. It is alive only while all those before it are:
-- the grant of the token that was exchanged, and what that one came from. The grant of a sign-in has no row here.
-- A table of its own: servers of the release before have prepared statements that read all columns of grants.
CREATE TABLE grant_parents (
  grant_id text NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
  parent_id text NOT NULL,
  PRIMARY KEY (grant_id, parent_id)
);
