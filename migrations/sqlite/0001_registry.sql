-- People, agents, environments, credentials: what is registered and seldom changes.
-- Times are unix milliseconds. JSON is TEXT. Booleans are 0 and 1.

CREATE TABLE people (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    role        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
    id          INTEGER PRIMARY KEY,
    client      TEXT    NOT NULL UNIQUE,
    person      TEXT    NOT NULL REFERENCES people (name),
    key         TEXT    NOT NULL,
    device      TEXT,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE agents (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    client        TEXT    NOT NULL UNIQUE,
    key           TEXT,
    environments  TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE environments (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    tier        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- A provider's thing belongs to one environment: a second mapping of it is refused, never merged.
CREATE TABLE selectors (
    id           INTEGER PRIMARY KEY,
    environment  TEXT    NOT NULL REFERENCES environments (name),
    provider     TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    resource     TEXT    NOT NULL,
    UNIQUE (provider, kind, resource)
) STRICT;
CREATE INDEX selectors_environment ON selectors (environment);

-- A name is never used again, not even after a revocation: running sessions hold credentials by name.
CREATE TABLE credentials (
    id           INTEGER PRIMARY KEY,
    credential   TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL UNIQUE,
    provider     TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    environment  TEXT    REFERENCES environments (name),
    upstream     TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    fingerprint  TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT;

CREATE TABLE secrets (
    id           INTEGER PRIMARY KEY,
    credential   TEXT    NOT NULL REFERENCES credentials (credential),
    version      INTEGER NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BLOB    NOT NULL,
    ciphertext   BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (credential, version)
) STRICT;
