-- The audit chain, its signed heads, and the keys that the broker signs with.

CREATE TABLE audit_records (
    seq      INTEGER PRIMARY KEY,
    hash     BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    session  TEXT,
    body     BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_records_kind ON audit_records (kind);
CREATE INDEX audit_records_session ON audit_records (session) WHERE session IS NOT NULL;

-- One row: whoever appends reads it, under a lock, before and writes it after.
CREATE TABLE chain_head (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    seq   INTEGER NOT NULL,
    hash  BLOB    NOT NULL
) STRICT;
INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE checkpoints (
    seq        INTEGER PRIMARY KEY,
    hash       BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    key_id     TEXT    NOT NULL,
    signature  BLOB    NOT NULL
) STRICT;

CREATE TABLE keys (
    id           INTEGER PRIMARY KEY,
    kid          TEXT    NOT NULL UNIQUE,
    purpose      TEXT    NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BLOB    NOT NULL,
    ciphertext   BLOB    NOT NULL,
    public       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    retired_at   INTEGER
) STRICT;

-- How the vault is sealed: JSON of the vault's own making.
CREATE TABLE seal (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    record  TEXT    NOT NULL
) STRICT;
