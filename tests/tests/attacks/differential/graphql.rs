use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use stint_standin::Railway;
use stint_standin::railway::ids;
use stint_tests::wire::Answer;

use super::super::client::escaped;
use super::super::ground::Running;
use super::{Dice, Sample, classified, named};

/// Root fields with their arguments, by the kind of operation: name and the rest.
const READS: &[(&str, &str)] = &[
    ("me", "{ id }"),
    ("projects", "{ edges { node { id } } }"),
    ("project", "(id: \"PROJECT\") { id name }"),
    ("environment", "(id: \"STAGING\") { id name }"),
    ("service", "(id: \"SERVICE\") { id name }"),
    ("variables", "(projectId: \"PROJECT\", environmentId: \"PRODUCTION\")"),
];

const WRITES: &[(&str, &str)] = &[
    ("volumeDelete", "(volumeId: \"VOLUME\")"),
    ("volumeDelete", "(volumeId: \"SHARED\")"),
    ("environmentDelete", "(id: \"PRODUCTION\")"),
    ("serviceDelete", "(id: \"SERVICE\")"),
    ("projectDelete", "(id: \"PROJECT\")"),
    (
        "variableUpsert",
        "(input: { projectId: \"PROJECT\", environmentId: \"PRODUCTION\", name: \"A\", value: \"b\" })",
    ),
    ("projectUpdate", "(id: \"PROJECT\", input: { name: \"x\" }) { id }"),
];

fn filled(text: &str) -> String {
    text.replace("PROJECT", ids::PROJECT)
        .replace("STAGING", ids::STAGING)
        .replace("PRODUCTION", ids::PRODUCTION)
        .replace("SERVICE", ids::SERVICE_API)
        .replace("VOLUME", ids::VOLUME_PRODUCTION)
        .replace("SHARED", ids::VOLUME_SHARED)
}

/// One selection, in one of its disguises. Fragments that it needs are added to `fragments`.
fn selection(dice: &mut Dice, root: &str, (name, rest): (&str, &str), fragments: &mut String) -> String {
    let number = dice.roll(1000);
    let alias =
        dice.pick(&["", "aN: ", "meN: ", "volumeDeleteN : ", "xN:"]).replace('N', &number.to_string());
    let directive = dice.pick(&[
        "",
        "",
        "",
        "",
        "",
        " @include(if: true)",
        " @skip(if: false)",
        " @include(if: $on)",
        " @skip(if: $off)",
        " @skip(if: true)",
    ]);
    let rest = filled(rest);
    let (arguments, body) = match rest.find(" {").filter(|_| !rest.starts_with("(input")) {
        Some(at) => rest.split_at(at),
        None if rest.starts_with('{') => ("", rest.as_str()),
        None => (rest.as_str(), ""),
    };
    let field = format!("{alias}{name}{arguments}{directive} {body}");
    match dice.roll(9) {
        0 => format!("... on {root} {{ {field} }}"),
        1 => format!("... {{ {field} }}"),
        2 => format!("... @include(if: true) {{ ... on {root} {{ {field} }} }}"),
        3 => {
            let number = fragments.matches("fragment ").count();
            let _ = write!(fragments, " fragment F{number} on {root} {{ {field} }}");
            format!("...F{number}")
        }
        4 => {
            let number = fragments.matches("fragment ").count();
            let next = number + 1;
            let _ = write!(
                fragments,
                " fragment F{number} on {root} {{ ...F{next} }} fragment F{next} on {root} {{ {field} }}"
            );
            format!("...F{number}")
        }
        5 => format!("# {{ me {{ id }} }}\n{field},,"),
        _ => field,
    }
}

