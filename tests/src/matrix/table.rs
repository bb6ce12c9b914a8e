use super::drive::Driven;
use super::row::Row;

const BEGIN: &str = "<!-- begin: written by tests/clients/run -->";
const END: &str = "<!-- end -->";
const HEAD: &str =
    "| Client | Version | Without proxy variables | Trusts by | HTTP | Tried: read, then destroy | Notes |
|---|---|---|---|---|---|---|";

/// A line of the table.
#[derive(Debug, Clone)]
pub struct Entry {
    row: Row,
    driven: Option<Driven>,
}

impl Entry {
    /// `driven` is `None` where there is nothing to drive: the row says why.
    pub fn new(row: Row, driven: Option<Driven>) -> Self {
        Entry { row, driven }
    }

    fn line(&self) -> String {
        let row = &self.row;
        let Some(driven) = &self.driven else {
            let why = row.missing.as_deref().unwrap_or_default();
            return format!("| {} | – | – | – | – | not driven | {why} |", row.name);
        };
        let reached = (row.reads.is_some() || row.learns) && driven.version.is_some();
        let transparent = match (reached, driven.confined, row.transparent) {
            (false, _, _) => "–",
            (_, false, _) => "not tried: nothing is confined here",
            (_, true, true) => "yes",
            (_, true, false) => "no",
        };
        let trust = match (reached, row.trust.is_empty()) {
            (false, _) => "–".to_owned(),
            (true, true) => "the system's store".to_owned(),
            (true, false) => row.trust.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let outcome = if driven.wrong.is_empty() {
            row.note.clone()
        } else {
            format!("**fails**: {}", driven.wrong.join("; "))
        };
        let cells = [
            row.name.as_str(),
            driven.version.as_deref().unwrap_or("–"),
            transparent,
            &trust,
            driven.spoke.as_deref().unwrap_or("–"),
            &row.tried,
            &outcome,
        ];
        let cells: Vec<String> =
            cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |", cells.join(" | "))
    }
}

/// The document with the table between its two marks: a line an entry, or, where it is of some clients alone, as it was but
/// for their lines. An error where the marks or those lines are not there.
pub fn replace(document: &str, entries: &[Entry], whole: bool) -> Result<String, String> {
    let missing = || format!("there is no '{BEGIN}' with an '{END}' after it");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (old, after) = rest.split_once(END).ok_or_else(missing)?;
    let mut lines: Vec<String> = match whole {
        true => HEAD.lines().map(str::to_owned).chain(entries.iter().map(Entry::line)).collect(),
        false => old.trim_matches('\n').lines().map(str::to_owned).collect(),
    };
    for entry in entries {
        let start = format!("| {} |", entry.row.name);
        let line = lines.iter_mut().find(|line| line.starts_with(&start));
        *line.ok_or_else(|| format!("the table has no line of {}: drive all first", entry.row.name))? =
            entry.line();
    }
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_table_stays() {
        let document = format!("# Clients\n\n{BEGIN}\nold\n{END}\n\nEnd.\n");
        let written = replace(&document, &[], true).unwrap();
        assert!(
            written.starts_with("# Clients\n\n") && written.ends_with(&format!("|\n{END}\n\nEnd.\n")),
            "{written}"
        );
        assert_eq!(replace(&written, &[], true).unwrap(), written);
        assert!(replace("nothing", &[], true).is_err());
    }

    #[test]
    fn some_clients_change_their_own_lines_alone() {
        let rows = crate::matrix::rows().unwrap();
        let entries = |count: usize, version: &str| -> Vec<Entry> {
            let driven = Driven { version: Some(version.to_owned()), ..Driven::default() };
            rows.iter().take(count).map(|row| Entry::new(row.clone(), Some(driven.clone()))).collect()
        };
        let whole = replace(&format!("{BEGIN}\n{END}\n"), &entries(3, "1.0"), true).unwrap();
        let part = replace(&whole, &entries(1, "2.0"), false).unwrap();
        assert_eq!((whole.matches("| 1.0 |").count(), whole.lines().count()), (3, 7));
        assert_eq!((part.matches("| 1.0 |").count(), part.matches("| 2.0 |").count()), (2, 1));
        assert_eq!(replace(&part, &entries(1, "1.0"), false).unwrap(), whole);
        assert!(replace(&whole, &entries(4, "1.0"), false).unwrap_err().contains("drive all first"));
    }
}
