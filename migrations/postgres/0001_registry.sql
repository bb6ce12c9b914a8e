-- People, agents, environments, credentials: what is registered and seldom changes.
-- Times are unix milliseconds. JSON is TEXT.

CREATE TABLE people (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    role        TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL
);

CREATE TABLE logins (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client      TEXT    NOT NULL UNIQUE,
    person      TEXT    NOT NULL REFERENCES people (name),
    key         TEXT    NOT NULL,
    device      TEXT,
    created_at  BIGINT  NOT NULL
);

CREATE TABLE agents (
    id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    client        TEXT    NOT NULL UNIQUE,
    key           TEXT,
    environments  TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL
);

CREATE TABLE environments (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    tier        TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL
);

-- A provider's thing belongs to one environment: a second mapping of it is refused, never merged.
CREATE TABLE selectors (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment  TEXT    NOT NULL REFERENCES environments (name),
    provider     TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    resource     TEXT    NOT NULL,
    UNIQUE (provider, kind, resource)
);
CREATE INDEX selectors_environment ON selectors (environment);

-- A name is never used again, not even after a revocation: running sessions hold credentials by name.
CREATE TABLE credentials (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credential   TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL UNIQUE,
    provider     TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    environment  TEXT    REFERENCES environments (name),
    upstream     TEXT    NOT NULL,
    version      BIGINT  NOT NULL,
    fingerprint  TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    revoked_at   BIGINT
);

CREATE TABLE secrets (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credential   TEXT    NOT NULL REFERENCES credentials (credential),
    version      BIGINT  NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BYTEA   NOT NULL,
    ciphertext   BYTEA   NOT NULL,
    created_at   BIGINT  NOT NULL,
    UNIQUE (credential, version)
);
