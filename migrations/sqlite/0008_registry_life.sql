-- What is registered changes and goes, and says when it was used last. Times are unix milliseconds.

-- A removed environment keeps its row: credentials that were revoked name it. Its name can be given again.
ALTER TABLE environments ADD COLUMN removed_at INTEGER;

ALTER TABLE credentials ADD COLUMN used_at INTEGER;

CREATE INDEX sessions_of_agent ON sessions (agent, id);