fn operation(dice: &mut Dice, name: &str, fragments: &mut String) -> String {
    let write = dice.roll(2) > 0;
    let (keyword, root, fields) =
        if write { ("mutation", "Mutation", WRITES) } else { ("query", "Query", READS) };
    let mut selections = String::new();
    for _ in 0..=dice.roll(3) {
        let field = fields[dice.roll(fields.len())];
        selections.push_str(&selection(dice, root, field, fragments));
        selections.push(' ');
    }
    if dice.roll(4) == 0 {
        selections.push_str("__typename ");
    }
    // A variable that is declared has to be used, and the other way round.
    let mut declared = Vec::new();
    for (variable, default) in [("$on", "true"), ("$off", "false")] {
        if selections.contains(variable) {
            declared.push(format!("{variable}: Boolean! = {default}"));
        }
    }
    let variables = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
    format!("{keyword} {name}{variables} {{ {selections}}}")
}

fn graphql(dice: &mut Dice) -> Sample {
    let mut fragments = String::new();
    let mut query = operation(dice, "A", &mut fragments);
    let mut name = dice.pick(&["", "A"]);
    if dice.roll(6) == 0 {
        query.push(' ');
        query.push_str(&operation(dice, "B", &mut fragments));
        name = dice.pick(&["", "A", "B", "b", "C"]);
    }
    let query =
        if dice.roll(2) == 0 { format!("{fragments} {query}") } else { format!("{query} {fragments}") };
    let mut members = vec![format!("\"query\":{}", Value::from(query.as_str()))];
    match dice.roll(10) {
        0 => members.push("\"variables\":{\"on\":false}".to_owned()),
        1 => members.push("\"variables\":{\"off\":true,\"on\":true}".to_owned()),
        2 => members.push("\"variables\":null".to_owned()),
        3 => members.push("\"variables\":\"{\\\"on\\\":true}\"".to_owned()),
        _ => {}
    }
    if !name.is_empty() {
        members.push(format!("\"operationName\":\"{name}\""));
    }
    match dice.roll(24) {
        0 => members.push("\"query\":\"{ me { id } }\"".to_owned()),
        1 => members.insert(0, "\"query\":\"{ me { id } }\"".to_owned()),
        2 => members.push("\"\\u0071uery\":\"{ me { id } }\"".to_owned()),
        3 => members.push("\"Query\":\"{ me { id } }\"".to_owned()),
        4 => members.push("\"extensions\":{}".to_owned()),
        _ => {}
    }
    let json = format!("{{{}}}", members.join(dice.pick(&[",", ", ", ",\n\t"])));
    let text = match dice.roll(16) {
        0 => format!("[{json}]"),
        1 => format!("[{{\"query\":\"{{ me {{ id }} }}\"}},{json}]"),
        2 => format!("query={}", escaped(&query)),
        3 => format!("query={}&operationName={name}", escaped(&query)),
        4 => query,
        5 => format!("\u{feff}{json}"),
        _ => json,
    };
    let kind = dice.pick(&[
        "application/json",
        "application/json",
        "application/json",
        "application/json",
        "application/json",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "text/plain",
        "",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "multipart/form-data; boundary=b",
    ]);
    let target = match dice.roll(24) {
        0 => format!("/graphql/v2?query={}", escaped("{ me { id } }")),
        1 => "/graphql/v2/".to_owned(),
        _ => "/graphql/v2".to_owned(),
    };
    let host = dice.pick(&["backboard.railway.com", "backboard.railway.app"]);
    let method = if dice.roll(15) == 0 { "GET" } else { "POST" };
    Sample { method, host, target, kind, body: text.into_bytes() }
}

