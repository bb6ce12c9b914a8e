use std::time::Duration;

use stint::output::clean;

use super::voice::{Paint, Voice, wrap};

/// Widths of what was tried, what happened and why; with the mark and the spaces, 100 columns.
const TRIED: usize = 37;
const HAPPENED: usize = 27;
const WHY: usize = 30;

/// What was tried and what happened.
#[derive(Debug, Default)]
pub(super) struct Table {
    sections: Vec<(&'static str, Vec<Row>)>,
}

/// One thing that was tried. It is as it should be when it has no faults.
#[derive(Debug)]
pub(super) struct Row {
    tried: String,
    happened: String,
    why: String,
    faults: Vec<String>,
    lost: bool,
}

impl Row {
    pub(super) fn new(tried: impl Into<String>, happened: impl Into<String>, why: impl Into<String>) -> Self {
        Row { tried: tried.into(), happened: happened.into(), why: why.into(), faults: vec![], lost: false }
    }

    /// Unless `holds`, this row is not as it should be, for this reason.
    pub(super) fn expect(mut self, holds: bool, otherwise: impl Into<String>) -> Self {
        if !holds {
            self.faults.push(otherwise.into());
        }
        self
    }

    /// It is as the story tells it, and it is a loss.
    pub(super) fn lost(mut self) -> Self {
        self.lost = true;
        self
    }
}

impl Table {
    pub(super) fn section(&mut self, title: &'static str) {
        self.sections.push((title, Vec::new()));
    }

    /// To the last section.
    pub(super) fn push(&mut self, row: Row) {
        if self.sections.is_empty() {
            self.section("");
        }
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(row);
        }
    }

    pub(super) fn is_as_it_should_be(&self) -> bool {
        !self.is_empty() && self.rows().all(|row| row.faults.is_empty())
    }

    pub(super) fn show(&self, voice: &Voice, elapsed: Duration) {
        voice.title("What was tried, and what happened");
        voice.line("");
        let head = format!("  {:TRIED$}  {:HAPPENED$}  {}", "TRIED", "HAPPENED", "WHY");
        voice.line(&voice.paint(Paint::Dim, &head));
        for (title, rows) in &self.sections {
            voice.line(&voice.paint(Paint::Bold, title));
            for row in rows {
                show(voice, row);
            }
        }
        voice.line("");
        let faulty: Vec<&Row> = self.rows().filter(|row| !row.faults.is_empty()).collect();
        for row in &faulty {
            let text = format!("not as it should be: {}: {}", row.tried, row.faults.join("; "));
            voice.line(&voice.paint(Paint::Bad, &clean(&text)));
        }
        let total = self.rows().count();
        let paint = if faulty.is_empty() { Paint::Good } else { Paint::Bad };
        let summary = format!(
            "{} of {total} as they should be, in {:.1} s",
            total - faulty.len(),
            elapsed.as_secs_f64()
        );
        voice.line(&voice.paint(paint, &summary));
    }

    fn is_empty(&self) -> bool {
        self.rows().next().is_none()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|(_, rows)| rows)
    }
}

fn show(voice: &Voice, row: &Row) {
    let cell = |text: &str, width| wrap(&clean(text), width);
    let cells = [cell(&row.tried, TRIED), cell(&row.happened, HAPPENED), cell(&row.why, WHY)];
    let [tried, happened, why] = &cells;
    let (mark, paint) = match row {
        _ if !row.faults.is_empty() => ("✗", Paint::Bad),
        _ if row.lost => ("✓", Paint::Bad),
        _ => ("✓", Paint::Plain),
    };
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..height {
        let part = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        let mark = match at {
            0 if row.faults.is_empty() => voice.paint(Paint::Good, mark),
            0 => voice.paint(Paint::Bad, mark),
            _ => " ".to_owned(),
        };
        // Padded before it is painted: escape codes have no width.
        let happened = voice.paint(paint, &format!("{:HAPPENED$}", part(happened)));
        let why = voice.paint(Paint::Dim, &part(why));
        let line = format!("{mark} {:TRIED$}  {happened}  {why}", part(tried));
        voice.line(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_fault_spoils_the_whole_table() {
        let mut table = Table::default();
        assert!(!table.is_as_it_should_be(), "a table of nothing shows nothing");
        table.push(Row::new("a", "b", "c").expect(true, "never said"));
        assert!(table.is_as_it_should_be());
        table.push(Row::new("a", "b", "c").expect(false, "it got through"));
        assert!(!table.is_as_it_should_be());
    }
}
