use super::*;
use crate::model::Mark;
use crate::policy::{PolicyFile, builtin_files};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn strengths(list: &[(Class, &[Mark])]) -> BTreeSet<Strength> {
    list.iter()
        .map(|(class, marks)| Strength { class: *class, marks: marks.iter().copied().collect() })
        .collect()
}

fn world() -> World {
    let act = |operation: &str, list: &[(Class, &[Mark])]| ActionRow {
        operation: operation.to_owned(),
        provider: operation.split(':').next().unwrap_or_default().to_owned(),
        strengths: strengths(list),
    };
    World {
        invented: false,
        agents: vec![name("ci"), name("nightly")],
        environments: vec![
            (name("staging"), Tier::Staging),
            (name("production"), Tier::Production),
            (name("preview"), Tier::Development),
        ],
        acts: vec![
            act("railway:project", &[(Class::Read, &[])]),
            act("railway:deploy", &[(Class::Write, &[])]),
            act("railway:volumeDelete", &[(Class::Destroy, &[Mark::CarriesBackups])]),
            act("railway:backupDelete", &[(Class::Destroy, &[Mark::Backup])]),
            act("github:issues/create", &[(Class::Write, &[])]),
            act("github:keys/create", &[(Class::Grant, &[]), (Class::Unknown, &[])]),
            act("railway:variables", &[(Class::Reveal, &[])]),
        ],
    }
}

fn set(own: &str) -> PolicySet {
    let mut files = builtin_files();
    files.push(PolicyFile { name: "own".into(), text: own.into(), tests: None });
    PolicySet::load(&files).expect("loads")
}

fn lines(own: &str) -> Vec<Line> {
    reach(&set(own), &world()).expect("is found").lines
}

fn find<'a>(lines: &'a [Line], session: &str, class: Class, place: &str) -> Vec<&'a Line> {
    let fits = |line: &&Line| {
        line.session == session && line.class == Some(class) && line.places.iter().any(|own| own == place)
    };
    lines.iter().filter(fits).collect()
}

#[test]
fn what_ships_reaches_what_its_words_say() {
    let lines = lines("");
    let one = |session: &str, class, place: &str| match find(&lines, session, class, place).as_slice() {
        [line] => (line.outcome, line.policies.join(" ")),
        others => panic!("{others:?}"),
    };
    assert_eq!(one("staging", Class::Read, "own"), (Outcome::Allowed, "starter.work".into()));
    assert_eq!(one("staging", Class::Write, "own"), (Outcome::Allowed, "starter.work".into()));
    assert_eq!(one("production", Class::Write, "own"), (Outcome::Asked, "guardrail.production".into()));
    let other = (Outcome::Denied, "guardrail.other-environment".to_owned());
    assert_eq!(one("staging", Class::Read, "production"), other);
    assert_eq!(one("staging", Class::Read, "shared"), (Outcome::Allowed, "starter.shared-facts".into()));
    assert_eq!(one("staging", Class::Write, "account"), (Outcome::Asked, "guardrail.account-wide".into()));
    let destroys = find(&lines, "production", Class::Destroy, "own");
    assert!(destroys.iter().all(|line| line.outcome == Outcome::Denied), "{destroys:?}");
    let destroys = find(&lines, "staging", Class::Destroy, "own");
    let outcome = |mark: &str| {
        destroys.iter().find(|line| line.marks.contains(&mark)).map(|line| line.outcome).expect("a line")
    };
    assert_eq!((outcome("backup"), outcome("carries-backups")), (Outcome::Denied, Outcome::Asked));
    // Everybody is alike: no agent is named.
    assert!(lines.iter().all(|line| line.agents.is_empty()));
}

