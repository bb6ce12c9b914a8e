-- The audit chain, its signed heads, and the keys that the broker signs with.

CREATE TABLE audit_records (
    seq      BIGINT  PRIMARY KEY,
    hash     BYTEA   NOT NULL,
    at       BIGINT  NOT NULL,
    kind     TEXT    NOT NULL,
    session  TEXT,
    body     BYTEA   NOT NULL
);
CREATE INDEX audit_records_kind ON audit_records (kind, seq);
CREATE INDEX audit_records_session ON audit_records (session, seq) WHERE session IS NOT NULL;

-- One row: whoever appends reads it, under a lock, before and writes it after.
CREATE TABLE chain_head (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    seq   BIGINT  NOT NULL,
    hash  BYTEA   NOT NULL
);
INSERT INTO chain_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE checkpoints (
    seq        BIGINT  PRIMARY KEY,
    hash       BYTEA   NOT NULL,
    at         BIGINT  NOT NULL,
    key_id     TEXT    NOT NULL,
    signature  BYTEA   NOT NULL
);

CREATE TABLE keys (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kid          TEXT    NOT NULL UNIQUE,
    purpose      TEXT    NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BYTEA   NOT NULL,
    ciphertext   BYTEA   NOT NULL,
    public       BYTEA   NOT NULL,
    created_at   BIGINT  NOT NULL,
    retired_at   BIGINT
);

-- How the vault is sealed: JSON of the vault's own making.
CREATE TABLE seal (
    id      BIGINT PRIMARY KEY CHECK (id = 1),
    record  TEXT    NOT NULL
);
