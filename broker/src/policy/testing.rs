use serde::Deserialize;

use super::decide::{Asker, Decision, Question};
use super::set::PolicySet;
use crate::model::{Class, CredentialId, Mark, Name, Resource, Tier, Touch, Where};

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
    #[serde(default)]
    confined: bool,
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
    /// `None` when it came out as expected; else expected and found.
    pub fault: Option<String>,
}

/// Run the cases of one file against a set.
pub fn run_cases(set: &PolicySet, toml: &str) -> Result<Vec<CaseResult>, String> {
    let file: CaseFile = toml::from_str(toml).map_err(|error| error.to_string())?;
    if file.test.is_empty() {
        return Err("there is no test in it".to_owned());
    }
    file.test.into_iter().map(|case| run(set, case)).collect()
}

fn run(set: &PolicySet, case: Case) -> Result<CaseResult, String> {
    let asker = Asker {
        agent: name("tester")?,
        subject: "person:tester".to_owned(),
        environment: name(&case.session.0)?,
        tier: case.session.1,
        confined: case.confined,
    };
    let touches = case.touch.into_iter().map(touch).collect::<Result<Vec<_>, _>>()?;
    let credential = CredentialId::from_uuid(uuid::Uuid::nil());
    let question = Question {
        asker: &asker,
        credential: &credential,
        credential_name: &name("tested")?,
        digest: [0; 32],
        touches: &touches,
        approved: None,
    };
    let (decision, policies) = match set.authorize(&question) {
        Decision::Allow { policies, .. } => ("allow", policies),
        Decision::Deny(denial) => ("deny", denial.policies),
        Decision::Ask(needed) => ("approval", needed.lift.policies),
    };
    let mut expected = case.policies;
    expected.sort();
    let fault = (decision != case.decision || policies != expected)
        .then(|| format!("expected {} by {expected:?}, found {decision} by {policies:?}", case.decision));
    Ok(CaseResult { name: case.name, fault })
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
            let results = run_cases(&set, file.tests.as_deref().expect("has tests")).expect("readable");
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
        assert!(run_cases(&set, wrong).expect("readable")[0].fault.is_some());
    }
}
