-- How far a session's command is confined, in three levels, and the session that it was started within.
ALTER TABLE sessions ADD COLUMN confinement TEXT NOT NULL DEFAULT 'none';
UPDATE sessions SET confinement = 'full' WHERE confined;
ALTER TABLE sessions DROP COLUMN confined;

ALTER TABLE sessions ADD COLUMN parent TEXT;
CREATE INDEX sessions_within ON sessions (parent) WHERE parent IS NOT NULL;
