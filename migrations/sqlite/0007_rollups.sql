-- What the audit is searched by and what activity is counted by, read out of the records after they were written.

-- Key of a fact (a field and its value), and the record in which it stands.
CREATE TABLE audit_index (
    fact  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (fact, seq)
) STRICT, WITHOUT ROWID;

-- How often a value of a dimension occurred in the `span` seconds from `at` on, in unix seconds.
CREATE TABLE rollups (
    span       INTEGER NOT NULL,
    dimension  TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (span, dimension, at, value)
) STRICT, WITHOUT ROWID;

-- One row: the last record that both tables know of. It begins before the first, so that older records are read too.
CREATE TABLE rolled_up (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL
) STRICT;
INSERT INTO rolled_up (id, seq) VALUES (1, 0);
