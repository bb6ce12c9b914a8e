use super::drive::Driven;
use super::row::Row;

const BEGIN: &str = "<!-- begin: written by tests/clients/run -->";
const END: &str = "<!-- end -->";

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
        let reached = row.reads.is_some() || row.learns;
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

/// The document with the table between its two marks. An error where the marks are not there.
pub fn replace(document: &str, entries: &[Entry]) -> Result<String, String> {
    let missing = || format!("there is no '{BEGIN}' with an '{END}' after it");
    let (before, rest) = document.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    let mut table = String::from(
        "| Client | Version | Without proxy variables | Trusts by | HTTP | Tried: read, then destroy | Notes |\n|---|---|---|---|---|---|---|\n",
    );
    for entry in entries {
        table.push_str(&entry.line());
        table.push('\n');
    }
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_table_stays() {
        let document = format!("# Clients\n\n{BEGIN}\nold\n{END}\n\nEnd.\n");
        let written = replace(&document, &[]).unwrap();
        assert!(
            written.starts_with("# Clients\n\n") && written.ends_with(&format!("|\n{END}\n\nEnd.\n")),
            "{written}"
        );
        assert_eq!(replace(&written, &[]).unwrap(), written);
        assert!(replace("nothing", &[]).is_err());
    }
}