#[test]
fn what_is_named_is_told_apart_and_nothing_else() {
    let before = lines("");
    let after = lines(
        "@id(\"own.no-deploy\")\nforbid (principal == Agent::\"nightly\", action == Action::\"railway:deploy\", resource)\nwhen { resource.tier == \"staging\" };",
    );
    let of = |agent: &str| -> Vec<Line> {
        let mine = after.iter().filter(|line| line.agents == [agent]);
        mine.map(|line| Line { agents: vec![], ..line.clone() }).collect()
    };
    assert_eq!(of("ci"), before, "the other agent reaches what it reached");
    let changed: Vec<Line> = of("nightly").into_iter().filter(|line| !before.contains(line)).collect();
    let deploy = changed.iter().find(|line| line.operations == ["railway:deploy"] && line.places == ["own"]);
    assert!(
        deploy.is_some_and(|line| line.outcome == Outcome::Denied && line.policies == ["own.no-deploy"]),
        "{changed:?}"
    );
    assert!(changed.iter().all(|line| line.class == Some(Class::Write)), "{changed:?}");
}

#[test]
fn what_is_not_known_is_said_as_the_condition_that_is_left() {
    let lines = lines(
        "@id(\"own.confined\")\nforbid (principal, action in Action::\"class:write\", resource is Resource)\nunless { context.session.confined || resource.id like \"tmp-*\" };",
    );
    let writes = find(&lines, "staging", Class::Write, "own");
    let [line] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(line.outcome, Outcome::Depends);
    assert_eq!(line.policies, ["own.confined", "starter.work"]);
    let [when] = line.when.as_slice() else { panic!("{line:?}") };
    assert!(when.starts_with("own.confined: "), "{when}");
    assert!(
        when.contains("context.session.confined") && when.contains("resource.id like \"tmp-*\""),
        "{when}"
    );
    assert!(!when.contains("unknown") && !when.contains("true"), "{when}");
    // What a guardrail denies anyway depends on nothing.
    let elsewhere = find(&lines, "staging", Class::Write, "production");
    assert!(elsewhere.iter().all(|line| line.outcome == Outcome::Denied && line.when.is_empty()));
}

#[test]
fn a_thing_that_is_named_has_a_line_of_its_own() {
    let lines = lines(
        "@id(\"own.volume\")\nforbid (principal, action, resource == Resource::\"railway:volume/v-1\");",
    );
    let own: Vec<&Line> =
        lines.iter().filter(|line| line.places.iter().any(|place| place.contains("volume v-1"))).collect();
    assert!(!own.is_empty() && own.iter().all(|line| line.outcome == Outcome::Denied), "{own:?}");
    let general = find(&lines, "staging", Class::Read, "own");
    assert!(general.iter().all(|line| line.outcome == Outcome::Allowed), "{general:?}");
}

#[test]
fn a_policy_that_says_nothing_is_found() {
    let text = "@id(\"own.again\")\npermit (principal, action in Action::\"class:read\", resource is Resource)\nwhen { resource.place == \"environment\" && resource.environment == context.session.environment };\n\
        @id(\"own.stopped\")\npermit (principal, action, resource is Resource)\nwhen { resource.place == \"unmapped\" };\n\
        @id(\"own.nobody\")\nforbid (principal == Agent::\"gone\", action, resource);\n\
        @id(\"own.counts\")\nforbid (principal, action == Action::\"railway:deploy\", resource);";
    let faults = reach(&set(text), &world()).expect("is found").notes;
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let about =
        |id: &str| said.iter().filter(|line| line.contains(&format!(" {id} "))).cloned().collect::<Vec<_>>();
    assert!(about("own.again")[0].contains("starter.work permits the same"), "{said:?}");
    assert!(about("own.stopped")[0].contains("guardrail.unmapped"), "{said:?}");
    assert!(about("own.nobody")[0].contains("applies to nothing"), "{said:?}");
    assert_eq!(about("own.counts"), Vec::<String>::new());
    assert!(faults[0].at.is_some_and(|at| at.line > 0));
    // What ships says what it says.
    assert_eq!(reach(&set(""), &world()).expect("is found").notes, vec![]);
    // Where the broker's agents are not known, nobody says that there is none of a name.
    let notes = reach(&set(text), &World { invented: true, ..world() }).expect("is found").notes;
    let said: Vec<String> = notes.iter().map(ToString::to_string).collect();
    assert!(said.iter().all(|line| !line.contains("own.nobody")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("own.again")), "{said:?}");
}
