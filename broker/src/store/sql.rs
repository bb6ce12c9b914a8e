//! Every statement. Each is one text for both databases, except the few that open and close a transaction.
//!
//! Columns are always named. `LIKE` never appears: it ignores case on one database and not on the other.

mod made;

pub(super) use made::chunk;
pub use made::{append, count, find, finish_postgres, finish_sqlite, index};

macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(pub(super) const $name: &str = $text;)*

        /// Every fixed statement by its name, for the test that prepares each on both databases.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($name), $text)),*];
    };
}

macro_rules! people {
    ($rest:literal) => {
        concat!("SELECT name, role, created_at FROM people ", $rest)
    };
}
macro_rules! agents {
    ($rest:literal) => {
        concat!("SELECT name, client, key, environments, created_at FROM agents ", $rest)
    };
}
macro_rules! credentials { ($rest:literal) => { concat!(
    "SELECT credential, name, provider, kind, environment, upstream, version, fingerprint, created_at, revoked_at, captured \
     FROM credentials ", $rest) } }
macro_rules! secrets {
    ($rest:literal) => {
        concat!(
            "SELECT s.credential, s.version, s.kek, s.wrapped_key, s.ciphertext, s.created_at FROM secrets s \
     JOIN credentials c ON c.credential = s.credential WHERE c.revoked_at IS NULL ",
            $rest
        )
    };
}
macro_rules! sign_ins {
    ($rest:literal) => {
        concat!(
            "SELECT sign_in, person, hash, method, device, address, created_at, proven_at, expires_at, ended_at \
     FROM sign_ins ",
            $rest
        )
    };
}
/// Whether somebody but the person of `people` is an owner who gets in by something of their own.
macro_rules! another_owner { () => { "EXISTS (SELECT 1 FROM people o WHERE o.name <> people.name AND o.role = 'owner' \
    AND o.removed_at IS NULL AND (EXISTS (SELECT 1 FROM passwords w WHERE w.person = o.name) \
    OR EXISTS (SELECT 1 FROM passkeys k WHERE k.person = o.name) \
    OR EXISTS (SELECT 1 FROM logins l WHERE l.person = o.name AND l.kind = 'setup' AND l.ended_at IS NULL)))" } }
macro_rules! passkeys {
    ($rest:literal) => {
        concat!(
            "SELECT passkey, person, name, public, counter, eligible, created_at, used_at FROM passkeys ",
            $rest
        )
    };
}
macro_rules! device_codes { ($rest:literal) => { concat!(
    "SELECT hash, user_code, key, jkt, device, program, address, state, person, created_at, expires_at \
     FROM device_codes ", $rest) } }
macro_rules! sessions { ($rest:literal) => { concat!(
    "SELECT session, environment, tier, agent, subject, key, jkt, grants, confinement, command, heartbeat, parent, \
     started_at, expires_at, ended_at, end_reason FROM sessions ", $rest) } }
macro_rules! approvals { ($rest:literal) => { concat!(
    "SELECT approval, state, session, environment, agent, subject, credential, request, digest, operations, class, \
     resources, lift, requested_at, expires_at, decided_by, decided_at, reason, agent_reason FROM approvals ", $rest) } }
macro_rules! policies { ($rest:literal) => { concat!(
    "SELECT name, version, text, tests, note, state, base, person, created_at, decided_by, decided_at \
     FROM policy_versions ", $rest) } }
macro_rules! records {
    ($rest:literal) => {
        concat!("SELECT seq, hash, body FROM audit_records ", $rest)
    };
}

