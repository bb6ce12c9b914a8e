use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use crate::model::{Class, Mark};

const BASE: &str = include_str!("../../../policies/schema.cedarschema");

/// One operation of a pack, as policies know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRow {
    /// `railway:volumeDelete`.
    pub operation: String,
    pub provider: String,
    /// What a request of it can come out as: several where the payload decides.
    pub strengths: BTreeSet<Strength>,
}

/// How strong a request is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strength {
    pub class: Class,
    pub marks: BTreeSet<Mark>,
}

impl ActionRow {
    fn classes(&self) -> BTreeSet<Class> {
        self.strengths.iter().map(|strength| strength.class).collect()
    }
}

/// The schema in Cedar's own syntax: the nouns, and an action for each operation.
pub fn schema_text(rows: &[ActionRow]) -> String {
    let mut text = String::from(BASE);
    let providers: BTreeSet<&str> = rows.iter().map(|row| row.provider.as_str()).collect();
    for provider in providers {
        let _ = writeln!(text, "action {};", quoted(&format!("provider:{provider}")));
    }
    for row in rows {
        let mut groups: Vec<String> =
            row.classes().iter().map(|class| quoted(&format!("class:{class}"))).collect();
        groups.push(quoted(&format!("provider:{}", row.provider)));
        let _ = writeln!(
            text,
            "action {} in [{}] appliesTo {{ principal: [Agent], resource: [Resource], context: Request }};",
            quoted(&row.operation),
            groups.join(", ")
        );
    }
    text
}

/// The rows that policies can tell apart: those that are named, and one of each kind of the others.
///
/// INVARIANT: every operation applies to the same principals, resources and context, so two that no policy names and that
/// are in the same groups have the same type and the same value in every expression.
pub(super) fn telling(rows: &[ActionRow], named: &HashSet<String>) -> Vec<ActionRow> {
    let mut kinds = HashSet::new();
    let tells = |row: &&ActionRow| {
        named.contains(&row.operation) || kinds.insert((row.provider.clone(), row.classes()))
    };
    rows.iter().filter(tells).cloned().collect()
}

/// A Cedar string literal. Operation names are checked by the pack loader; this keeps a wrong one from ending the literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
