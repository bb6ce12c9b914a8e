-- How people sign in, and where they are signed in.

-- A PHC string of Argon2id.
CREATE TABLE passwords (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person      TEXT    NOT NULL UNIQUE REFERENCES people (name),
    hash        TEXT    NOT NULL,
    changed_at  BIGINT NOT NULL
);

-- WebAuthn credentials. `passkey` is base64url of the credential id, `public` the COSE key.
CREATE TABLE passkeys (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    passkey     TEXT    NOT NULL UNIQUE,
    person      TEXT    NOT NULL REFERENCES people (name),
    name        TEXT    NOT NULL,
    public      BYTEA   NOT NULL,
    counter     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    used_at     BIGINT
);
CREATE INDEX passkeys_person ON passkeys (person);

-- The second factor of those without a passkey (RFC 6238). The secret is sealed; `step` is the last one used.
CREATE TABLE one_time_codes (
    id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person        TEXT    NOT NULL UNIQUE REFERENCES people (name),
    kek           TEXT    NOT NULL,
    wrapped_key   BYTEA   NOT NULL,
    ciphertext    BYTEA   NOT NULL,
    step          BIGINT NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    id       BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person   TEXT    NOT NULL REFERENCES people (name),
    hash     BYTEA   NOT NULL UNIQUE,
    used_at  BIGINT
);
CREATE INDEX recovery_codes_person ON recovery_codes (person);

-- A browser that is signed in: SHA-256 of its cookie. `proven_at` is when its person last proved who they are.
CREATE TABLE sign_ins (
    id          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sign_in     TEXT    NOT NULL UNIQUE,
    person      TEXT    NOT NULL REFERENCES people (name),
    hash        BYTEA   NOT NULL UNIQUE,
    method      TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    created_at  BIGINT NOT NULL,
    proven_at   BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    ended_at    BIGINT
);
CREATE INDEX sign_ins_person ON sign_ins (person);

ALTER TABLE people ADD COLUMN removed_at BIGINT;
ALTER TABLE logins ADD COLUMN ended_at BIGINT;
