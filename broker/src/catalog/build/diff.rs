//! What a new version of a description changes in a pack.

use std::collections::BTreeMap;
use std::fmt;

/// One difference between two tables of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Appeared {
        operation: String,
        class: String,
    },
    Gone {
        operation: String,
        class: String,
    },
    Class {
        operation: String,
        old: String,
        new: String,
    },
    /// The same name stands for another method or path.
    Moved {
        operation: String,
        old: String,
        new: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Appeared { operation, class } => write!(f, "new      {operation} ({class})"),
            Change::Gone { operation, class } => write!(f, "gone     {operation} ({class})"),
            Change::Class { operation, old, new } => write!(f, "class    {operation}: {old} -> {new}"),
            Change::Moved { operation, old, new } => write!(f, "moved    {operation}: {old} -> {new}"),
        }
    }
}

/// Compares two texts of `operations.tsv`, in the order of names.
pub fn compare(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (rows(old), rows(new));
    let mut changes = Vec::new();
    for (operation, (place, class)) in &new {
        match old.get(operation) {
            None => {
                changes.push(Change::Appeared { operation: operation.clone(), class: class.clone() });
            }
            Some((was, before)) => {
                if was != place {
                    let (old, new) = (was.clone(), place.clone());
                    changes.push(Change::Moved { operation: operation.clone(), old, new });
                }
                if before != class {
                    let (old, new) = (before.clone(), class.clone());
                    changes.push(Change::Class { operation: operation.clone(), old, new });
                }
            }
        }
    }
    for (operation, (_, class)) in old {
        if !new.contains_key(&operation) {
            changes.push(Change::Gone { operation, class });
        }
    }
    changes
}

/// Name to place and class. The columns are found by their names, so that every kind of table can be compared.
fn rows(text: &str) -> BTreeMap<String, (String, String)> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |names: &[&str]| header.iter().position(|cell| names.contains(cell));
    let (Some(name), Some(class)) = (column(&["operation", "field", "action"]), column(&["class"])) else {
        return BTreeMap::new();
    };
    let place: Vec<usize> =
        ["root", "service", "method", "path"].iter().filter_map(|cell| column(&[cell])).collect();
    let mut all = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let service = column(&["service", "root"]).map(|at| format!("{}/", cell(at))).unwrap_or_default();
        let place: Vec<&str> = place.iter().map(|at| cell(*at)).collect();
        all.insert(format!("{service}{}", cell(name)), (place.join(" "), cell(class).to_owned()));
    }
    all
}
