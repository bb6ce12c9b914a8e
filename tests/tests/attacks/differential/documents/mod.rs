//! Documents of GraphQL made from the tables of the packs, sound and broken: what the gateway understands of one, and what
//! it sends in its place, is what graphql-core runs. `STINT_SEED=N` makes others, `STINT_SAMPLES=N` more of them.

mod generate;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use stint_broker::catalog::{Catalog, Understood, canonical};
use stint_tests::chosen_number;

use super::Dice;
use generate::Request;
use schema::Schema;

/// Where `tests/clients/install` puts graphql-core, under the folder of what is built.
const PYTHON: &str = "clients/python/bin/python";
const ORACLE: &str = include_str!("oracle.py");

macro_rules! tables {
    ($folder:literal) => {
        Schema::of(
            include_str!(concat!("../../../../../policies/packs/", $folder, "/operations.tsv")),
            include_str!(concat!("../../../../../policies/packs/", $folder, "/types.tsv")),
            include_str!(concat!("../../../../../policies/packs/", $folder, "/inputs.tsv")),
        )
    };
}

fn python() -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let found = test.ancestors().skip(1).take(4).map(|folder| folder.join(PYTHON)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("{PYTHON} is not in the folder of what is built: ./tests/clients/install quick puts it there")
    })
}

/// What graphql-core says of each line.
fn asked(schemas: &Value, lines: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python())
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let input: String = std::iter::once(schemas).chain(lines).map(|line| format!("{line}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let done = child.wait_with_output().expect("python ends");
    writer.join().expect("a thread").expect("all is read");
    let text = String::from_utf8(done.stdout).expect("text");
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), lines.len(), "python said too little");
    answers
}

fn understood(catalog: &Catalog, url: (&str, &str), request: &Request) -> Result<Understood, String> {
    let mut body = json!({ "query": request.query, "variables": request.variables });
    if let Some(name) = request.name {
        body["operationName"] = name.into();
    }
    let pack = catalog.by_host(url.0).expect("a pack");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let provider = canonical::Provider { hosts: &pack.manifest.hosts, slash_at_end: false };
    let request =
        canonical::request("POST", url.0, url.1, &headers, body.to_string().into(), false, provider)
            .map_err(|refusal| refusal.code.to_owned())?;
    catalog.classify(pack, request).map_err(|refusal| refusal.code.to_owned())
}

/// `kind:id` of what a row of the table says that these arguments name.
fn named(resources: &str, arguments: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for one in resources.split(',').filter(|one| !one.is_empty() && !one.contains('/')) {
        for alternative in one.split('|') {
            let (kind, path) = alternative.split_once('=').expect("KIND=PATH");
            let mut found = vec![arguments];
            for step in path.split('.') {
                let step = step.trim_end_matches("[]");
                let next = found.into_iter().filter_map(|value| value.get(step));
                let each = next.flat_map(|value| match value {
                    Value::Array(items) => items.iter().collect(),
                    other => vec![other],
                });
                found = each.collect();
            }
            let ids: Vec<&str> = found.into_iter().filter_map(Value::as_str).collect();
            if !ids.is_empty() {
                all.extend(ids.into_iter().map(|id| format!("{kind}:{id}")));
                break;
            }
        }
    }
    all
}

