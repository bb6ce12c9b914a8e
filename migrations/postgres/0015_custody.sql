-- Secrets that a provider made in a session, taken out of its answers (JSON); NULL for what people put in.
ALTER TABLE credentials ADD COLUMN captured TEXT;

-- Every version that there was, by its fingerprint: what is found in a request can be named.
CREATE TABLE fingerprints (
    id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint  TEXT    NOT NULL,
    credential   TEXT    NOT NULL REFERENCES credentials (credential),
    version      BIGINT  NOT NULL,
    UNIQUE (credential, version)
);
INSERT INTO fingerprints (fingerprint, credential, version) SELECT fingerprint, credential, version FROM credentials;
