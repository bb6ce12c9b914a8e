use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{Effect, PolicyId, Schema, ValidationMode, Validator};
use thiserror::Error;

use super::decided::Decided;
use super::question::Names;
use super::schema::{ActionRow, schema_text};
use super::slice::Slices;

/// A `.cedar` source larger than this is refused before it is parsed.
const SOURCE_LIMIT: usize = 64 * 1024;
/// Deeper brackets are refused before parsing: the parser recurses and a stack overflow ends the process.
const DEPTH_LIMIT: usize = 64;
const PARSER_STACK: usize = 64 * 1024 * 1024;

/// A policy source by name.
#[derive(Debug, Clone)]
pub struct PolicyFile {
    pub name: String,
    pub text: String,
    /// What stands in the `.tests.toml` beside it.
    pub tests: Option<String>,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error("{file}: {detail}")]
    Source { file: String, detail: String },
    #[error("the policies do not fit the schema: {0}")]
    Invalid(String),
}

/// Policies that decide, parsed and keyed by their `@id`.
#[derive(Debug)]
pub struct PolicySet {
    /// All policies.
    pub(super) all: cedar_policy::PolicySet,
    /// The same by scope, so that a decision looks at few.
    pub(super) slices: Slices,
    pub(super) names: Names,
    /// What they said so far.
    pub(super) decided: Decided,
    pub(super) notes: BTreeMap<String, Note>,
}

/// What a policy's annotations say.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    pub(super) approvable: bool,
    pub(super) confirm: bool,
    pub(super) approvers: u32,
    /// Seconds.
    pub(super) cooldown: u32,
    pub(super) advice: Option<String>,
}

impl PolicySet {
    /// Parse files into one set. Refuses a policy without an `@id`, an id used twice, templates, and annotations that
    /// nothing reads.
    pub fn load(files: &[PolicyFile]) -> Result<Self, Error> {
        let mut all = cedar_policy::PolicySet::new();
        let mut rows = Vec::new();
        let mut notes = BTreeMap::new();
        for file in files {
            for policy in on_deep_stack(&file.name, &file.text, parse)? {
                let wrong = |detail: String| Error::Source { file: file.name.clone(), detail };
                let id = policy.annotation("id").unwrap_or_default().to_owned();
                if id.is_empty() {
                    return Err(wrong(format!("a policy has no @id: {}", first_line(&policy.to_string()))));
                }
                let note = note(&policy).map_err(|detail| wrong(format!("{id}: {detail}")))?;
                let policy = policy.new_id(PolicyId::new(&id));
                rows.push((policy.clone(), note.approvable));
                all.add(policy).map_err(|_| wrong(format!("@id(\"{id}\") is used twice")))?;
                notes.insert(id, note);
            }
        }
        let names = Names::new().map_err(Error::Invalid)?;
        Ok(PolicySet { all, slices: Slices::new(rows), names, decided: Decided::default(), notes })
    }

    /// Validate strictly against the schema of these operations. Returns warnings, such as a policy that can never apply.
    pub fn validate(&self, rows: &[ActionRow]) -> Result<Vec<String>, Error> {
        let text = schema_text(rows);
        let set = self.all.clone();
        let checked = std::thread::Builder::new().stack_size(PARSER_STACK).spawn(move || {
            let schema = Schema::from_str(&text).map_err(|error| error.to_string())?;
            let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
            if result.validation_passed() {
                Ok(result.validation_warnings().map(ToString::to_string).collect())
            } else {
                let errors: BTreeSet<String> = result.validation_errors().map(ToString::to_string).collect();
                Err(errors.into_iter().collect::<Vec<_>>().join("; "))
            }
        });
        let outcome = checked
            .map_err(|error| error.to_string())
            .and_then(|handle| handle.join().map_err(|_| "the validator stopped".to_owned())?);
        outcome.map_err(Error::Invalid)
    }

    /// Ids of all policies, sorted.
    pub fn ids(&self) -> Vec<&str> {
        self.notes.keys().map(String::as_str).collect()
    }

    /// What a refused person or program is told about a policy.
    pub fn advice(&self, id: &str) -> Option<&str> {
        self.notes.get(id).and_then(|note| note.advice.as_deref())
    }
}

/// The guardrails and the starter policy that ship with the broker, each with the tests beside it.
pub fn builtin_files() -> Vec<PolicyFile> {
    macro_rules! files {
        ($($path:literal,)*) => {
            vec![$(PolicyFile {
                name: concat!("policies/", $path, ".cedar").to_owned(),
                text: include_str!(concat!("../../../policies/", $path, ".cedar")).to_owned(),
                tests: Some(include_str!(concat!("../../../policies/", $path, ".tests.toml")).to_owned()),
            },)*]
        };
    }
    files! {
        "guardrails/place",
        "guardrails/class",
        "guardrails/production",
        "guardrails/backups",
        "starter/agents",
    }
}

