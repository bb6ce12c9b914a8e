//! What people see: tables and lines on stdout, notes on stderr.
//!
//! Text that came over the wire may have been chosen by an agent (names of resources, reasons), so nothing is printed
//! before control characters are taken out: no name can move the cursor, colour a line or turn it around.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::exit::Failure;

/// One line on stdout.
pub fn line(text: impl Display) {
    for line in text.to_string().split('\n') {
        write(&clean(line));
    }
}

/// One JSON document on stdout.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        Failure::new(crate::exit::FAILURE, format!("the answer cannot be shown: {error}"))
    })?;
    write(&text);
    Ok(())
}

/// Aligned columns on stdout.
pub fn table(columns: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { clean(cell) }));
    }
    for line in table.lines() {
        // The preset puts one space before each column.
        write(line.strip_prefix(' ').unwrap_or(&line).trim_end());
    }
}

/// Names and values below each other on stdout.
pub fn pairs(pairs: &[(&str, String)]) {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        line(format!("{name:width$}  {value}"));
    }
}

/// Something to know, on stderr: lower case, no full stop.
pub fn note(text: impl Display) {
    // A closed stderr is nothing to fail for.
    let _ = writeln!(io::stderr(), "stint: {}", clean(&text.to_string()));
}

/// How long work goes on, on stderr, in one line that the next call replaces: at a terminal only.
pub fn progress(text: impl Display) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\u{1b}[Kstint: {}", clean(&text.to_string()));
    }
}

/// The line of `progress` is over.
pub fn progress_done() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\u{1b}[K");
    }
}

/// What to do next, on stderr.
pub fn hint(text: impl Display) {
    let _ = writeln!(io::stderr(), "hint: {}", clean(&text.to_string()));
}

pub fn failure(failure: &Failure) {
    note(&failure.message);
    for text in &failure.hints {
        hint(text);
    }
}

/// `in 9m`, `3h ago`, `now`.
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (at - now).num_seconds();
    let size = match seconds.unsigned_abs() {
        0..=1 => return "now".to_owned(),
        size @ 2..=119 => format!("{size}s"),
        size @ 120..=7199 => format!("{}m", size / 60),
        size @ 7200..=172_799 => format!("{}h", size / 3600),
        size => format!("{}d", size / 86_400),
    };
    if seconds > 0 { format!("in {size}") } else { format!("{size} ago") }
}

/// Without control characters and without those that reorder text.
pub fn clean(text: &str) -> String {
    let harmless = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect()
}

fn write(line: &str) {
    // A reader that has enough (`| head`) is no failure, and `println!` would panic.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_name_cannot_write_to_the_terminal() {
        assert_eq!(
            clean("a\u{1b}[2Jb\r\nc\u{202e}d\u{7}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(clean("größe ✓"), "größe ✓");
    }

    #[test]
    fn times_are_said_in_words() {
        let now = DateTime::UNIX_EPOCH;
        let said = |seconds| relative(now + TimeDelta::seconds(seconds), now);
        assert_eq!(
            [said(0), said(30), said(600), said(-7300), said(-200_000)],
            ["now", "in 30s", "in 10m", "2h ago", "2d ago"]
        );
    }
}
