//! Every statement. Each is one text for both databases, except the few that open and close a transaction.
//!
//! Columns are always named. `LIKE` never appears: it ignores case on one database and not on the other.

use std::fmt::Write as _;

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
    "SELECT credential, name, provider, kind, environment, upstream, version, fingerprint, created_at, revoked_at \
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
macro_rules! device_codes { ($rest:literal) => { concat!(
    "SELECT hash, user_code, key, jkt, device, program, address, state, person, created_at, expires_at \
     FROM device_codes ", $rest) } }
macro_rules! sessions { ($rest:literal) => { concat!(
    "SELECT session, environment, tier, agent, subject, key, jkt, grants, confined, command, heartbeat, started_at, \
     expires_at, ended_at, end_reason FROM sessions ", $rest) } }
macro_rules! approvals { ($rest:literal) => { concat!(
    "SELECT approval, state, session, environment, agent, subject, credential, request, digest, operations, class, \
     resources, lift, requested_at, expires_at, decided_by, decided_at, reason FROM approvals ", $rest) } }
macro_rules! records {
    ($rest:literal) => {
        concat!("SELECT seq, hash, body FROM audit_records ", $rest)
    };
}

statements! {
    ADD_PERSON = "INSERT INTO people (name, role, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    PEOPLE = people!("ORDER BY id");
    PERSON = people!("WHERE name = $1");

    ADD_LOGIN = "INSERT INTO logins (client, person, key, device, created_at, kind) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT DO NOTHING";
    LOGIN = "SELECT client, person, key, device, created_at, kind FROM logins WHERE client = $1";

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
                      (SELECT COUNT(*) FROM passkeys k WHERE k.person = l.person) AS factors \
                      FROM logins l WHERE l.client = $1";
    FACTORS = "SELECT (SELECT COUNT(*) FROM passwords p WHERE p.person = o.name) + \
               (SELECT COUNT(*) FROM passkeys k WHERE k.person = o.name) AS factors FROM people o WHERE o.name = $1";
    ELEVATE_LOGIN = "UPDATE logins SET elevated_until = $3 WHERE client = $1 AND person = $2 AND ended_at IS NULL";
    END_LOGIN = "UPDATE logins SET ended_at = $3 WHERE client = $1 AND person = $2 AND ended_at IS NULL";
    TIE_SESSION = "INSERT INTO session_logins (session, client) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    SESSIONS_OF_LOGIN = "SELECT session FROM session_logins WHERE client = $1 ORDER BY id DESC LIMIT 1000";
    ADD_CONSOLE_LINK = "INSERT INTO console_links (hash, person, created_at, expires_at) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT DO NOTHING";
    DROP_CONSOLE_LINKS = "UPDATE console_links SET used_at = $2 WHERE person = $1 AND used_at IS NULL";
    USE_CONSOLE_LINK = "UPDATE console_links SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2";
    CONSOLE_LINK = "SELECT person FROM console_links WHERE hash = $1 AND used_at IS NULL AND expires_at > $2";

    PUT_PASSWORD = "INSERT INTO passwords (person, hash, changed_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (person) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at";
    PASSWORD = "SELECT hash FROM passwords WHERE person = $1";

    ADD_SIGN_IN = "INSERT INTO sign_ins (sign_in, person, hash, method, device, address, created_at, proven_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    SIGN_IN = sign_ins!("WHERE hash = $1");
    SIGN_INS = sign_ins!("WHERE person = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id DESC");
    PROVE_SIGN_IN = "UPDATE sign_ins SET proven_at = $2 WHERE sign_in = $1 AND ended_at IS NULL";
    END_SIGN_IN = "UPDATE sign_ins SET ended_at = $2 WHERE sign_in = $1 AND ended_at IS NULL";

    ADD_AGENT = "INSERT INTO agents (name, client, key, environments, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING";
    AGENTS = agents!("ORDER BY id");
    AGENT = agents!("WHERE name = $1");
    AGENT_BY_CLIENT = agents!("WHERE client = $1");

    ADD_ENVIRONMENT = "INSERT INTO environments (name, tier, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    ENVIRONMENTS = "SELECT name, tier, created_at FROM environments ORDER BY id";
    ENVIRONMENT = "SELECT name, tier, created_at FROM environments WHERE name = $1";
    ENVIRONMENT_OF = "SELECT e.name, e.tier, e.created_at FROM environments e JOIN selectors s ON s.environment = e.name \
                      WHERE s.provider = $1 AND s.kind = $2 AND s.resource = $3";
    ADD_SELECTOR = "INSERT INTO selectors (environment, provider, kind, resource) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT DO NOTHING";
    REMOVE_SELECTOR =
        "DELETE FROM selectors WHERE environment = $1 AND provider = $2 AND kind = $3 AND resource = $4";
    SELECTORS = "SELECT environment, provider, kind, resource FROM selectors ORDER BY id";
    SELECTORS_OF =
        "SELECT environment, provider, kind, resource FROM selectors WHERE environment = $1 ORDER BY id";

    ADD_CREDENTIAL = "INSERT INTO credentials (credential, name, provider, kind, environment, upstream, version, \
                      fingerprint, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                      ON CONFLICT DO NOTHING";
    USE_VERSION = "UPDATE credentials SET version = $2, fingerprint = $3 \
                   WHERE credential = $1 AND version = $2 - 1 AND revoked_at IS NULL";
    REVOKE_CREDENTIAL = "UPDATE credentials SET revoked_at = $2 WHERE credential = $1 AND revoked_at IS NULL";
    CREDENTIALS = credentials!("ORDER BY id");
    CREDENTIAL = credentials!("WHERE name = $1");
    ADD_SECRET = "INSERT INTO secrets (credential, version, kek, wrapped_key, ciphertext, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    SECRET = secrets!("AND s.credential = $1 AND s.version = $2");
    SECRETS = secrets!("ORDER BY s.id");

    ADD_SESSION = "INSERT INTO sessions (session, environment, tier, agent, subject, key, jkt, grants, confined, command, \
                   heartbeat, started_at, expires_at, ended_at, end_reason) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";
    END_SESSION = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE session = $1 AND ended_at IS NULL";
    SESSION = sessions!("WHERE session = $1");
    SESSIONS = sessions!("ORDER BY id DESC LIMIT $1");
    SESSIONS_LIVE = sessions!("WHERE ended_at IS NULL ORDER BY id DESC LIMIT $1");
    COUNT_LIVE = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";

    ADD_APPROVAL = "INSERT INTO approvals (approval, state, session, environment, agent, subject, credential, request, \
                    digest, operations, class, resources, lift, requested_at, expires_at, decided_by, decided_at, reason) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
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
    COUNT_WAITING = "SELECT COUNT(*) FROM approvals WHERE state = 'waiting'";

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
    RECORDS = records!("WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_KIND = records!("WHERE seq < $1 AND kind = $3 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_SESSION = records!("WHERE seq < $1 AND session = $3 ORDER BY seq DESC LIMIT $2");
    RECORDS_OF_BOTH = records!("WHERE seq < $1 AND session = $3 AND kind = $4 ORDER BY seq DESC LIMIT $2");
    RECORDS_FROM = records!("WHERE seq >= $1 ORDER BY seq LIMIT $2");

    SAVEPOINT = "SAVEPOINT job";
    RELEASE = "RELEASE SAVEPOINT job";
    ROLLBACK_TO = "ROLLBACK TO SAVEPOINT job";
    ROLLBACK = "ROLLBACK";
    COMMIT = "COMMIT";
}

/// Opens a transaction that holds the write lock and reads the head of the chain, in one step.
pub(super) const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE; SELECT seq, hash FROM chain_head WHERE id = 1";

/// The row lock makes one chain of what several brokers write into one database, and orders their transactions.
pub(super) const BEGIN_POSTGRES: &str = "BEGIN; SELECT seq, hash FROM chain_head WHERE id = 1 FOR UPDATE";

/// A database may be set up to answer before it has written: not for this connection.
pub(super) const DURABLE_POSTGRES: &str = "SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'";

/// Rows of one multi-row statement: exact up to 32, so that few texts exist and each stays prepared.
pub(super) fn chunk(rows: usize) -> usize {
    [256, 64, 32].into_iter().find(|size| rows >= *size).unwrap_or(rows)
}

/// Appends so many records to the chain: six arguments each.
pub fn append(rows: usize) -> String {
    let mut text = "INSERT INTO audit_records (seq, hash, at, kind, session, body) VALUES ".to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=RECORD_COLUMNS {
            let comma = if column == 1 { "" } else { ", " };
            let _ = write!(text, "{comma}${}", row * RECORD_COLUMNS + column);
        }
        text.push(')');
    }
    text
}

