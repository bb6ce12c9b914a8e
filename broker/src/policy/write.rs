//! Writes policies and tests about one request, as narrow as the request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::decide::Asker;
use crate::model::{Confinement, Name, Touch, Where};

/// What a written rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Permit,
    Forbid,
}

impl Act {
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Permit => "permit",
            Act::Forbid => "forbid",
        }
    }
}

/// One test to write.
#[derive(Debug)]
pub struct Expected<'a> {
    pub title: &'a str,
    pub asker: &'a Asker,
    pub credential: &'a Name,
    pub touches: &'a [Touch],
    pub decision: &'a str,
    pub policies: &'a [String],
}

/// A policy for each operation on each thing that is touched: for this agent alone, with this credential, in sessions of this
/// environment. Everything else of the text comes from outside and is written as a literal.
pub fn write_rule(act: Act, id: &str, asker: &Asker, credential: &Name, touches: &[Touch]) -> String {
    let mut things: BTreeMap<(String, String, &'static str), Vec<&Touch>> = BTreeMap::new();
    for touch in touches {
        things
            .entry((touch.operation.clone(), resource(touch), touch.class.as_str()))
            .or_default()
            .push(touch);
    }
    let several = things.len() > 1;
    let mut text = String::new();
    for (number, ((operation, resource, class), touches)) in things.into_iter().enumerate() {
        let id = if several { format!("{id}.{}", number + 1) } else { id.to_owned() };
        let _ = write!(
            text,
            "{}@id({})\n{} (\n    principal == Agent::{},\n    action == Action::{},\n    resource == Resource::{}\n)\nwhen {{\n",
            if number > 0 { "\n" } else { "" },
            cedar(&id),
            act.as_str(),
            cedar(asker.agent.as_str()),
            cedar(&operation),
            cedar(&resource),
        );
        let _ = write!(
            text,
            "    {} &&\n    context.class == {} &&\n    context.session.environment == {} &&\n    context.credential == {}\n}};\n",
            places(&touches),
            cedar(class),
            cedar(asker.environment.as_str()),
            cedar(credential.as_str()),
        );
    }
    text
}

pub fn write_tests(cases: &[Expected<'_>]) -> String {
    let mut text = String::new();
    for (number, case) in cases.iter().enumerate() {
        let Asker { agent, environment, tier, confinement, .. } = case.asker;
        let _ = write!(
            text,
            "{}[[test]]\nname = {}\nagent = {}\nsession = [{}, {}]\ncredential = {}\n",
            if number > 0 { "\n" } else { "" },
            toml(case.title),
            toml(agent.as_str()),
            toml(environment.as_str()),
            toml(tier.as_str()),
            toml(case.credential.as_str()),
        );
        if *confinement != Confinement::None {
            let _ = writeln!(text, "confinement = {}", toml(confinement.as_str()));
        }
        text.push_str("touch = [\n");
        for touch in case.touches {
            let _ = writeln!(text, "    {},", inline(touch));
        }
        let policies: Vec<String> = case.policies.iter().map(|id| toml(id)).collect();
        let _ = write!(text, "]\ndecision = {}\npolicies = [{}]\n", toml(case.decision), policies.join(", "));
    }
    text
}

/// The id of the entity that a decision is about.
fn resource(touch: &Touch) -> String {
    match &touch.resource {
        Some(resource) => format!("{}:{}/{}", touch.provider, resource.kind, resource.id),
        None => format!("{}:account/", touch.provider),
    }
}

fn places(touches: &[&Touch]) -> String {
    let mut environments: Vec<String> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for touch in touches {
        let (list, name) = match &touch.place {
            Where::Environment { name, .. } => (&mut environments, name.as_str()),
            place => (&mut others, word(place)),
        };
        if !list.contains(&cedar(name)) {
            list.push(cedar(name));
        }
    }
    let one = |attribute: &str, values: &[String]| match values {
        [only] => format!("resource.{attribute} == {only}"),
        several => format!("[{}].contains(resource.{attribute})", several.join(", ")),
    };
    match (environments.as_slice(), others.as_slice()) {
        (environments, []) => one("environment", environments),
        ([], others) => one("place", others),
        (environments, others) => {
            format!("({} || {})", one("environment", environments), one("place", others))
        }
    }
}

fn word(place: &Where) -> &'static str {
    match place {
        Where::Environment { .. } => "environment",
        Where::Unmapped(_) => "unmapped",
        Where::Unresolved(_) => "unresolved",
        Where::Shared => "shared",
        Where::Account => "account",
    }
}

fn inline(touch: &Touch) -> String {
    let mut parts = vec![
        format!("operation = {}", toml(&touch.operation)),
        format!("class = {}", toml(touch.class.as_str())),
    ];
    if let Some(resource) = &touch.resource {
        parts.push(format!("resource = {}", toml(&format!("{}/{}", resource.kind, resource.id))));
    }
    parts.push(match &touch.place {
        Where::Environment { name, tier } => {
            format!("place = [{}, {}]", toml(name.as_str()), toml(tier.as_str()))
        }
        place => format!("place = {}", toml(word(place))),
    });
    if !touch.marks.is_empty() {
        let marks: Vec<String> = touch.marks.iter().map(|mark| toml(mark.as_str())).collect();
        parts.push(format!("marks = [{}]", marks.join(", ")));
    }
    format!("{{ {} }}", parts.join(", "))
}

/// A Cedar string literal: nothing in it ends it, or hides.
fn cedar(text: &str) -> String {
    format!("\u{22}{}\u{22}", text.escape_default())
}

/// A TOML basic string.
fn toml(text: &str) -> String {
    let mut out = String::from('\u{22}');
    for c in text.chars() {
        match c {
            '\u{22}' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('\u{22}');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{ActionRow, Checked, PolicyFile, PolicySet, Strength, builtin_files, check, decided};
    use super::*;
    use crate::model::{Class, Resource, Tier};

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn asker(agent: &str) -> Asker {
        Asker {
            agent: name(agent),
            subject: "person:alice".into(),
            environment: name("staging"),
            tier: Tier::Staging,
            confinement: Confinement::None,
        }
    }

    fn touch(operation: &str, id: &str) -> Touch {
        Touch {
            operation: operation.into(),
            provider: "p".into(),
            class: Class::Unknown,
            marks: Default::default(),
            resource: Some(Resource::new("thing", id)),
            name: None,
            place: Where::Environment { name: name("staging"), tier: Tier::Staging },
            consequences: vec![],
        }
    }

    #[test]
    fn a_rule_is_about_its_request_and_nothing_else() {
        // Ids that try to end their literals, and to hide.
        for id in ["x", "a\"); permit(principal,action,resource); //", "\\", "\u{202E}é\n]]", "'''"] {
            let touches = [
                Touch { class: Class::Write, ..touch("p:one", id) },
                Touch { class: Class::Write, ..touch("p:two", id) },
            ];
            let (own, other, credential) = (asker("coder"), asker("other"), name("main"));
            let text = write_rule(Act::Forbid, "rule.x", &own, &credential, &touches);
            let (forbids, allows) =
                (["rule.x.1".to_owned(), "rule.x.2".to_owned()], ["starter.work".to_owned()]);
            let case = |title, asker, decision, policies| Expected {
                title,
                asker,
                credential: &credential,
                touches: &touches,
                decision,
                policies,
            };
            let tests = write_tests(&[
                case("its own", &own, "deny", &forbids[..]),
                case("another agent's", &other, "allow", &allows[..]),
            ]);
            let row = |operation: &str| ActionRow {
                operation: operation.into(),
                provider: "p".into(),
                strengths: Class::ALL.map(|class| Strength { class, marks: BTreeSet::new() }).into(),
            };
            let file = PolicyFile { name: "rule.x".into(), text: text.clone(), tests: Some(tests) };
            let checked = check(&builtin_files(), &[file], &[row("p:one"), row("p:two")]);
            let checked = checked.and_then(Checked::sound).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(checked.set.ids().iter().filter(|id| id.starts_with("rule.")).count(), 2, "{text}");
            let elsewhere = [Touch { class: Class::Write, ..touch("p:one", "elsewhere") }];
            assert_eq!(decided(&checked.set, &own, &credential, &elsewhere).0, "allow");
            assert_eq!(decided(&checked.set, &own, &name("second"), &touches).0, "allow");
        }
    }

    #[test]
    fn a_permit_that_is_written_never_lifts_a_guardrail() {
        let (own, credential) = (asker("coder"), name("main"));
        let touches = [touch("p:one", "x")];
        let text = write_rule(Act::Permit, "rule.x", &own, &credential, &touches);
        let mut files = builtin_files();
        files.push(PolicyFile { name: "rule.x".into(), text, tests: None });
        let set = PolicySet::load(&files).expect("loads");
        let (decision, policies) = decided(&set, &own, &credential, &touches);
        assert_eq!((decision, policies), ("deny", vec!["guardrail.unknown".to_owned()]));
    }
}
