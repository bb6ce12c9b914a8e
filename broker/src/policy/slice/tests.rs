use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Response};

use super::super::decide::{Asker, Question};
use super::super::question::Facts;
use super::super::set::{PolicyFile, PolicySet, builtin_files};
use crate::model::{Class, Confinement, CredentialId, Mark, Name, Resource, Selector, Tier, Touch, Where};

/// Every shape of scope, for names that the questions below have and for names that they have not.
const SHAPES: &str = r#"
    @id("p.any") permit (principal, action, resource);
    @id("p.agent") permit (principal == Agent::"ci", action, resource);
    @id("p.agent-in") permit (principal in Agent::"ci", action, resource);
    @id("p.agent-is-in") permit (principal is Agent in Agent::"other", action, resource);
    @id("p.nobody") permit (principal == Environment::"ci", action, resource);
    @id("p.action") permit (principal, action == Action::"railway:volumeDelete", resource);
    @id("p.group-by-name") permit (principal, action == Action::"class:read", resource);
    @id("p.provider") permit (principal, action in Action::"provider:railway", resource);
    @id("p.list") permit (principal, action in [Action::"class:write", Action::"github:repos/get"], resource);
    @id("p.place") permit (principal, action, resource in Environment::"staging");
    @id("p.place-is-in") permit (principal, action, resource is Resource in Environment::"production");
    @id("p.thing") permit (principal, action, resource == Resource::"railway:volume/v1");
    @id("p.thing-in") permit (principal, action, resource in Resource::"railway:volume/v2");
    @id("p.place-itself") permit (principal, action, resource is Environment);
    @id("f.both") @approvable forbid (principal == Agent::"ci", action in Action::"class:destroy", resource in Environment::"staging");
    @id("f.place") forbid (principal, action in Action::"class:grant", resource in Environment::"production");
    @id("f.fails") forbid (principal, action == Action::"github:repos/get", resource) when { resource.nothing == 1 };
    @id("f.fails-elsewhere") forbid (principal == Agent::"nobody", action, resource) when { resource.nothing == 1 };
"#;

fn set(extra: &str) -> PolicySet {
    let mut files = builtin_files();
    files.push(PolicyFile { name: "extra.cedar".into(), text: extra.into(), tests: None });
    PolicySet::load(&files).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn touches() -> Vec<Touch> {
    let places = [
        Where::Environment { name: name("staging"), tier: Tier::Staging },
        Where::Environment { name: name("production"), tier: Tier::Production },
        Where::Unmapped(Selector::new("railway", "environment", "x")),
        Where::Unresolved("gone".into()),
        Where::Shared,
        Where::Account,
    ];
    let things = [None, Some(Resource::new("volume", "v1")), Some(Resource::new("volume", "v2"))];
    let operations =
        [("railway", "railway:volumeDelete"), ("github", "github:repos/get"), ("railway", "railway:me")];
    let mut all = Vec::new();
    for place in &places {
        for resource in &things {
            for class in Class::ALL {
                for (provider, operation) in operations {
                    let marks: BTreeSet<Mark> = match class {
                        Class::Destroy => [Mark::CarriesBackups].into(),
                        _ => BTreeSet::new(),
                    };
                    all.push(Touch {
                        operation: operation.into(),
                        provider: provider.into(),
                        class,
                        marks,
                        resource: resource.clone(),
                        name: None,
                        place: place.clone(),
                        consequences: vec![],
                    });
                }
            }
        }
    }
    all
}

fn facts(asker: &Asker, touch: &Touch) -> Facts {
    Facts::of(
        &Question {
            asker,
            credential: &CredentialId::from_uuid(uuid::Uuid::nil()),
            credential_name: &name("key"),
            digest: [0; 32],
            touches: &[],
            approved: None,
        },
        touch,
    )
}

fn said(response: &Response) -> (bool, BTreeSet<String>, usize) {
    let reasons = response.diagnostics().reason().map(ToString::to_string).collect();
    let allowed = response.decision() == cedar_policy::Decision::Allow;
    (allowed, reasons, response.diagnostics().errors().count())
}

fn check(set: &PolicySet) {
    let touches = touches();
    let mut lifted = cedar_policy::PolicySet::new();
    for policy in set.all.policies() {
        if !set.notes[&policy.id().to_string()].approvable {
            lifted.add(policy.clone()).unwrap();
        }
    }
    let (mut allowed, mut failed) = (0, 0);
    for agent in ["ci", "other"] {
        let asker = Asker {
            agent: name(agent),
            subject: "person:alice".into(),
            environment: name("staging"),
            tier: Tier::Staging,
            confinement: Confinement::None,
        };
        for touch in &touches {
            let facts = facts(&asker, touch);
            let scope = set.names.scope(&facts);
            let (request, entities) = set.names.put(&facts, &scope).unwrap();
            let slice = set.slices.of(&scope).unwrap();
            let authorizer = Authorizer::new();
            for (whole, slice) in [(&set.all, &slice.all), (&lifted, &slice.lifted)] {
                let whole = said(&authorizer.is_authorized(&request, whole, &entities));
                let sliced = said(&authorizer.is_authorized(&request, slice, &entities));
                assert_eq!(whole, sliced, "{agent} {touch:?}");
                allowed += usize::from(whole.0);
                failed += whole.2;
            }
        }
    }
    // The questions are worth asking: some are allowed, and with the odd policies some decisions fail.
    assert!(allowed > 0 && (failed > 0) == set.notes.contains_key("f.fails"));
}

#[test]
fn a_slice_decides_as_the_whole_set_does() {
    check(&set(""));
    check(&set(SHAPES));
}

#[test]
fn policies_of_other_scopes_are_not_looked_at() {
    let others: String = (0..300)
        .map(|n| format!("@id(\"x{n}\") permit (principal == Agent::\"a{n}\", action, resource);\n"))
        .collect();
    let (few, many) = (set(""), set(&others));
    let asker = Asker {
        agent: name("ci"),
        subject: "agent:ci".into(),
        environment: name("staging"),
        tier: Tier::Staging,
        confinement: Confinement::Full,
    };
    for touch in &touches() {
        let of = |set: &PolicySet| {
            let slice = set.slices.of(&set.names.scope(&facts(&asker, touch))).unwrap();
            slice.all.policies().map(|policy| policy.id().to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&few), of(&many));
        assert!(of(&few).len() <= 13, "{:?}", of(&few));
    }
}

#[test]
fn what_no_policy_names_takes_no_room() {
    let set = set("");
    let asker = |n: usize| Asker {
        agent: name(&format!("agent-{n}")),
        subject: "agent:x".into(),
        environment: name("staging"),
        tier: Tier::Staging,
        confinement: Confinement::Full,
    };
    for n in 0..2000 {
        let touch = Touch {
            operation: format!("railway:operation{n}"),
            provider: format!("provider{n}"),
            class: Class::Write,
            marks: BTreeSet::new(),
            resource: Some(Resource::new("volume", n.to_string())),
            name: None,
            place: Where::Environment { name: name(&format!("place-{n}")), tier: Tier::Staging },
            consequences: vec![],
        };
        set.slices.of(&set.names.scope(&facts(&asker(n), &touch))).unwrap();
    }
    let made = set.slices.made.lock().unwrap();
    assert_eq!((made.by_scope.len(), made.by_rows.len()), (1, 1));
}
