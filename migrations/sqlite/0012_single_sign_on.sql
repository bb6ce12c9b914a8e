-- People by single sign-on: who an OpenID provider says they are.

-- A person is the issuer and the subject together, never a name or an address. The row of a person who was removed stays:
-- it keeps them out until they are let in by another name.
CREATE TABLE sso_subjects (
    id          INTEGER PRIMARY KEY,
    issuer      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    person      TEXT    NOT NULL REFERENCES people (name),
    created_at  INTEGER NOT NULL,
    used_at     INTEGER,
    UNIQUE (issuer, subject)
) STRICT;
CREATE INDEX sso_subjects_person ON sso_subjects (person);
