-- Logins of machines by the device grant (RFC 8628), what each login may reach, and links that let somebody in once.

-- `hash` is SHA-256 of the device code, `user_code` of the code that a person types. The grant is bound to `jkt`, the
-- key of the proof that it was asked for with. `state` is waiting, approved, denied or used.
CREATE TABLE device_codes (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash        BYTEA   NOT NULL UNIQUE,
    user_code   BYTEA   NOT NULL UNIQUE,
    key         TEXT    NOT NULL,
    jkt         TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    program     TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    person      TEXT    REFERENCES people (name),
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    decided_at  BIGINT
);
CREATE INDEX device_codes_expires ON device_codes (expires_at);

-- Wrong codes that a person typed: how many since when.
CREATE TABLE device_misses (
    id      BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  TEXT    NOT NULL UNIQUE REFERENCES people (name),
    since   BIGINT  NOT NULL,
    misses  BIGINT  NOT NULL
);

-- Which login started a session; none for those that agents start by themselves.
CREATE TABLE session_logins (
    id       BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session  TEXT    NOT NULL UNIQUE,
    client   TEXT    NOT NULL
);
CREATE INDEX session_logins_client ON session_logins (client);

-- SHA-256 of the link's token. It signs its person in, once, to set a first password or passkey.
CREATE TABLE console_links (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash        BYTEA   NOT NULL UNIQUE,
    person      TEXT    NOT NULL REFERENCES people (name),
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    used_at     BIGINT
);

-- `setup` or `device`. Those of before were made with the setup token.
ALTER TABLE logins ADD COLUMN kind TEXT NOT NULL DEFAULT 'setup';
-- Until then its person lets it administer.
ALTER TABLE logins ADD COLUMN elevated_until BIGINT;
