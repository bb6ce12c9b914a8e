//! A whole set of files, judged before it is used: parsed, validated, tested.

use super::schema::ActionRow;
use super::set::{Error, PolicyFile, PolicySet, builtin_files};
use super::source::Fault;
use super::testing::{CaseResult, place, run_cases};

/// A set that can decide, and everything that is to be said of it.
#[derive(Debug)]
pub struct Checked {
    pub set: PolicySet,
    /// What does not fit the schema or its tests. A policy that names what is not there never applies; one that fails while
    /// deciding is a deny.
    pub faults: Vec<Fault>,
    /// What is no fault, and worth a look.
    pub warnings: Vec<Fault>,
    /// Cases by file, in the order of the files.
    pub cases: Vec<(String, Vec<CaseResult>)>,
}

impl Checked {
    /// Only a set without a fault comes into use.
    pub fn sound(self) -> Result<Self, Error> {
        if self.faults.is_empty() { Ok(self) } else { Err(Error(self.faults)) }
    }
}

/// Judge `shipped` and `own` together. What ships is tested by itself, so that a narrower rule beside it is no fault of it,
/// and where it was not changed, only what is weaker than its tests say is a fault: two owners may make another file of it
/// stricter. Files of people's own are tested within the whole. Fails where a file cannot be read at all.
pub fn check(shipped: &[PolicyFile], own: &[PolicyFile], rows: &[ActionRow]) -> Result<Checked, Error> {
    let all: Vec<PolicyFile> = shipped.iter().chain(own).cloned().collect();
    let set = PolicySet::load(&all)?;
    let (mut faults, warnings) = match set.validate(rows) {
        Ok(warnings) => (Vec::new(), warnings),
        Err(error) => (error.0, Vec::new()),
    };
    let alone = PolicySet::load(shipped)?;
    let as_it_came = builtin_files();
    let mut cases = Vec::new();
    for (file, set) in shipped.iter().map(|file| (file, &alone)).chain(own.iter().map(|file| (file, &set))) {
        let Some(tests) = file.tests.as_deref().filter(|tests| !tests.trim().is_empty()) else {
            faults.push(Fault::of_tests(&file.name, None, "there are no tests beside it: add at least one"));
            continue;
        };
        match run_cases(set, &file.name, tests) {
            Err(fault) => faults.push(fault),
            Ok(mut results) => {
                if as_it_came.iter().any(|came| came.text == file.text && came.tests == file.tests) {
                    results.iter_mut().filter(|result| !result.weaker).for_each(|result| result.fault = None);
                }
                let wrong = results.iter().filter_map(|result| {
                    let fault = result.fault.as_ref()?;
                    let at = place(tests, &result.name);
                    Some(Fault::of_tests(&file.name, at, format!("{}: {fault}", result.name)))
                });
                faults.extend(wrong);
                cases.push((file.name.clone(), results));
            }
        }
    }
    Ok(Checked { set, faults, warnings, cases })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{ActionRow, Part, Strength};
    use super::*;
    use crate::model::Class;

    fn rows() -> Vec<ActionRow> {
        let row = |n: usize| ActionRow {
            operation: format!("p:op{n}"),
            provider: "p".into(),
            strengths: Class::ALL
                .into_iter()
                .skip(n % 6)
                .map(|class| Strength { class, marks: BTreeSet::new() })
                .collect(),
        };
        (0..2000).map(row).collect()
    }

    fn own(text: &str, tests: &str) -> Vec<PolicyFile> {
        vec![PolicyFile { name: "own".into(), text: text.into(), tests: Some(tests.into()) }]
    }

    const TEST: &str = r#"
[[test]]
name = "not this one"
session = ["staging", "staging"]
touch = [{ operation = "p:op7", class = "write", resource = "thing/x", place = ["staging", "staging"] }]
decision = "deny"
policies = ["own.a"]
"#;

    #[test]
    fn a_set_is_used_only_where_everything_of_it_holds() {
        let rows = rows();
        let good = "@id(\"own.a\")\nforbid (principal, action == Action::\"p:op7\", resource);";
        let checked =
            check(&builtin_files(), &own(good, TEST), &rows).and_then(Checked::sound).expect("holds");
        assert_eq!(checked.cases.last().unwrap().1[0].policies, ["own.a"]);
        let wrong = |text: &str, tests: &str| {
            check(&builtin_files(), &own(text, tests), &rows).and_then(Checked::sound).unwrap_err().0
        };
        // An operation that is not there, an attribute that is not there, each with its place.
        let faults = wrong(&good.replace("op7", "op-none"), TEST);
        assert!(faults[0].at.is_some_and(|at| at.line == 2) && faults[0].file == "own", "{faults:?}");
        let faults = wrong(
            &good.replace("resource)", "resource is Resource)\nwhen { resource.colour == \"red\" }"),
            TEST,
        );
        assert!(faults[0].at.is_some_and(|at| at.line == 3), "{faults:?}");
        let faults = wrong("@id(\"own.a\") forbid (principal, action, resource) when { ", TEST);
        assert!(faults[0].at.is_some(), "{faults:?}");
        // Tests that are missing, or that expect something else.
        assert_eq!(wrong(good, " ")[0].part, Part::Tests);
        let faults = wrong(good, &TEST.replace("\"own.a\"", "\"own.b\""));
        assert!(faults[0].part == Part::Tests && faults[0].at.is_some_and(|at| at.line == 3), "{faults:?}");
        // A guardrail's name is taken.
        let taken = "@id(\"guardrail.destroy\") permit (principal, action, resource);";
        assert!(wrong(taken, TEST)[0].detail.contains("used twice"));
    }

    #[test]
    fn a_stricter_guardrail_is_no_fault_of_the_others_and_a_weaker_one_is() {
        let changed = |from: &str, to: &str, tests: &dyn Fn(&str) -> String| {
            let mut files = builtin_files();
            let file = files.iter_mut().find(|file| file.text.contains(from)).expect("it is there");
            file.text = file.text.replace(from, to);
            file.tests = file.tests.as_deref().map(tests);
            check(&files, &[], &rows())
        };
        // Nothing is written by agents any more: what guardrails expected to wait for a person is denied.
        let narrower = changed(
            "[Action::\"class:read\", Action::\"class:write\"],\n    resource",
            "[Action::\"class:read\"],\n    resource",
            &|tests| {
                tests.replacen("decision = \"allow\"\npolicies = [\"starter.work\"]\n\n[[test]]\nname = \"agents read shared", "decision = \"deny\"\npolicies = []\n\n[[test]]\nname = \"agents read shared", 1)
            },
        );
        assert!(narrower.is_ok_and(|checked| checked.faults.is_empty()));
        // A guardrail less, its own tests changed with it: those of others still say what is lost.
        let wider = changed(
            "resource.environment != context.session.environment",
            "resource.environment == \"nowhere\"",
            &|tests| tests.to_owned(),
        );
        assert!(wider.is_ok_and(|checked| !checked.faults.is_empty()));
    }

    #[test]
    fn a_slice_of_the_schema_says_what_the_whole_says() {
        let rows = rows();
        for text in [
            "@id(\"a\") permit (principal, action in [Action::\"p:op3\", Action::\"class:read\"], resource);",
            "@id(\"a\") forbid (principal, action, resource) when { action == Action::\"p:op5\" && action in Action::\"class:destroy\" };",
            "@id(\"a\") forbid (principal, action, resource) when { action in Action::\"provider:p\" } unless { context.nothing };",
            "@id(\"a\") forbid (principal == Agent::\"x\", action == Action::\"stint:startSession\", resource) when { context.class == \"read\" };",
            "@id(\"a\") permit (principal, action == Action::\"p:op1\", resource is Environment);",
        ] {
            let set = PolicySet::load(&own(text, "")).expect("parses");
            let said = |outcome: Result<Vec<Fault>, Error>| outcome.map_err(|error| error.0);
            let (sliced, whole) = (said(set.validate(&rows)), said(set.validate_whole(&rows)));
            assert_eq!(sliced, whole, "{text}");
        }
    }
}
