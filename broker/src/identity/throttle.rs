//! How long to wait after attempts that failed (NIST SP 800-63B-4 s3.2.2).

/// Attempts at one name that cost nothing but the try.
pub const FREE_BY_NAME: u32 = 5;
/// The same from one address, where several people may be.
pub const FREE_BY_ADDRESS: u32 = 20;
/// Nobody waits longer, so that nobody is locked out for good by somebody else.
const LONGEST: i64 = 15 * 60;
const FIRST: i64 = 5;

/// Seconds from the last failure until the next attempt is looked at: 5, 10, 20 … 15 minutes.
pub fn wait(failures: u32, free: u32) -> i64 {
    match failures.checked_sub(free) {
        None => 0,
        Some(over) => FIRST.saturating_mul(1i64.checked_shl(over.min(20)).unwrap_or(i64::MAX)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_and_then_waits_grow_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (0..16).map(|failures| wait(failures, FREE_BY_NAME)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        assert_eq!(wait(u32::MAX, FREE_BY_NAME), 900);
    }
}
