-- Invitations, failed attempts, and what a passkey says of itself.

-- A link by which a person enrols: SHA-256 of its token. Without a role it is for a person who is there already.
CREATE TABLE invitations (
    id          INTEGER PRIMARY KEY,
    person      TEXT    NOT NULL UNIQUE,
    role        TEXT,
    hash        BLOB    NOT NULL UNIQUE,
    invited_by  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

-- Attempts that failed since the last one that did not. `subject` is a digest, so that a row has one size whatever was typed.
CREATE TABLE failures (
    id          INTEGER PRIMARY KEY,
    subject     BLOB    NOT NULL UNIQUE,
    count       INTEGER NOT NULL,
    last_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_last ON failures (last_at);

-- Whether the authenticator may copy the passkey elsewhere (flag BE): it may not change.
ALTER TABLE passkeys ADD COLUMN eligible INTEGER NOT NULL DEFAULT 0;