fn parse(text: &str) -> Result<Vec<cedar_policy::Policy>, String> {
    let set =
        cedar_policy::PolicySet::from_str(text).map_err(|error| format!("{:?}", miette_text(&error)))?;
    if set.templates().next().is_some() {
        return Err("templates are not supported".to_owned());
    }
    Ok(set.policies().cloned().collect())
}

fn miette_text(error: &cedar_policy::ParseErrors) -> String {
    error.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Parse where a deep source cannot overflow the stack of a worker, and only after the cheap limits.
fn on_deep_stack<T: Send + 'static>(
    file: &str,
    text: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, Error> {
    let wrong = |detail: String| Error::Source { file: file.to_owned(), detail };
    if text.len() > SOURCE_LIMIT {
        return Err(wrong(format!("larger than {SOURCE_LIMIT} bytes")));
    }
    if bracket_depth(text) > DEPTH_LIMIT {
        return Err(wrong(format!("brackets nest deeper than {DEPTH_LIMIT}")));
    }
    let source = text.to_owned();
    std::thread::Builder::new()
        .stack_size(PARSER_STACK)
        .spawn(move || parse(&source))
        .map_err(|error| wrong(error.to_string()))?
        .join()
        .map_err(|_| wrong("the parser stopped".to_owned()))?
        .map_err(wrong)
}

/// Deepest nesting of brackets. Counts those in strings and comments too: the limit errs on the safe side.
fn bracket_depth(text: &str) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn note(policy: &cedar_policy::Policy) -> Result<Note, String> {
    let mut note = Note { approvers: 1, ..Note::default() };
    for (key, value) in policy.annotations() {
        match key {
            "id" => {}
            "advice" => note.advice = Some(value.to_owned()),
            "approvable" if policy.effect() == Effect::Forbid => note.approvable = true,
            "confirm" if value == "type-name" => note.confirm = true,
            "approvers" => {
                note.approvers =
                    value.parse().ok().filter(|n| (1..=9).contains(n)).ok_or("@approvers takes 1 to 9")?;
            }
            "cooldown" => note.cooldown = cooldown(value).ok_or("@cooldown takes 1s to 24h, such as 10m")?,
            other => {
                return Err(format!(
                    "@{other}({value:?}) is not an annotation that a {} can have",
                    effect(policy)
                ));
            }
        }
    }
    Ok(note)
}

/// `90s`, `10m`, `2h`: up to a day.
fn cooldown(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(seconds).filter(|all| (1..=86_400).contains(all))
}

fn effect(policy: &cedar_policy::Policy) -> &'static str {
    match policy.effect() {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<PolicySet, Error> {
        PolicySet::load(&[PolicyFile { name: "t.cedar".into(), text: text.into(), tests: None }])
    }

    #[test]
    fn a_deeply_nested_policy_is_refused_and_ends_nothing() {
        let nested = format!(
            "@id(\"x\") permit(principal,action,resource) when {{ {}true{} }};",
            "(".repeat(5000),
            ")".repeat(5000)
        );
        assert!(load(&nested).is_err_and(|error| error.to_string().contains("nest deeper")));
        let chain = format!(
            "@id(\"x\") permit(principal,action,resource) when {{ {} true }};",
            "if true then true else ".repeat(2500)
        );
        let _ = load(&chain);
        let bangs =
            format!("@id(\"x\") permit(principal,action,resource) when {{ {}true }};", "!".repeat(60_000));
        let _ = load(&bangs);
    }

    #[test]
    fn a_policy_needs_an_id_of_its_own() {
        assert!(load("permit(principal,action,resource);").is_err());
        let twice =
            "@id(\"a\") permit(principal,action,resource); @id(\"a\") forbid(principal,action,resource);";
        assert!(load(twice).is_err());
    }

    #[test]
    fn an_annotation_that_nothing_reads_is_refused() {
        assert!(load("@id(\"a\") @aprovable forbid(principal,action,resource);").is_err());
        assert!(load("@id(\"a\") @approvable permit(principal,action,resource);").is_err());
    }

    #[test]
    fn a_cooldown_is_a_time_of_up_to_a_day() {
        for (text, seconds) in [("90s", Some(90)), ("10m", Some(600)), ("24h", Some(86_400))] {
            assert_eq!(cooldown(text), seconds, "{text}");
        }
        for text in ["", "10", "m", "0s", "25h", "-1s", "1d", "99999999999h"] {
            let source =
                format!("@id(\"a\") @approvable @cooldown({text:?}) forbid(principal,action,resource);");
            assert!(load(&source).is_err(), "{text:?} is taken");
        }
    }

    #[test]
    fn what_ships_fits_the_schema() {
        let set = PolicySet::load(&builtin_files()).expect("loads");
        let rows = Class::ALL.map(|class| ActionRow {
            operation: format!("p:{class}"),
            provider: "p".into(),
            classes: [class].into(),
        });
        assert_eq!(set.validate(&rows).expect("valid"), Vec::<String>::new());
    }

    use crate::model::Class;
}
