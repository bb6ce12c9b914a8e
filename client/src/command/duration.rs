use std::time::Duration;

/// `90s`, `15m`, `1h`, `1h30m`, `2d`; a bare number is seconds.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("'{text}' is no duration: write 90s, 15m, 1h or 1h30m");
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(bad)?;
        let number: u64 = number.parse().map_err(|_| bad())?;
        let mut unit = tail.chars();
        let size = match unit.next() {
            None if rest.len() == text.len() => 1,
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(bad()),
        };
        total = number.checked_mul(size).and_then(|seconds| total.checked_add(seconds)).ok_or_else(bad)?;
        rest = unit.as_str();
    }
    if total == 0 { Err(bad()) } else { Ok(Duration::from_secs(total)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "h", "1x", "-1s", "1h30", "1.5h", "99999999999999999999s", "9999999999999999d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