#[test]
fn documents_are_what_another_parser_runs() {
    let seed = chosen_number("STINT_SEED").unwrap_or(17);
    let count = chosen_number("STINT_SAMPLES").unwrap_or(1500);
    let schemas: BTreeMap<&str, Schema> =
        BTreeMap::from([("railway", tables!("railway")), ("github", tables!("github/graphql"))]);
    let urls = BTreeMap::from([
        ("railway", ("backboard.railway.com", "/graphql/v2")),
        ("github", ("api.github.com", "/graphql")),
    ]);
    let catalog = Catalog::builtin().expect("the packs that ship are sound");
    let mut dice = Dice(seed);
    let samples: Vec<(&str, Request)> = (0..count)
        .map(|index| {
            let name = if index % 4 == 0 { "github" } else { "railway" };
            (name, generate::request(&mut dice, &schemas[name]))
        })
        .collect();
    let mut lines = Vec::new();
    let mut read = Vec::new();
    for (name, sample) in &samples {
        let line = |query: &Value, variables: &Value, operation: &Value| {
            let variables = if variables.is_null() { json!({}) } else { variables.clone() };
            json!({ "schema": name, "query": query, "variables": variables, "name": operation })
        };
        lines.push(line(&json!(sample.query), &sample.variables, &json!(sample.name)));
        let own = understood(&catalog, urls[name], sample);
        // What goes to the provider, or the same once more where nothing does.
        let sent =
            own.as_ref().ok().map(|own| serde_json::from_slice::<Value>(&own.request.body).expect("JSON"));
        let sent = sent.map(|sent| line(&sent["query"], &sent["variables"], &sent["operationName"]));
        lines.push(sent.unwrap_or_else(|| lines[lines.len() - 1].clone()));
        read.push(own);
    }
    let sdl: BTreeMap<&str, String> = schemas.iter().map(|(name, schema)| (*name, schema.sdl())).collect();
    let answers = asked(&json!(sdl), &lines);
    let (mut alike, mut left, mut fields, mut sound, mut why) = (0, 0, 0, 0, BTreeMap::new());
    for (index, ((name, sample), own)) in samples.iter().zip(&read).enumerate() {
        let (said, sent) = (&answers[2 * index], &answers[2 * index + 1]);
        sound += usize::from(said["bad"].is_null());
        let own = match own {
            Ok(own) => own,
            Err(code) => {
                let known = if said["bad"].is_null() { "runs" } else { "no" };
                *why.entry(format!("{code} ({known})")).or_insert(0) += 1;
                continue;
            }
        };
        let what = || {
            let body = String::from_utf8_lossy(&own.request.body);
            let operations = &own.operations;
            let Request { query, variables, name, is_whole } = sample;
            format!(
                "seed {seed}, sample {index} (whole: {is_whole}):\n{query}\n{variables} {name:?}\nsent: {body}\nit runs: {said}\nsent, it runs: {sent}\nunderstood: {operations:?}"
            )
        };
        if sent["ran"].is_null() {
            // Rules that no reading depends on are the provider's: two fields under one name, say. Nothing runs.
            left += 1;
            continue;
        }
        // What is wrong in an operation that was not chosen is not sent.
        assert!(said == sent || !said["bad"].is_null(), "what is sent does something else: {}", what());
        let ran = sent["ran"].as_array().expect("a list");
        let names: BTreeSet<String> =
            ran.iter().map(|one| format!("{name}:{}", one[0].as_str().expect("a name"))).collect();
        let named_here: BTreeSet<String> = own
            .operations
            .iter()
            .map(|one| one.operation.clone())
            .filter(|one| !one.contains(":__"))
            .collect();
        // What a directive leaves out counts all the same.
        assert!(named_here.is_superset(&names), "{}", what());
        for one in ran {
            let field = one[0].as_str().expect("a name");
            let row = schemas[name].roots.iter().find(|root| root.name == field).expect("a row");
            let expected = named(&row.resources, &one[1]);
            let fits = own.operations.iter().any(|operation| {
                let resources: BTreeSet<String> =
                    operation.resources.iter().map(|one| format!("{}:{}", one.kind, one.id)).collect();
                let shared = operation.scope == stint_broker::model::Scope::Shared;
                operation.operation == format!("{name}:{field}")
                    && (shared || resources.is_superset(&expected))
            });
            assert!(fits, "{field} names {expected:?}: {}", what());
            fields += 1;
        }
        alike += 1;
    }
    println!(
        "seed {seed}: {count} documents, {sound} sound to graphql-core; {alike} understood alike with {fields} root fields, {left} left to the provider to refuse; refused: {why:?}"
    );
    let most = usize::try_from(count).expect("a count") / 5;
    assert!(
        alike > most && fields > most && left < most,
        "the samples are too one-sided: {alike} of {count}, {why:?}"
    );
}
