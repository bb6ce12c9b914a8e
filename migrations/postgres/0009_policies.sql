-- Policy files that people manage here, every version of each. What ships with the program is version 0 and not kept.

-- `state` is active, superseded, proposed or withdrawn. `base` is the version that was in use when this one was written:
-- 0 where there was none, or where the program's own was. An empty text takes the file out of use.
CREATE TABLE policy_versions (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    text        TEXT    NOT NULL,
    tests       TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    base        BIGINT  NOT NULL,
    person      TEXT    NOT NULL REFERENCES people (name),
    created_at  BIGINT  NOT NULL,
    decided_by  TEXT    REFERENCES people (name),
    decided_at  BIGINT ,
    UNIQUE (name, version)
);
CREATE UNIQUE INDEX policy_versions_active ON policy_versions (name) WHERE state = 'active';
CREATE UNIQUE INDEX policy_versions_proposed ON policy_versions (name) WHERE state = 'proposed';

-- One row, counted up by each change of what is in use: files are judged together, so two changes never cross.
CREATE TABLE policy_revision (
    id        BIGINT  PRIMARY KEY CHECK (id = 1),
    revision  BIGINT  NOT NULL
);
INSERT INTO policy_revision (id, revision) VALUES (1, 0);
