use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::decide::Outcome;
use super::question::Facts;

/// What a set of policies said of facts that it was asked about. It goes when the set does.
///
/// Bounded by two generations: what was not asked for while a whole generation filled up is forgotten, and would only be
/// worked out again. An error is never kept.
#[derive(Debug, Default)]
pub(super) struct Decided(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Facts, Arc<Outcome>>,
    old: HashMap<Facts, Arc<Outcome>>,
}

/// Entries of a generation, under a kilobyte each.
const ROOM: usize = 2048;

impl Decided {
    pub(super) fn find(&self, facts: &Facts) -> Option<Arc<Outcome>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = held.young.get(facts) {
            return Some(Arc::clone(outcome));
        }
        let (facts, outcome) = held.old.remove_entry(facts)?;
        held.keep(facts, Arc::clone(&outcome));
        Some(outcome)
    }

    pub(super) fn keep(&self, facts: Facts, outcome: Arc<Outcome>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(facts, outcome);
    }
}

impl Generations {
    fn keep(&mut self, facts: Facts, outcome: Arc<Outcome>) {
        if self.young.len() >= ROOM {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(facts, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::{Asker, Decision, Question};
    use super::super::set::{PolicySet, builtin_files};
    use super::ROOM;
    use crate::model::{Class, Confinement, CredentialId, Name, Resource, Tier, Touch, Where};

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn write(id: &str) -> Touch {
        Touch {
            operation: "railway:variableUpsert".into(),
            provider: "railway".into(),
            class: Class::Write,
            marks: Default::default(),
            resource: Some(Resource::new("environment", id)),
            name: None,
            place: Where::Environment { name: name("staging"), tier: Tier::Staging },
            consequences: vec![],
        }
    }

    fn ask(set: &PolicySet, asker: &Asker, touch: &Touch) -> &'static str {
        let question = Question {
            asker,
            credential: &CredentialId::from_uuid(uuid::Uuid::nil()),
            credential_name: &name("railway"),
            digest: [0; 32],
            touches: std::slice::from_ref(touch),
            approved: None,
        };
        match set.authorize(&question) {
            Decision::Allow { .. } => "allow",
            Decision::Deny(_) => "deny",
            Decision::Ask(_) => "ask",
        }
    }

    fn asker() -> Asker {
        Asker {
            agent: name("ci"),
            subject: "person:alice".into(),
            environment: name("staging"),
            tier: Tier::Staging,
            confinement: Confinement::None,
        }
    }

    #[test]
    fn one_fact_changed_is_another_decision() {
        let set = PolicySet::load(&builtin_files()).unwrap();
        let touch = write("x");
        for _ in 0..2 {
            assert_eq!(ask(&set, &asker(), &touch), "allow");
            let elsewhere = Asker { environment: name("other"), ..asker() };
            assert_eq!(ask(&set, &elsewhere, &touch), "deny");
            for (changed, decision) in [
                (Touch { class: Class::Destroy, ..touch.clone() }, "ask"),
                (Touch { class: Class::Unknown, ..touch.clone() }, "deny"),
                (Touch { marks: [crate::model::Mark::Backup].into(), ..touch.clone() }, "deny"),
                (Touch { place: Where::Unresolved("gone".into()), ..touch.clone() }, "deny"),
                (Touch { place: Where::Account, ..touch.clone() }, "ask"),
                (
                    Touch {
                        place: Where::Environment { name: name("staging"), tier: Tier::Production },
                        ..touch.clone()
                    },
                    "ask",
                ),
                (
                    Touch {
                        place: Where::Environment { name: name("other"), tier: Tier::Staging },
                        ..touch.clone()
                    },
                    "deny",
                ),
            ] {
                assert_eq!(ask(&set, &asker(), &changed), decision, "{changed:?}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_asked_for_stays() {
        let set = PolicySet::load(&builtin_files()).unwrap();
        for n in 0..(2 * ROOM + ROOM / 2) {
            assert_eq!(ask(&set, &asker(), &write(&n.to_string())), "allow");
            if n % 100 == 0 {
                ask(&set, &asker(), &write("0"));
            }
        }
        let held = set.decided.0.lock().unwrap();
        assert!(held.young.len() + held.old.len() <= 2 * ROOM);
        assert!(held.young.len() > 1 && !held.old.is_empty());
    }
}
