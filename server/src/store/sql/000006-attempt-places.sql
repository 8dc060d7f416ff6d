-- Attempts whose password is being checked now, each until it has surely ended. Only failures count; these bound parallel guesses.
ALTER TABLE attempts ADD COLUMN places timestamptz[] NOT NULL DEFAULT '{}';
