-- Sessions, approvals and what must not happen twice: what changes with the work.

CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY,
    session      TEXT    NOT NULL UNIQUE,
    environment  TEXT    NOT NULL,
    tier         TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    jkt          TEXT    NOT NULL,
    grants       TEXT    NOT NULL,
    confined     INTEGER NOT NULL,
    command      TEXT,
    heartbeat    INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    end_reason   TEXT
) STRICT;
CREATE INDEX sessions_live ON sessions (id) WHERE ended_at IS NULL;

CREATE TABLE approvals (
    id            INTEGER PRIMARY KEY,
    approval      TEXT    NOT NULL UNIQUE,
    state         TEXT    NOT NULL,
    session       TEXT    NOT NULL,
    environment   TEXT    NOT NULL,
    agent         TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    credential    TEXT    NOT NULL,
    request       TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    operations    TEXT    NOT NULL,
    class         TEXT    NOT NULL,
    resources     TEXT    NOT NULL,
    lift          TEXT    NOT NULL,
    requested_at  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    decided_by    TEXT,
    decided_at    INTEGER,
    reason        TEXT
) STRICT;
CREATE INDEX approvals_state ON approvals (state);
CREATE INDEX approvals_request ON approvals (session, digest);

-- Keys of proofs and assertions that were used: one row for each batch, under the place of its first record in the
-- chain. `keys` holds for each 32 bytes and, big-endian in 8, the unix second until which it counts; `until` is the
-- last of these.
CREATE TABLE remembered (
    seq    INTEGER PRIMARY KEY,
    until  INTEGER NOT NULL,
    keys   BLOB    NOT NULL
) STRICT;
CREATE INDEX remembered_until ON remembered (until);

-- Tokens that were revoked before their end. `until` is in unix seconds.
CREATE TABLE revoked_tokens (
    id     INTEGER PRIMARY KEY,
    jti    TEXT    NOT NULL UNIQUE,
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_tokens_until ON revoked_tokens (until);

CREATE TABLE setup_token (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    hash  BLOB    NOT NULL,
    used  INTEGER NOT NULL
) STRICT;
