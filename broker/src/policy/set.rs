use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use cedar_policy::{Effect, PolicyId, Schema, ValidationMode, Validator};
use thiserror::Error;

use super::decided::Decided;
use super::question::Names;
use super::schema::{ActionRow, schema_text, telling};
use super::slice::Slices;
use super::source::{Fault, fits, on_deep_stack, place, words};

/// A policy source by name.
#[derive(Debug, Clone)]
pub struct PolicyFile {
    pub name: String,
    pub text: String,
    /// What stands in the `.tests.toml` beside it.
    pub tests: Option<String>,
}

/// Everything that keeps policies from being used.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Error(pub Vec<Fault>);

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
    /// Sources by file, to say where something is.
    sources: BTreeMap<String, String>,
    /// Operations and groups that policies name, by file.
    named: BTreeMap<String, HashSet<String>>,
}

/// What a policy's annotations say, and where it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Note {
    pub(super) approvable: bool,
    pub(super) confirm: bool,
    pub(super) approvers: u32,
    /// Seconds.
    pub(super) cooldown: u32,
    pub(super) advice: Option<String>,
    pub(super) file: String,
}

impl PolicySet {
    /// Parse files into one set. Refuses a policy without an `@id`, an id used twice, templates, and annotations that
    /// nothing reads. Says everything that is wrong, not only the first.
    pub fn load(files: &[PolicyFile]) -> Result<Self, Error> {
        let mut all = cedar_policy::PolicySet::new();
        let mut rows = Vec::new();
        let mut notes: BTreeMap<String, Note> = BTreeMap::new();
        let mut named = BTreeMap::new();
        let mut faults = Vec::new();
        for file in files {
            let parsed = match parse(file) {
                Ok(parsed) => parsed,
                Err(found) => {
                    faults.extend(found);
                    continue;
                }
            };
            named.insert(file.name.clone(), parsed.named);
            for policy in parsed.policies {
                let id = policy.annotation("id").unwrap_or_default().to_owned();
                let at = marker(&file.text, &policy, &id);
                let mut wrong = |detail: String| faults.push(Fault::new(&file.name, at, detail));
                if id.is_empty() {
                    wrong(format!("a policy has no @id: {}", first_line(&policy.to_string())));
                    continue;
                }
                if !is_id(&id) {
                    wrong(format!("{id:?} is not an @id: 1 to 100 letters, digits, '.', '-', '_' and ':'"));
                    continue;
                }
                let note = match note(&policy) {
                    Ok(note) => Note { file: file.name.clone(), ..note },
                    Err(detail) => {
                        wrong(format!("{id}: {detail}"));
                        continue;
                    }
                };
                let policy = policy.new_id(PolicyId::new(&id));
                if all.add(policy.clone()).is_err() {
                    let other = notes.get(&id).map(|note| note.file.as_str()).unwrap_or_default();
                    wrong(format!("@id(\"{id}\") is used twice, also in {other}"));
                    continue;
                }
                rows.push((policy, note.approvable));
                notes.insert(id, note);
            }
        }
        if !faults.is_empty() {
            return Err(Error(faults));
        }
        let names = Names::new().map_err(|detail| Error(vec![Fault::new("schema", None, detail)]))?;
        let sources = files.iter().map(|file| (file.name.clone(), file.text.clone())).collect();
        let slices = Slices::new(rows);
        Ok(PolicySet { all, slices, names, decided: Decided::default(), notes, sources, named })
    }

    /// Validate strictly against the schema of these operations. Returns warnings, such as a policy that can never apply.
    ///
    /// Operations that are in the same groups and that no policy of a file names are alike to all of them, so one of each kind
    /// stands for the others: the answer is that of the whole schema, and costs no more when packs or other files grow.
    pub fn validate(&self, rows: &[ActionRow]) -> Result<Vec<Fault>, Error> {
        self.validated(|named| schema_text(&telling(rows, named)))
    }

    /// The same with every operation, to hold it against.
    #[cfg(test)]
    pub(super) fn validate_whole(&self, rows: &[ActionRow]) -> Result<Vec<Fault>, Error> {
        self.validated(|_| schema_text(rows))
    }

    fn validated(&self, schema: impl Fn(&HashSet<String>) -> String) -> Result<Vec<Fault>, Error> {
        let broken = |detail: String| Error(vec![Fault::new("schema", None, detail)]);
        let mut work = Vec::new();
        for (file, named) in &self.named {
            let own = self.all.policies().filter(|policy| {
                let id: &str = policy.id().as_ref();
                self.file_of(id) == Some(file)
            });
            let own = cedar_policy::PolicySet::from_policies(own.cloned());
            work.push((schema(named), own.map_err(|error| broken(error.to_string()))?));
        }
        let checked = on_deep_stack(move || {
            let each = work.into_iter().map(|(text, set)| {
                let schema = Schema::from_str(&text).map_err(|error| words(&error))?;
                Ok::<_, String>(Validator::new(schema).validate(&set, ValidationMode::Strict))
            });
            each.collect::<Result<Vec<_>, _>>()
        });
        let results = checked.ok_or_else(|| broken("the validator stopped".to_owned()))?.map_err(broken)?;
        let errors = results.iter().flat_map(|result| result.validation_errors());
        let errors = once(errors.map(|error| self.fault(error.policy_id().as_ref(), error)).collect());
        if !errors.is_empty() {
            return Err(Error(errors));
        }
        let warnings = results.iter().flat_map(|result| result.validation_warnings());
        Ok(once(warnings.map(|warning| self.fault(warning.policy_id().as_ref(), warning)).collect()))
    }

