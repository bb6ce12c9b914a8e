-- Where people are told that something waits or went wrong, and what is still to be told.

-- `place` is what to recognise it by; what is secret (a URL that lets its holder post, a password) is sealed.
CREATE TABLE channels (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel      TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL,
    place        TEXT    NOT NULL,
    topics       TEXT    NOT NULL,
    kek          TEXT    NOT NULL,
    wrapped_key  BYTEA   NOT NULL,
    ciphertext   BYTEA   NOT NULL,
    created_at   BIGINT NOT NULL
);

-- `next_at` is when it is tried next; null when it is over: `done_at` says when, `error` why it failed.
CREATE TABLE deliveries (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery    TEXT    NOT NULL UNIQUE,
    channel     TEXT    NOT NULL,
    notice      TEXT    NOT NULL,
    attempts    BIGINT NOT NULL,
    next_at     BIGINT,
    created_at  BIGINT NOT NULL,
    done_at     BIGINT,
    error       TEXT
);
CREATE INDEX deliveries_next ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_channel ON deliveries (channel, id);