statements! {
    ADD_PERSON = "INSERT INTO people (name, role, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    PEOPLE = people!("WHERE removed_at IS NULL ORDER BY id");
    PERSON = people!("WHERE name = $1 AND removed_at IS NULL");
    NAME_TAKEN = "SELECT COUNT(*) FROM people WHERE name = $1";
    WAYS_IN = "SELECT p.name, p.role, p.created_at, \
               (SELECT COUNT(*) FROM passkeys k WHERE k.person = p.name) AS passkeys, \
               (SELECT COUNT(*) FROM passwords w WHERE w.person = p.name) AS passwords, \
               (SELECT COUNT(*) FROM one_time_codes o WHERE o.person = p.name AND o.step >= 0) AS codes, \
               (SELECT COUNT(*) FROM recovery_codes r WHERE r.person = p.name AND r.used_at IS NULL) AS recovery, \
               (SELECT COUNT(*) FROM sso_subjects u WHERE u.person = p.name) AS subjects, \
               (SELECT MAX(s.created_at) FROM sign_ins s WHERE s.person = p.name) AS signed_in_at \
               FROM people p WHERE p.removed_at IS NULL ORDER BY p.id";
    SET_ROLE = "UPDATE people SET role = $2 WHERE name = $1 AND removed_at IS NULL AND (role <> 'owner' OR $2 = 'owner' \
                OR (SELECT COUNT(*) FROM people WHERE role = 'owner' AND removed_at IS NULL) > 1)";
    FOLLOW_ROLE = concat!("UPDATE people SET role = $2 WHERE name = $1 AND removed_at IS NULL \
                           AND (role <> 'owner' OR $2 = 'owner' OR ", another_owner!(), ")");
    ADD_SUBJECT = "INSERT INTO sso_subjects (issuer, subject, person, created_at) SELECT $1, $2, $3, $4 \
                   WHERE NOT EXISTS (SELECT 1 FROM sso_subjects WHERE issuer = $1 AND person = $3) \
                   ON CONFLICT (issuer, subject) DO UPDATE SET person = excluded.person, created_at = excluded.created_at, \
                   used_at = NULL WHERE EXISTS (SELECT 1 FROM people p WHERE p.name = sso_subjects.person \
                   AND p.removed_at IS NOT NULL)";
    USE_SUBJECT = "UPDATE sso_subjects SET used_at = $4 WHERE issuer = $1 AND subject = $2 AND person = $3";
    REMOVE_SUBJECTS = "DELETE FROM sso_subjects WHERE person = $1 AND (EXISTS (SELECT 1 FROM passwords WHERE passwords.person = $1) \
                       OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.person = $1))";
    SUBJECT = "SELECT person FROM sso_subjects WHERE issuer = $1 AND subject = $2";
    SUBJECTS_OF = "SELECT issuer, created_at, used_at FROM sso_subjects WHERE person = $1 ORDER BY id";
    REMOVE_PERSON = "UPDATE people SET removed_at = $2 WHERE name = $1 AND removed_at IS NULL AND (role <> 'owner' \
                     OR (SELECT COUNT(*) FROM people WHERE role = 'owner' AND removed_at IS NULL) > 1)";
    FORGET_PASSKEYS = "DELETE FROM passkeys WHERE person = $1";
    FORGET_PASSWORD = "DELETE FROM passwords WHERE person = $1";
    FORGET_INVITATION = "DELETE FROM invitations WHERE person = $1";

    ADD_INVITATION = "INSERT INTO invitations (person, role, hash, invited_by, created_at, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (person) DO UPDATE SET role = excluded.role, \
                      hash = excluded.hash, invited_by = excluded.invited_by, created_at = excluded.created_at, \
                      expires_at = excluded.expires_at";
    USE_INVITATION = "DELETE FROM invitations WHERE hash = $1 AND expires_at > $2";
    INVITATION = "SELECT person, role, hash, invited_by, created_at, expires_at FROM invitations WHERE hash = $1";
    INVITATIONS = "SELECT person, role, hash, invited_by, created_at, expires_at FROM invitations \
                   WHERE expires_at > $1 ORDER BY id";

    ADD_LOGIN = "INSERT INTO logins (client, person, key, device, created_at, kind) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT DO NOTHING";
    LOGIN = "SELECT l.client, l.person, l.key, l.device, l.created_at, l.kind FROM logins l JOIN people p ON p.name = l.person \
             WHERE l.client = $1 AND l.ended_at IS NULL AND p.removed_at IS NULL";
    LOGINS_OF = "SELECT client, person, key, device, created_at, kind FROM logins WHERE person = $1 AND ended_at IS NULL \
                 ORDER BY id DESC";
    END_LOGIN = "UPDATE logins SET ended_at = $3 WHERE client = $1 AND person = $2 AND ended_at IS NULL";
    END_LOGINS = "UPDATE logins SET ended_at = $2 WHERE person = $1 AND ended_at IS NULL";

    ADD_DEVICE_CODE = "INSERT INTO device_codes (hash, user_code, key, jkt, device, program, address, state, created_at, \
                       expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    DEVICE_CODE = device_codes!("WHERE hash = $1");
    DEVICE_CODE_OF_USER = device_codes!("WHERE user_code = $1");
    COUNT_DEVICE_CODES = "SELECT COUNT(*) FROM device_codes WHERE expires_at > $1 AND state = 'waiting'";
    COUNT_DEVICE_CODES_FROM =
        "SELECT COUNT(*) FROM device_codes WHERE expires_at > $1 AND state = 'waiting' AND address = $2";
    DECIDE_DEVICE_CODE = "UPDATE device_codes SET state = $2, person = $3, decided_at = $4 \
                          WHERE hash = $1 AND state = 'waiting' AND expires_at > $4";
    USE_DEVICE_CODE =
        "UPDATE device_codes SET state = 'used' WHERE hash = $1 AND state = 'approved' AND expires_at > $2";
    SWEEP_DEVICE_CODES = "DELETE FROM device_codes WHERE expires_at < $1";
    DEVICE_MISSES = "SELECT misses FROM device_misses WHERE person = $1 AND since > $2";
    MISS_DEVICE_CODE = "INSERT INTO device_misses (person, since, misses) VALUES ($1, $2, 1) \
                        ON CONFLICT (person) DO UPDATE SET \
                        misses = CASE WHEN device_misses.since > $3 THEN device_misses.misses + 1 ELSE 1 END, \
                        since = CASE WHEN device_misses.since > $3 THEN device_misses.since ELSE excluded.since END \
                        WHERE device_misses.misses < $4 OR device_misses.since <= $3";
    LOGIN_STANDING = "SELECT l.kind, l.elevated_until, l.ended_at, \
                      (SELECT COUNT(*) FROM passwords p WHERE p.person = l.person) + \
                      (SELECT COUNT(*) FROM sso_subjects u WHERE u.person = l.person) + \
                      (SELECT COUNT(*) FROM passkeys k WHERE k.person = l.person) AS factors \
                      FROM logins l WHERE l.client = $1";
    FACTORS = "SELECT (SELECT COUNT(*) FROM passwords p WHERE p.person = o.name) + \
               (SELECT COUNT(*) FROM sso_subjects u WHERE u.person = o.name) + \
               (SELECT COUNT(*) FROM passkeys k WHERE k.person = o.name) AS factors FROM people o WHERE o.name = $1";
    ELEVATE_LOGIN = "UPDATE logins SET elevated_until = $3 WHERE client = $1 AND person = $2 AND ended_at IS NULL";
    TIE_SESSION = "INSERT INTO session_logins (session, client) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    TIE_WITHIN = "INSERT INTO session_logins (session, client) SELECT $1, client FROM session_logins WHERE session = $2";
    SESSIONS_OF_LOGIN = "SELECT session FROM session_logins WHERE client = $1 ORDER BY id DESC LIMIT 1000";
    PUT_PASSWORD = "INSERT INTO passwords (person, hash, changed_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (person) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at";
    PASSWORD = "SELECT hash FROM passwords WHERE person = $1";
    REMOVE_PASSWORD = "DELETE FROM passwords WHERE person = $1 \
                       AND EXISTS (SELECT 1 FROM passkeys WHERE passkeys.person = $1)";

    ADD_PASSKEY = "INSERT INTO passkeys (passkey, person, name, public, counter, eligible, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    PASSKEY = passkeys!("WHERE passkey = $1");
    PASSKEYS_OF = passkeys!("WHERE person = $1 ORDER BY id");
    USE_PASSKEY = "UPDATE passkeys SET counter = $2, used_at = $3 \
                   WHERE passkey = $1 AND (counter < $2 OR counter = 0 AND $2 = 0)";
    RENAME_PASSKEY = "UPDATE passkeys SET name = $3 WHERE passkey = $1 AND person = $2";
    REMOVE_PASSKEY = "DELETE FROM passkeys WHERE passkey = $1 AND person = $2 \
                      AND (EXISTS (SELECT 1 FROM passwords WHERE passwords.person = $2) \
                      OR (SELECT COUNT(*) FROM passkeys k WHERE k.person = $2) > 1)";

    OFFER_ONE_TIME_CODE = "INSERT INTO one_time_codes (person, kek, wrapped_key, ciphertext, step, created_at) \
                           VALUES ($1, $2, $3, $4, -1, $5) ON CONFLICT (person) DO UPDATE SET kek = excluded.kek, \
                           wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext, \
                           created_at = excluded.created_at WHERE one_time_codes.step < 0";
    ONE_TIME_CODE = "SELECT kek, wrapped_key, ciphertext, step FROM one_time_codes WHERE person = $1";
    USE_STEP = "UPDATE one_time_codes SET step = $2 WHERE person = $1 AND step < $2";
    REMOVE_ONE_TIME_CODE = "DELETE FROM one_time_codes WHERE person = $1";

    FORGET_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE person = $1";
    ADD_RECOVERY_CODE = "INSERT INTO recovery_codes (person, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    USE_RECOVERY_CODE =
        "UPDATE recovery_codes SET used_at = $3 WHERE person = $1 AND hash = $2 AND used_at IS NULL";
    RECOVERY_CODE =
        "SELECT COUNT(*) FROM recovery_codes WHERE person = $1 AND hash = $2 AND used_at IS NULL";
    RECOVERY_CODES = "SELECT COUNT(*) FROM recovery_codes WHERE person = $1 AND used_at IS NULL";

    COUNT_FAILURE = "INSERT INTO failures (subject, count, last_at) VALUES ($1, 1, $2) \
                     ON CONFLICT (subject) DO UPDATE SET count = failures.count + 1, last_at = excluded.last_at";
    SWEEP_FAILURES = "DELETE FROM failures WHERE last_at < $1";
    FORGET_FAILURES = "DELETE FROM failures WHERE subject = $1";
    FAILURES = "SELECT count, last_at FROM failures WHERE subject = $1";

    ADD_SIGN_IN = "INSERT INTO sign_ins (sign_in, person, hash, method, device, address, created_at, proven_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    SIGN_IN = sign_ins!("WHERE hash = $1");
    SIGN_IN_OF_ID = sign_ins!("WHERE sign_in = $1");
    SIGN_INS = sign_ins!("WHERE person = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id DESC");
    PROVE_SIGN_IN = "UPDATE sign_ins SET proven_at = $2 WHERE sign_in = $1 AND ended_at IS NULL";
    END_SIGN_IN = "UPDATE sign_ins SET ended_at = $2 WHERE sign_in = $1 AND ended_at IS NULL";
    END_SIGN_IN_OF =
        "UPDATE sign_ins SET ended_at = $3 WHERE sign_in = $1 AND person = $2 AND ended_at IS NULL";
    END_SIGN_INS = "UPDATE sign_ins SET ended_at = $2 WHERE person = $1 AND ended_at IS NULL AND sign_in <> $3";

    ADD_CHANNEL = "INSERT INTO channels (channel, name, kind, place, topics, kek, wrapped_key, ciphertext, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    CHANNELS = "SELECT channel, name, kind, place, topics, kek, wrapped_key, ciphertext, created_at FROM channels ORDER BY name";
    REMOVE_CHANNEL = "DELETE FROM channels WHERE channel = $1";
    ADD_DELIVERY = "INSERT INTO deliveries (delivery, channel, notice, attempts, next_at, created_at) \
                    VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING";
    DELIVERIES = "SELECT delivery, channel, notice, attempts, next_at, created_at, done_at, error FROM deliveries \
                  WHERE channel = $1 ORDER BY id DESC LIMIT $2";
    DELIVERIES_DUE = "SELECT delivery, channel, notice, attempts, next_at, created_at, done_at, error FROM deliveries \
                      WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY next_at LIMIT $2";
    TAKE_DELIVERY = "UPDATE deliveries SET attempts = attempts + 1, next_at = $3 \
                     WHERE delivery = $1 AND attempts = $2 AND next_at IS NOT NULL";
    SETTLE_DELIVERY = "UPDATE deliveries SET next_at = $2, done_at = $3, error = $4 \
                       WHERE delivery = $1 AND next_at IS NOT NULL";
    REMOVE_DELIVERIES = "DELETE FROM deliveries WHERE channel = $1";

    ADD_AGENT = "INSERT INTO agents (name, client, key, environments, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING";
    AGENTS = agents!("ORDER BY id");
    AGENT = agents!("WHERE name = $1");
    AGENT_BY_CLIENT = agents!("WHERE client = $1");
    EDIT_AGENT = "UPDATE agents SET environments = $3 WHERE name = $1 AND environments = $2";
    REMOVE_AGENT = "DELETE FROM agents WHERE name = $1";
    AGENTS_SEEN = "SELECT sessions.agent, sessions.started_at FROM agents JOIN sessions ON sessions.id = \
                   (SELECT MAX(own.id) FROM sessions own WHERE own.agent = agents.name)";
    SESSIONS_OF_AGENT = sessions!("WHERE agent = $1 ORDER BY id DESC LIMIT $2");

    ADD_ENVIRONMENT = "INSERT INTO environments (name, tier, created_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (name) DO UPDATE SET tier = excluded.tier, created_at = excluded.created_at, \
                       removed_at = NULL WHERE environments.removed_at IS NOT NULL";
    ENVIRONMENTS = "SELECT name, tier, created_at FROM environments WHERE removed_at IS NULL ORDER BY id";
    ENVIRONMENT = "SELECT name, tier, created_at FROM environments WHERE name = $1 AND removed_at IS NULL";
    SET_TIER = "UPDATE environments SET tier = $3 WHERE name = $1 AND tier = $2 AND removed_at IS NULL";
    REMOVE_ENVIRONMENT = "UPDATE environments SET removed_at = $2 WHERE name = $1 AND removed_at IS NULL \
                          AND NOT EXISTS (SELECT 1 FROM selectors WHERE environment = $1) \
                          AND NOT EXISTS (SELECT 1 FROM credentials WHERE environment = $1 AND revoked_at IS NULL) \
                          AND NOT EXISTS (SELECT 1 FROM sessions WHERE environment = $1 AND ended_at IS NULL)";
    ENVIRONMENT_OF = "SELECT e.name, e.tier, e.created_at FROM environments e JOIN selectors s ON s.environment = e.name \
                      WHERE e.removed_at IS NULL AND s.provider = $1 AND s.kind = $2 AND s.resource = $3";
    ADD_SELECTOR = "INSERT INTO selectors (environment, provider, kind, resource) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT DO NOTHING";
    REMOVE_SELECTOR =
        "DELETE FROM selectors WHERE environment = $1 AND provider = $2 AND kind = $3 AND resource = $4";
    SELECTORS = "SELECT environment, provider, kind, resource FROM selectors ORDER BY id";
    SELECTORS_OF =
        "SELECT environment, provider, kind, resource FROM selectors WHERE environment = $1 ORDER BY id";

    ADD_CREDENTIAL = "INSERT INTO credentials (credential, name, provider, kind, environment, upstream, version, \
                      fingerprint, created_at, revoked_at, captured) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                      ON CONFLICT DO NOTHING";
    USE_VERSION = "UPDATE credentials SET version = $2, fingerprint = $3 \
                   WHERE credential = $1 AND version = $2 - 1 AND revoked_at IS NULL";
    NOTE_USE = "UPDATE credentials SET used_at = $2 WHERE credential = $1 AND (used_at IS NULL OR used_at < $2)";
    USES = "SELECT credential, used_at FROM credentials WHERE used_at IS NOT NULL";
    REVOKE_CREDENTIAL = "UPDATE credentials SET revoked_at = $2 WHERE credential = $1 AND revoked_at IS NULL";
    KEEP_CREDENTIAL = "UPDATE credentials SET captured = $2 \
                       WHERE credential = $1 AND captured IS NOT NULL AND revoked_at IS NULL";
    ADD_FINGERPRINT = "INSERT INTO fingerprints (fingerprint, credential, version) VALUES ($1, $2, $3) \
                       ON CONFLICT DO NOTHING";
    FINGERPRINTS = "SELECT fingerprint, credential, version FROM fingerprints ORDER BY id";
    CREDENTIALS = credentials!("ORDER BY id");
    CREDENTIAL = credentials!("WHERE name = $1");
    ADD_SECRET = "INSERT INTO secrets (credential, version, kek, wrapped_key, ciphertext, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    SECRET = secrets!("AND s.credential = $1 AND s.version = $2");
    SECRETS = secrets!("ORDER BY s.id");

    ADD_SESSION = "INSERT INTO sessions (session, environment, tier, agent, subject, key, jkt, grants, confinement, command, \
                   heartbeat, parent, started_at, expires_at, ended_at, end_reason) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING";
    END_SESSION = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE session = $1 AND ended_at IS NULL";
    SESSION = sessions!("WHERE session = $1");
    SESSIONS = sessions!("ORDER BY id DESC LIMIT $1");
    SESSIONS_LIVE = sessions!("WHERE ended_at IS NULL ORDER BY id DESC LIMIT $1");
    SESSIONS_FILTERED = sessions!(
        "WHERE id < COALESCE((SELECT id FROM sessions WHERE session = $1), 9223372036854775807) \
         AND ($2 = '' OR agent = $2) AND ($3 = '' OR environment = $3) \
         AND ($4 = '' OR ($4 = 'live' AND ended_at IS NULL) OR ($4 = 'ended' AND ended_at IS NOT NULL)) \
         ORDER BY id DESC LIMIT $5"
    );
    SESSIONS_WITHIN = sessions!("WHERE parent = $1 ORDER BY id");
    COUNT_WITHIN = "SELECT COUNT(*) FROM sessions WHERE parent = $1 AND ended_at IS NULL";
    SESSIONS_ORPHANED = sessions!(
        "WHERE parent IS NOT NULL AND ended_at IS NULL AND EXISTS (SELECT 1 FROM sessions outer_session \
         WHERE outer_session.session = sessions.parent AND outer_session.ended_at IS NOT NULL) ORDER BY id LIMIT $1"
    );
    COUNT_LIVE = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";

    ADD_APPROVAL = "INSERT INTO approvals (approval, state, session, environment, agent, subject, credential, request, \
                    digest, operations, class, resources, lift, requested_at, expires_at, decided_by, decided_at, reason, \
                    agent_reason) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
                    ON CONFLICT DO NOTHING";
    DECIDE_APPROVAL = "UPDATE approvals SET state = $2, decided_by = $3, decided_at = $4, reason = $5 \
                       WHERE approval = $1 AND state = 'waiting' AND expires_at > $4";
    USE_APPROVAL =
        "UPDATE approvals SET state = 'used' WHERE approval = $1 AND state = 'approved' AND expires_at > $2";
    EXPIRE_APPROVAL = "UPDATE approvals SET state = 'expired' \
                       WHERE approval = $1 AND state IN ('waiting', 'approved') AND expires_at <= $2";
    APPROVAL = approvals!("WHERE approval = $1");
    APPROVALS = approvals!("ORDER BY id DESC LIMIT $1");
    APPROVALS_IN = approvals!("WHERE state = $2 ORDER BY id DESC LIMIT $1");
    APPROVALS_FOR = approvals!("WHERE session = $1 AND digest = $2 ORDER BY id DESC");
    APPROVALS_OF_SESSION = approvals!("WHERE session = $1 ORDER BY id DESC LIMIT $2");
    COUNT_WAITING = "SELECT COUNT(*) FROM approvals WHERE state = 'waiting'";
    COUNT_WAITING_OF =
        "SELECT COUNT(*) FROM approvals WHERE session = $1 AND state = 'waiting' AND expires_at > $2";
    SHORTEN_APPROVAL = "UPDATE approvals SET expires_at = $2 \
                        WHERE approval = $1 AND state = 'approved' AND expires_at >= $2";
    ADD_VOTE = "INSERT INTO votes (approval, person, at, good_for) SELECT approval, $2, $3, $4 FROM approvals \
                WHERE approval = $1 AND state = 'waiting' AND expires_at > $3 ON CONFLICT DO NOTHING";
    VOTES = "SELECT approval, person, at, good_for FROM votes WHERE approval = $1 ORDER BY id";
    VOTES_OF_RECENT = "SELECT approval, person, at, good_for FROM votes WHERE approval IN \
                       (SELECT approval FROM approvals ORDER BY id DESC LIMIT $1) ORDER BY id";

    ADD_ALERT = "INSERT INTO alerts (kind, at, session, agent, environment, record, detail) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    ALERTS = "SELECT id, kind, at, session, agent, environment, record, detail FROM alerts \
              WHERE id < $1 ORDER BY id DESC LIMIT $2";
    ALERTS_OF_KIND = "SELECT id, kind, at, session, agent, environment, record, detail FROM alerts \
                      WHERE id < $1 AND kind = $3 ORDER BY id DESC LIMIT $2";
    ALERTS_SEEN = "SELECT alert FROM alerts_seen WHERE person = $1";
    COUNT_ALERTS = "SELECT COUNT(*) FROM (SELECT id FROM alerts WHERE id > $1 LIMIT 100) AS unseen";
    SEE_ALERTS = "INSERT INTO alerts_seen (person, alert) VALUES ($1, $2) ON CONFLICT (person) \
                  DO UPDATE SET alert = excluded.alert WHERE alerts_seen.alert < excluded.alert";

    POLICY_REVISION = "SELECT revision FROM policy_revision WHERE id = 1";
    MOVE_POLICIES = "UPDATE policy_revision SET revision = revision + 1 WHERE id = 1 AND revision = $1";
    ADD_POLICY = "INSERT INTO policy_versions (name, version, text, tests, note, state, base, person, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    RETIRE_POLICY = "UPDATE policy_versions SET state = 'superseded' \
                     WHERE name = $1 AND version = $2 AND state = 'active'";
    DECIDE_POLICY = "UPDATE policy_versions SET state = $3, decided_by = $4, decided_at = $5 \
                     WHERE name = $1 AND version = $2 AND state = 'proposed'";
    POLICIES_IN_USE = policies!("WHERE state IN ('active', 'proposed') ORDER BY name, version");
    POLICY_VERSIONS = policies!("WHERE name = $1 ORDER BY version DESC LIMIT $2");
    POLICY_VERSION = policies!("WHERE name = $1 AND version = $2");

    REMEMBERED = "SELECT seq, keys FROM remembered WHERE seq > $1 ORDER BY seq LIMIT $2";
    SWEEP_REMEMBERED = "DELETE FROM remembered WHERE seq IN \
                        (SELECT seq FROM remembered WHERE until < $1 ORDER BY until LIMIT $2)";
    REVOKE_TOKEN = "INSERT INTO revoked_tokens (jti, until) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    TOKEN_REVOKED = "SELECT jti FROM revoked_tokens WHERE jti = $1";
    SWEEP_REVOKED = "DELETE FROM revoked_tokens WHERE id IN \
                     (SELECT id FROM revoked_tokens WHERE until < $1 ORDER BY until LIMIT $2)";

    SET_SETUP_TOKEN = "INSERT INTO setup_token (id, hash, used) VALUES (1, $1, FALSE) \
                       ON CONFLICT (id) DO UPDATE SET hash = excluded.hash WHERE setup_token.used = FALSE";
    USE_SETUP_TOKEN = "UPDATE setup_token SET used = TRUE WHERE hash = $1 AND used = FALSE";
    SETUP_TOKEN = "SELECT hash FROM setup_token WHERE used = FALSE";
    PUT_SEAL = "INSERT INTO seal (id, record) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET record = excluded.record";
    SEAL = "SELECT record FROM seal";

    PUT_KEY = "INSERT INTO keys (kid, purpose, kek, wrapped_key, ciphertext, public, created_at, retired_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kid) DO UPDATE SET purpose = excluded.purpose, \
               kek = excluded.kek, wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext, \
               public = excluded.public, created_at = excluded.created_at, retired_at = excluded.retired_at";
    KEYS = "SELECT kid, purpose, kek, wrapped_key, ciphertext, public, created_at, retired_at FROM keys \
            WHERE purpose = $1 ORDER BY id";

    HEAD = "SELECT seq, hash FROM chain_head WHERE id = 1";
    ADD_CHECKPOINT = "INSERT INTO checkpoints (seq, hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5) \
                      ON CONFLICT DO NOTHING";
    CHECKPOINTS = "SELECT seq, hash, at, key_id, signature FROM checkpoints ORDER BY seq";
    LAST_CHECKPOINT = "SELECT seq, hash, at, key_id, signature FROM checkpoints ORDER BY seq DESC LIMIT 1";
    RECORDS = records!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_KIND = records!("WHERE seq < $1 AND kind = $3 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_SESSION = records!("WHERE seq < $1 AND session = $3 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_BOTH = records!("WHERE seq < $1 AND session = $3 AND kind = $4 ORDER BY seq DESC LIMIT $2");
    RECORDS_FROM = records!("WHERE seq >= $1 ORDER BY seq LIMIT $2");

    ROLLED_UP = "SELECT seq FROM rolled_up WHERE id = 1";
    MOVE_ROLLED_UP = "UPDATE rolled_up SET seq = $2 WHERE id = 1 AND seq = $1";
    ROLLUPS = "SELECT at, value, count FROM rollups \
               WHERE span = $1 AND dimension = $2 AND at >= $3 AND at < $4 ORDER BY at, value";
    ROLLUP_TOP = "SELECT value, CAST(SUM(count) AS BIGINT) AS count FROM rollups \
                  WHERE span = $1 AND dimension = $2 AND at >= $3 AND at < $4 \
                  GROUP BY value ORDER BY 2 DESC, value LIMIT $5";
    ROLLUP_VALUES = "SELECT value FROM rollups WHERE span = $1 AND dimension = $2 AND at = $3";
    SWEEP_ROLLUPS = "DELETE FROM rollups WHERE span = $1 AND at < $2";
    RECORD_AT_OR_AFTER = "SELECT seq, at FROM audit_records WHERE seq >= $1 ORDER BY seq LIMIT 1";
    FACT_BACK = "SELECT seq FROM audit_index WHERE fact = $1 AND seq < $2 AND seq > $3 \
                 ORDER BY seq DESC LIMIT 1 OFFSET $4";
    FACT_ON = "SELECT seq FROM audit_index WHERE fact = $1 AND seq < $2 AND seq > $3 ORDER BY seq LIMIT 1 OFFSET $4";

    SAVEPOINT = "SAVEPOINT job";
    RELEASE = "RELEASE SAVEPOINT job";
    ROLLBACK_TO = "ROLLBACK TO SAVEPOINT job";
    ROLLBACK = "ROLLBACK";
    COMMIT = "COMMIT";
}

/// The whole database into a file that is not there, or is empty.
pub(super) const COPY_SQLITE: &str = "VACUUM INTO $1";
/// Everything into the database file itself: whether somebody else is in the way, and two counts.
pub(super) const FOLD_SQLITE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
/// Reads every page: `ok`, or what is wrong first.
pub(super) const CHECK_SQLITE: &str = "PRAGMA quick_check(1)";

/// Opens a transaction that holds the write lock and reads the head of the chain, in one step.
pub(super) const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE; SELECT seq, hash FROM chain_head WHERE id = 1";

/// The row lock makes one chain of what several brokers write into one database, and orders their transactions.
pub(super) const BEGIN_POSTGRES: &str = "BEGIN; SELECT seq, hash FROM chain_head WHERE id = 1 FOR UPDATE";

/// A database may be set up to answer before it has written: not for this connection.
pub(super) const DURABLE_POSTGRES: &str = "SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'";