    /// Ids of the forbids that a person may lift.
    pub(super) fn liftable(&self) -> HashSet<String> {
        self.notes.iter().filter(|(_, note)| note.approvable).map(|(id, _)| id.clone()).collect()
    }

    /// Something to be said of a policy, where it stands.
    pub(super) fn fault_at(&self, id: &str, detail: String) -> Fault {
        let file = self.file_of(id).unwrap_or_default();
        let text = self.sources.get(file).map(String::as_str).unwrap_or_default();
        let at = text.find(&format!("@id(\"{id}\")")).map(|offset| super::source::Position::of(text, offset));
        Fault::new(file, at, detail)
    }

    fn fault(&self, id: &str, error: &(impl miette::Diagnostic + std::fmt::Display)) -> Fault {
        let file = self.notes.get(id).map(|note| note.file.as_str()).unwrap_or_default();
        let text = self.sources.get(file).map(String::as_str).unwrap_or_default();
        Fault::new(file, place(text, error), words(error))
    }

    /// Ids of all policies, sorted.
    pub fn ids(&self) -> Vec<&str> {
        self.notes.keys().map(String::as_str).collect()
    }

    /// The file that a policy stands in.
    pub fn file_of(&self, id: &str) -> Option<&str> {
        self.notes.get(id).map(|note| note.file.as_str())
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

/// An id that reads the same in a decision, a record, an address and a shell.
fn is_id(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (1..=100).contains(&id.len()) && id.chars().all(fits)
}

/// Each place once: the validator says the same again for every operation that it is wrong for.
fn once(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup_by(|a, b| a == b || a.at.is_some() && (&a.file, a.at) == (&b.file, b.at));
    faults
}

struct Parsed {
    policies: Vec<cedar_policy::Policy>,
    named: HashSet<String>,
}

/// Parse where a deep source cannot overflow the stack of a worker, and only after the cheap limits.
fn parse(file: &PolicyFile) -> Result<Parsed, Vec<Fault>> {
    fits(&file.name, &file.text).map_err(|fault| vec![fault])?;
    let (name, text) = (file.name.clone(), file.text.clone());
    let parsed = on_deep_stack(move || {
        let set = cedar_policy::PolicySet::from_str(&text).map_err(|errors| {
            let fault =
                |error: &cedar_policy::ParseError| Fault::new(&name, place(&text, error), words(error));
            errors.iter().map(fault).collect::<Vec<_>>()
        })?;
        if set.templates().next().is_some() {
            return Err(vec![Fault::new(&name, None, "templates are not supported")]);
        }
        let policies: Vec<cedar_policy::Policy> = in_order(&set);
        let mut named = HashSet::new();
        for policy in &policies {
            let json = policy.to_json().map_err(|error| vec![Fault::new(&name, None, error.to_string())])?;
            actions_in(&json, &mut named);
        }
        Ok(Parsed { policies, named })
    });
    parsed.unwrap_or_else(|| Err(vec![Fault::new(&file.name, None, "the parser stopped")]))
}

/// In the order of the text: the parser numbers policies, and `policy10` is not after `policy2` by its letters.
fn in_order(set: &cedar_policy::PolicySet) -> Vec<cedar_policy::Policy> {
    let mut policies: Vec<cedar_policy::Policy> = set.policies().cloned().collect();
    policies.sort_by_key(|policy| {
        let id = policy.id().to_string();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    policies
}

/// Ids of all `Action::"…"` in a policy's JSON form, wherever they stand.
fn actions_in(json: &serde_json::Value, named: &mut HashSet<String>) {
    match json {
        serde_json::Value::Object(members) => {
            if let (Some("Action"), Some(id)) =
                (members.get("type").and_then(|v| v.as_str()), members.get("id").and_then(|v| v.as_str()))
            {
                named.insert(id.to_owned());
            }
            members.values().for_each(|value| actions_in(value, named));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| actions_in(value, named)),
        _ => {}
    }
}

/// Where a policy stands: at its `@id`, or where its text is.
fn marker(text: &str, policy: &cedar_policy::Policy, id: &str) -> Option<super::source::Position> {
    let quoted = format!("\"{id}\"");
    let own = policy.to_string();
    let offset = text.find(&own).or_else(|| (!id.is_empty()).then(|| text.rfind(&quoted)).flatten())?;
    Some(super::source::Position::of(text, offset))
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
    use std::collections::BTreeSet;

    use super::super::schema::Strength;
    use super::*;
    use crate::model::Class;

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
        for id in ["a b", "a\\\"b", "<b>", "é"] {
            assert!(load(&format!("@id(\"{id}\") permit(principal,action,resource);")).is_err(), "{id}");
        }
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
            strengths: [Strength { class, marks: BTreeSet::new() }].into(),
        });
        assert_eq!(set.validate(&rows).expect("valid"), Vec::<Fault>::new());
    }
}
