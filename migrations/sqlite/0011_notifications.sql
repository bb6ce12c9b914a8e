-- Where people are told that something waits or went wrong, and what is still to be told.

-- `place` is what to recognise it by; what is secret (a URL that lets its holder post, a password) is sealed.
CREATE TABLE channels (
    id           INTEGER PRIMARY KEY,
    channel      TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    topics       TEXT    NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BLOB    NOT NULL,
    ciphertext   BLOB    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

-- `next_at` is when it is tried next; null when it is over: `done_at` says when, `error` why it failed.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    delivery    TEXT    NOT NULL UNIQUE,
    channel     TEXT    NOT NULL,
    notice      TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    next_at     INTEGER,
    created_at  INTEGER NOT NULL,
    done_at     INTEGER,
    error       TEXT
) STRICT;
CREATE INDEX deliveries_next ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_channel ON deliveries (channel, id);
