-- What the audit is searched by and what activity is counted by, read out of the records after they were written.

-- Key of a fact (a field and its value), and the record in which it stands.
CREATE TABLE audit_index (
    fact  BIGINT  NOT NULL,
    seq   BIGINT  NOT NULL,
    PRIMARY KEY (fact, seq)
);

-- How often a value of a dimension occurred in the `span` seconds from `at` on, in unix seconds.
CREATE TABLE rollups (
    span       BIGINT  NOT NULL,
    dimension  TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    value      TEXT    NOT NULL,
    count      BIGINT  NOT NULL,
    PRIMARY KEY (span, dimension, at, value)
);

-- One row: the last record that both tables know of. It begins before the first, so that older records are read too.
CREATE TABLE rolled_up (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    seq  BIGINT  NOT NULL
);
INSERT INTO rolled_up (id, seq) VALUES (1, 0);
