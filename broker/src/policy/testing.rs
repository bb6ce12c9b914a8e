use serde::Deserialize;

use super::decide::{Asker, Decision, Question};
use super::set::PolicySet;
use super::source::{Fault, Position};
use crate::model::{Class, Confinement, CredentialId, Mark, Name, Resource, Tier, Touch, Where};

/// Tests larger than this are refused before they are read.
const TESTS_LIMIT: usize = 128 * 1024;

/// A `.tests.toml` file beside a policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    test: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Environment and tier of the session: `["staging", "staging"]`.
    session: (String, Tier),
    #[serde(default = "tester")]
    agent: String,
    #[serde(default = "person")]
    subject: String,
    #[serde(default = "tested")]
    credential: String,
    /// The same as a `confinement` of `full`.
    #[serde(default)]
    confined: bool,
    confinement: Option<Confinement>,
    /// What the request touches; without any, whether the agent may start the session.
    #[serde(default)]
    touch: Vec<CaseTouch>,
    /// `allow`, `deny` or `approval`.
    decision: String,
    /// The deciding policies, all of them.
    policies: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTouch {
    operation: String,
    class: Class,
    #[serde(default)]
    resource: Option<String>,
    /// `["production", "production"]`, or a place: `unmapped`, `unresolved`, `shared`, `account`.
    place: CasePlace,
    #[serde(default)]
    marks: Vec<Mark>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CasePlace {
    Environment(String, Tier),
    Other(String),
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub name: String,
    /// What was decided, and by which policies.
    pub decision: &'static str,
    pub policies: Vec<String>,
    /// `None` when it came out as expected; else expected and found.
    pub fault: Option<String>,
    /// Whether less is asked for than was expected: a yes where a no was, or where a person was.
    pub weaker: bool,
}

/// Run the cases of one file against a set. A file without a case is a fault: what is not tested is not known.
pub fn run_cases(set: &PolicySet, name: &str, toml: &str) -> Result<Vec<CaseResult>, Fault> {
    super::source::plain(toml).map_err(|(at, detail)| Fault::of_tests(name, Some(at), detail))?;
    if toml.len() > TESTS_LIMIT {
        return Err(Fault::of_tests(name, None, format!("larger than {TESTS_LIMIT} bytes")));
    }
    let file: CaseFile = toml::from_str(toml).map_err(|error: toml::de::Error| {
        let at = error.span().map(|span| Position::of(toml, span.start));
        Fault::of_tests(name, at, error.message().to_owned())
    })?;
    if file.test.is_empty() {
        return Err(Fault::of_tests(name, None, "there is no test in it"));
    }
    let run = |case: Case| {
        let title = case.name.clone();
        run(set, case)
            .map_err(|error| Fault::of_tests(name, place(toml, &title), format!("{title}: {error}")))
    };
    file.test.into_iter().map(run).collect()
}

/// Where a case of that name stands.
pub(super) fn place(toml: &str, title: &str) -> Option<Position> {
    toml.find(title).map(|offset| Position::of(toml, offset))
}

fn tester() -> String {
    "tester".to_owned()
}

fn person() -> String {
    "person:tester".to_owned()
}

fn tested() -> String {
    "tested".to_owned()
}

fn run(set: &PolicySet, case: Case) -> Result<CaseResult, String> {
    let asker = Asker {
        agent: name(&case.agent)?,
        subject: case.subject,
        environment: name(&case.session.0)?,
        tier: case.session.1,
        confinement: match case.confined {
            true => Confinement::Full,
            false => case.confinement.unwrap_or_default(),
        },
    };
    let touches = case.touch.into_iter().map(touch).collect::<Result<Vec<_>, _>>()?;
    let (decision, policies) = match touches.as_slice() {
        [] => match set.authorize_session(&asker) {
            Ok(policies) => ("allow", policies),
            Err(denial) => ("deny", denial.policies),
        },
        touches => decided(set, &asker, &name(&case.credential)?, touches),
    };
    let mut expected = case.policies;
    expected.sort();
    let fault = (decision != case.decision || policies != expected)
        .then(|| format!("expected {} by {expected:?}, found {decision} by {policies:?}", case.decision));
    let weaker = strength(decision) < strength(&case.decision);
    Ok(CaseResult { name: case.name, decision, policies, fault, weaker })
}

fn strength(decision: &str) -> u8 {
    match decision {
        "allow" => 0,
        "approval" => 1,
        _ => 2,
    }
}

/// A decision by its word, and the policies that made it.
pub fn decided(
    set: &PolicySet,
    asker: &Asker,
    credential: &Name,
    touches: &[Touch],
) -> (&'static str, Vec<String>) {
    let id = CredentialId::from_uuid(uuid::Uuid::nil());
    let question = Question {
        asker,
        credential: &id,
        credential_name: credential,
        digest: [0; 32],
        touches,
        approved: None,
    };
    match set.authorize(&question) {
        Decision::Allow { policies, .. } => ("allow", policies),
        Decision::Deny(denial) => ("deny", denial.policies),
        Decision::Ask(needed) => ("approval", needed.lift.policies),
    }
}

fn touch(case: CaseTouch) -> Result<Touch, String> {
    let provider = case.operation.split(':').next().unwrap_or_default().to_owned();
    let place = match case.place {
        CasePlace::Environment(text, tier) => Where::Environment { name: name(&text)?, tier },
        CasePlace::Other(text) => match text.as_str() {
            "unmapped" => Where::Unmapped(crate::model::Selector::new(&*provider, "thing", "x")),
            "unresolved" => Where::Unresolved("the provider does not know it".to_owned()),
            "shared" => Where::Shared,
            "account" => Where::Account,
            other => return Err(format!("'{other}' is not a place")),
        },
    };
    let resource = match case.resource {
        Some(text) => {
            let (kind, id) = text.split_once('/').ok_or_else(|| format!("'{text}' is not KIND/ID"))?;
            Some(Resource::new(kind, id))
        }
        None => None,
    };
    Ok(Touch {
        operation: case.operation,
        provider,
        class: case.class,
        marks: case.marks.into_iter().collect(),
        resource,
        name: None,
        place,
        consequences: vec![],
    })
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{PolicySet, builtin_files};
    use super::run_cases;

    #[test]
    fn what_ships_decides_as_its_tests_say() {
        let files = builtin_files();
        let set = PolicySet::load(&files).expect("loads");
        for file in files {
            let tests = file.tests.as_deref().expect("has tests");
            let results = run_cases(&set, &file.name, tests).expect("readable");
            for result in results {
                assert_eq!(result.fault, None, "{}: {}", file.name, result.name);
            }
        }
    }

    #[test]
    fn a_case_that_expects_the_wrong_thing_is_a_fault() {
        let set = PolicySet::load(&builtin_files()).expect("loads");
        let wrong = r#"
            [[test]]
            name = "wrong"
            session = ["staging", "staging"]
            touch = [{ operation = "railway:me", class = "read", place = "shared" }]
            decision = "deny"
            policies = []
        "#;
        assert!(run_cases(&set, "t", wrong).expect("readable")[0].fault.is_some());
    }

    #[test]
    fn a_case_without_touches_is_about_starting_a_session() {
        let set = PolicySet::load(&builtin_files()).expect("loads");
        let starts = r#"
            [[test]]
            name = "starts"
            agent = "coder"
            session = ["staging", "staging"]
            decision = "allow"
            policies = ["starter.start-session"]
        "#;
        assert_eq!(run_cases(&set, "t", starts).expect("readable")[0].fault, None);
        assert!(run_cases(&set, "t", "test = []").is_err());
        let fault = run_cases(&set, "t", "\n\n[[test]]\nnam = 1\n").expect_err("not readable");
        assert_eq!(fault.at.map(|at| at.line), Some(4), "{fault}");
    }
}
