-- Who said yes, what agents say for themselves, and what went wrong.

-- In the agent's own words: shown as such, never judged.
ALTER TABLE approvals ADD COLUMN agent_reason TEXT;

-- `good_for` is in seconds, from when the request is released: a yes may be narrower than the approval's own life.
CREATE TABLE votes (
    id        BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval  TEXT    NOT NULL REFERENCES approvals (approval),
    person    TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    good_for  BIGINT,
    UNIQUE (approval, person)
);

-- What a person should look at: written with the audit record that it is about.
CREATE TABLE alerts (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         TEXT    NOT NULL,
    at           BIGINT  NOT NULL,
    session      TEXT,
    agent        TEXT,
    environment  TEXT,
    record       TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    UNIQUE (record, kind)
);

-- The last alert that a person has seen.
CREATE TABLE alerts_seen (
    id      BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person  TEXT    NOT NULL UNIQUE,
    alert   BIGINT  NOT NULL
);
