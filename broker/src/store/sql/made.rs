//! Statements whose text depends on how many rows they are about.

use std::fmt::Write as _;

/// Rows of one multi-row statement: exact up to 32, so that few texts exist and each stays prepared.
pub fn chunk(rows: usize) -> usize {
    [256, 64, 32].into_iter().find(|size| rows >= *size).unwrap_or(rows)
}

/// Appends so many records to the chain: six arguments each.
pub fn append(rows: usize) -> String {
    let values = values(rows, RECORD_COLUMNS);
    format!("INSERT INTO audit_records (seq, hash, at, kind, session, body) VALUES {values}")
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

/// Adds so many facts to the index of the audit: two arguments each.
pub fn index(rows: usize) -> String {
    format!("INSERT INTO audit_index (fact, seq) VALUES {} ON CONFLICT DO NOTHING", values(rows, 2))
}

/// Adds so many counts to what was counted before: five arguments each, no key twice.
pub fn count(rows: usize) -> String {
    format!(
        "INSERT INTO rollups (span, dimension, at, value, count) VALUES {} \
         ON CONFLICT (span, dimension, at, value) DO UPDATE SET count = rollups.count + excluded.count",
        values(rows, 5)
    )
}

/// Records between two positions ($1 over, $2 under) and two times ($3 from, $4 to), at most $5 of them, newest first or
/// (`on`) oldest first. With facts ($7 and on), the first of them is walked, at most $6 steps.
pub fn find(facts: usize, on: bool) -> String {
    let order = if on { "ASC" } else { "DESC" };
    let Some(others) = facts.checked_sub(1) else {
        return format!(
            "SELECT seq, hash, body FROM audit_records WHERE seq > $1 AND seq < $2 AND at >= $3 AND at < $4 \
             ORDER BY seq {order} LIMIT $5"
        );
    };
    // The inner LIMIT says nothing new, and keeps the whole records out of it until all facts are seen to meet.
    let mut text = format!(
        "SELECT r.seq, r.hash, r.body FROM (SELECT d.seq FROM \
         (SELECT seq FROM audit_index WHERE fact = $7 AND seq > $1 AND seq < $2 ORDER BY seq {order} LIMIT $6) d \
         WHERE TRUE"
    );
    for other in 0..others {
        let _ = write!(
            text,
            " AND EXISTS (SELECT 1 FROM audit_index i WHERE i.fact = ${} AND i.seq = d.seq)",
            other + 8
        );
    }
    let _ = write!(
        text,
        " ORDER BY d.seq {order} LIMIT $6) f JOIN audit_records r ON r.seq = f.seq \
         WHERE r.at >= $3 AND r.at < $4 ORDER BY f.seq {order} LIMIT $5"
    );
    text
}

/// `($1, $2), ($3, $4)`
fn values(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            let _ = write!(text, "{comma}${}", row * columns + column);
        }
        text.push(')');
    }
    text
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
