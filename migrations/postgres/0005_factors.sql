-- Invitations, failed attempts, and what a passkey says of itself.

-- A link by which a person enrols: SHA-256 of its token. Without a role it is for a person who is there already.
CREATE TABLE invitations (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person      TEXT    NOT NULL UNIQUE,
    role        TEXT,
    hash        BYTEA   NOT NULL UNIQUE,
    invited_by  TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);

-- Attempts that failed since the last one that did not. `subject` is a digest, so that a row has one size whatever was typed.
CREATE TABLE failures (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject     BYTEA   NOT NULL UNIQUE,
    count       BIGINT  NOT NULL,
    last_at     BIGINT  NOT NULL
);
CREATE INDEX failures_last ON failures (last_at);

-- Whether the authenticator may copy the passkey elsewhere (flag BE): it may not change.
ALTER TABLE passkeys ADD COLUMN eligible BIGINT NOT NULL DEFAULT 0;