#[test]
fn graphql_that_a_provider_executes_is_never_under_reported() {
    let railway = Running::plain(Railway::seeded());
    let site = &railway.handle().site;
    let before = site.snapshot();
    let mut dice = Dice(7);
    let samples: Vec<Sample> = (0..900).map(|_| graphql(&mut dice)).collect();
    let answers = classified(&samples);
    let (mut understood, mut refused, mut executions, mut harmless) = (0, 0, 0, 0);
    let mut why = BTreeMap::new();
    for (sample, said) in samples.iter().zip(&answers) {
        site.restore(before.clone());
        railway.log().clear();
        let Some(answer) = sample.direct(railway.handle().addr, ids::ACCOUNT_TOKEN) else { continue };
        let what = || {
            format!(
                "{}\n{}\nclassified: {said}\nanswered: {}",
                sample.line(),
                String::from_utf8_lossy(&sample.body),
                answer.text()
            )
        };
        let changes: Vec<&str> = changed(site);
        if said["understood"] == false {
            refused += 1;
            *why.entry(said["refused"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            assert_eq!(said["operations"], json!([]), "{}", what());
            continue;
        }
        understood += 1;
        let names = named(said);
        // What was really done is known without trusting anybody's reading of the document.
        for change in changes {
            assert!(names.contains(change), "{change} was done and not named: {}", what());
            assert_ne!(class_of(said, change), "read", "{}", what());
        }
        // And what the engine resolved: every key of `data` is a field that it ran.
        let ran = resolved(&sample.body, &answer);
        for field in &ran {
            assert!(names.contains(field), "{field} ran and was not named: {}", what());
        }
        if ran.is_empty() {
            harmless += 1;
        } else {
            executions += 1;
        }
    }
    println!(
        "{understood} understood, {refused} refused, {executions} executed, {harmless} without effect; {why:?}"
    );
    assert!(
        understood > 100 && refused > 100 && executions > 100,
        "the samples are too one-sided: {understood} {refused} {executions}"
    );
}

fn class_of<'a>(said: &'a Value, operation: &str) -> &'a str {
    let operations = said["operations"].as_array().unwrap();
    let one =
        operations.iter().find(|one| one["operation"].as_str().unwrap().ends_with(&format!(":{operation}")));
    one.and_then(|one| one["class"].as_str()).unwrap_or_default()
}

/// Which of the samples' changes the world shows, whatever the documents said.
fn changed(site: &Railway) -> Vec<&'static str> {
    let world = site.world();
    let project = world.exists("Project", ids::PROJECT);
    let environment = world.exists("Environment", ids::PRODUCTION);
    let service = world.exists("Service", ids::SERVICE_API);
    let mut changes = Vec::new();
    if !project {
        changes.push("projectDelete");
        return changes;
    }
    if !environment {
        changes.push("environmentDelete");
    }
    if !service {
        changes.push("serviceDelete");
    }
    let volumes =
        world.volume(ids::VOLUME_SHARED).is_none() || world.volume(ids::VOLUME_PRODUCTION).is_none();
    if volumes && environment {
        changes.push("volumeDelete");
    }
    if world.variable(ids::PRODUCTION, None, "A").is_some() {
        changes.push("variableUpsert");
    }
    changes
}

/// The root fields that the engine ran: the keys of `data`, and what they stand for in documents of this file.
fn resolved(body: &[u8], answer: &Answer) -> BTreeSet<String> {
    let text = readable(body);
    let answers = match answer.json() {
        Value::Array(answers) => answers,
        one => vec![one],
    };
    let keys = answers.iter().filter_map(|answer| answer["data"].as_object()).flat_map(|data| data.keys());
    keys.filter(|key| *key != "__typename").map(|key| stands_for(key, &text)).collect()
}

/// `volumeDelete` for `x7` where the text has `x7: volumeDelete`; a key that is no alias is a name.
fn stands_for(key: &str, text: &str) -> String {
    for alias in [format!("{key}: "), format!("{key} : "), format!("{key}:")] {
        let places = text.match_indices(&alias).map(|(at, _)| text.split_at(at));
        // `name: ` is no alias `me`.
        let alone = places.filter(|(before, _)| !before.ends_with(|c: char| c.is_ascii_alphanumeric()));
        if let Some((_, found)) = alone.into_iter().next() {
            let after = found.strip_prefix(&alias).unwrap_or_default();
            return after.chars().take_while(char::is_ascii_alphanumeric).collect();
        }
    }
    key.to_owned()
}

/// The text of a body, whether JSON, form or plain: enough to look for a word in it.
fn readable(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    text.replace("\\n", " ").replace("%0A", " ").replace("%3A", ":").replace("%20", " ").replace("+", " ")
}
