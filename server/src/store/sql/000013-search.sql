-- To find people by the begin of a name or address, and audit rows by person, client, event or address, page by page, however many there
-- are. "C": the order of bytes, in which a prefix is a range whatever the language of the database.
CREATE INDEX users_by_username ON users (canonical_username COLLATE "C", id);
CREATE INDEX users_by_email ON users (canonical_email COLLATE "C", id);
CREATE INDEX users_by_name ON users ((lower(name)) COLLATE "C", id);
-- the last word of a name, which is mostly the family name
CREATE INDEX users_by_last_name ON users ((lower(substring(name FROM '(\S+)\s*$'))) COLLATE "C", id);

CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_user ON audit (user_id COLLATE "C", at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_by_client ON audit (client_id COLLATE "C", at, id) WHERE client_id IS NOT NULL;
CREATE INDEX audit_by_event ON audit (event COLLATE "C", at, id);
CREATE INDEX audit_by_address ON audit (address COLLATE "C", at, id) WHERE address IS NOT NULL;
DROP INDEX audit_at;
DROP INDEX audit_user;
