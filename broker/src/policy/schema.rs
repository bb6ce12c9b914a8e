use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::Class;

const BASE: &str = include_str!("../../../policies/schema.cedarschema");

/// One operation of a pack, as policies know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRow {
    /// `railway:volumeDelete`.
    pub operation: String,
    pub provider: String,
    /// Every class that the operation can come out as: several where the payload decides.
    pub classes: BTreeSet<Class>,
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
            row.classes.iter().map(|class| quoted(&format!("class:{class}"))).collect();
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

/// A Cedar string literal. Operation names are checked by the pack loader; this keeps a wrong one from ending the literal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