/// The end of a batch, or all of it, in one step: moves the head from one place to another (four arguments), and with
/// `remember` keeps what was used (three), after the arguments of the records.
///
/// Where the head is not where the writer believes it to be, the new hash is NULL, which the table refuses: nothing is
/// written then. With `whole` the text opens its own transaction; on PostgreSQL it is one statement, which is one.
pub fn finish_sqlite(rows: usize, remember: bool, whole: bool) -> String {
    let (head, used) = ends(rows, "");
    let begin = if whole { "BEGIN IMMEDIATE; " } else { "" };
    let used = if remember { format!("; {used}") } else { String::new() };
    format!("{begin}{head}; {}{used}; COMMIT", append(rows))
}

pub fn finish_postgres(rows: usize, remember: bool) -> String {
    let (head, used) = ends(rows, "::bytea");
    let used = if remember { format!(", used AS ({used})") } else { String::new() };
    format!("WITH added AS ({}){used} {head}", append(rows))
}

const RECORD_COLUMNS: usize = 6;

/// `cast`: the type of the new hash, where the database does not see it by itself.
fn ends(rows: usize, cast: &str) -> (String, String) {
    let n = rows * RECORD_COLUMNS;
    let head = format!(
        "UPDATE chain_head SET seq = ${}, hash = CASE WHEN seq = ${} AND hash = ${} THEN ${}{cast} END WHERE id = 1",
        n + 1,
        n + 3,
        n + 4,
        n + 2
    );
    let used =
        format!("INSERT INTO remembered (seq, until, keys) VALUES (${}, ${}, ${})", n + 5, n + 6, n + 7);
    (head, used)
}

#[cfg(test)]
mod tests {
    use super::{append, chunk, finish_sqlite};

    #[test]
    fn generated_texts_number_their_arguments_through() {
        assert!(append(3).ends_with("($13, $14, $15, $16, $17, $18)"));
        assert!(finish_sqlite(1, true, true).starts_with(
            "BEGIN IMMEDIATE; UPDATE chain_head SET seq = $7, hash = CASE WHEN seq = $9 AND hash = $10 THEN $8 END \
             WHERE id = 1; INSERT"
        ));
        assert!(finish_sqlite(1, true, false).ends_with("VALUES ($11, $12, $13); COMMIT"));
    }

    #[test]
    fn chunks_cover_any_number_of_rows() {
        for rows in 1..600 {
            let (mut left, mut steps) = (rows, 0);
            while left > 0 {
                left -= chunk(left);
                steps += 1;
            }
            assert!(steps <= 6, "{rows} rows took {steps} statements");
        }
    }
}
