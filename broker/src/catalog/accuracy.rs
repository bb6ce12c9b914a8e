//! How well the packs' classes agree with a person's: a sample of operations, labelled by hand, held against the tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Catalog;
use super::pack::PackError;
use crate::model::Class;

const FILE: &str = "labels.tsv";
const HEADER: &str = "pack\toperation\tlabel\tnote";

/// The sample that is kept with the packs.
pub const LABELS: &str = include_str!("../../../policies/packs/labels.tsv");

/// One labelled operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// `stripe:v1/refunds/post`.
    pub operation: String,
    /// What a person said that it is.
    pub label: Class,
    /// What the pack says.
    pub class: Class,
    /// Why the person would not give in, where the two differ.
    pub note: String,
}

impl Labelled {
    /// The pack guards it less than the person would. A write stands under a reveal too, though it is listed above it: in the
    /// policies that ship a write needs nobody, and a reveal does.
    pub fn is_under(&self) -> bool {
        self.class < self.label || (self.label == Class::Reveal && self.class == Class::Write)
    }

    pub fn is_over(&self) -> bool {
        self.class != self.label && !self.is_under()
    }
}

/// Reads the sample against the catalog's tables. An operation that no pack has is an error.
pub fn labelled(catalog: &Catalog, text: &str) -> Result<Vec<Labelled>, PackError> {
    let mut known: BTreeMap<String, Class> = BTreeMap::new();
    for one in catalog.operations() {
        known.entry(one.operation).and_modify(|own| *own = (*own).min(one.class)).or_insert(one.class);
    }
    let mut all: Vec<Labelled> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let wrong = |reason: String| PackError::at(FILE, index + 1, reason);
        if index == 0 {
            if line != HEADER {
                return Err(wrong(format!("the first line is not '{}'", HEADER.replace('\t', " "))));
            }
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let [pack, operation, label, note] = cells.as_slice() else {
            return Err(wrong(format!("{} cells instead of 4", cells.len())));
        };
        let operation = format!("{pack}:{operation}");
        let class =
            known.get(&operation).copied().ok_or_else(|| wrong(format!("no pack has '{operation}'")))?;
        if all.iter().any(|other| other.operation == operation) {
            return Err(wrong(format!("'{operation}' is there twice")));
        }
        let label = label.parse().map_err(|error: String| wrong(error))?;
        all.push(Labelled { operation, label, class, note: (*note).to_owned() });
    }
    Ok(all)
}

/// Rows are what the person said, columns what the packs say.
pub fn matrix(sample: &[Labelled]) -> String {
    let classes: Vec<Class> = Class::ALL.into_iter().filter(|class| *class != Class::Unknown).collect();
    let mut text = format!("{:<18}", "person \\ pack");
    for class in &classes {
        let _ = write!(text, "{:>9}", class.as_str());
    }
    text.push('\n');
    for label in &classes {
        let _ = write!(text, "{:<18}", label.as_str());
        for class in &classes {
            let count = sample.iter().filter(|one| one.label == *label && one.class == *class).count();
            let _ = write!(text, "{count:>9}");
        }
        text.push('\n');
    }
    let under = sample.iter().filter(|one| one.is_under()).count();
    let over = sample.iter().filter(|one| one.is_over()).count();
    let _ = writeln!(
        text,
        "{} operations: {} agree, {under} guarded less than the person would, {over} guarded more",
        sample.len(),
        sample.len() - under - over,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::BUILTIN;

    #[test]
    fn nothing_in_the_sample_is_guarded_less_than_a_person_would() {
        let sample = labelled(&BUILTIN, LABELS).unwrap();
        assert!(sample.len() >= 600, "{} operations are labelled", sample.len());
        let under: Vec<&Labelled> = sample.iter().filter(|one| one.is_under()).collect();
        assert!(under.is_empty(), "{under:#?}");
        let page = include_str!("../../../policies/packs/ACCURACY.md");
        assert!(page.contains(&matrix(&sample)), "ACCURACY.md does not say:\n{}", matrix(&sample));
    }

    #[test]
    fn a_sample_is_read_whole_or_not_at_all() {
        let read = |row: &str| labelled(&BUILTIN, &format!("{HEADER}\n{row}\n"));
        assert_eq!(read("github\trepos/delete\tdestroy\t").unwrap()[0].class, Class::Destroy);
        for wrong in
            ["github\tnothing\tread\t", "github\trepos/delete\tharmless\t", "github\trepos/delete\tread"]
        {
            assert_eq!(read(wrong).unwrap_err().row, Some(2), "{wrong}");
        }
        assert!(labelled(&BUILTIN, "pack\n").is_err());
        let under = Labelled {
            operation: String::new(),
            label: Class::Reveal,
            class: Class::Write,
            note: String::new(),
        };
        assert!(under.is_under() && !under.is_over());
    }
}
