//! What the broker says of some bytes against what a provider does with the same bytes, sent past the broker.
//!
//! The stand-in is the oracle: it parses with another parser, validates against the published schema and executes. A
//! root field that it executes and a change that it makes must be among the operations that `pack classify` names, or the
//! request must be refused. To say too much is allowed, to say too little is not.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use stint_standin::railway::ids;
use stint_standin::{Github, Railway};
use stint_tests::wire::{self, Answer};

use super::client::escaped;
use super::ground::Running;

/// A request in the form that `pack classify` reads, and that a socket can be given.
#[derive(Clone)]
struct Sample {
    method: &'static str,
    host: &'static str,
    target: String,
    kind: &'static str,
    body: Vec<u8>,
}

impl Sample {
    fn line(&self) -> String {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(&self.body);
        let mut line = json!({ "method": self.method, "url": format!("https://{}{}", self.host, self.target), "headers": {} });
        if !self.kind.is_empty() {
            line["headers"]["content-type"] = self.kind.into();
        }
        if !self.body.is_empty() {
            line["body_base64"] = body.into();
        }
        line.to_string()
    }

    /// Straight to the provider, as nobody with a session could.
    fn direct(&self, addr: std::net::SocketAddr, token: &str) -> Option<Answer> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n",
            self.method,
            self.target,
            self.host,
            self.body.len()
        );
        if !self.kind.is_empty() {
            let _ = write!(head, "content-type: {}\r\n", self.kind);
        }
        head.push_str("\r\n");
        wire::send(addr, &[head.as_bytes(), &self.body].concat()).ok().as_deref().and_then(wire::parse)
    }
}

/// The answers of one `stint-broker pack classify --jsonl`.
fn classified(samples: &[Sample]) -> Vec<Value> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let test = std::env::current_exe().unwrap();
    let broker = test.ancestors().skip(1).map(|folder| folder.join("stint-broker")).find(|path| path.is_file()).unwrap();
    let mut child = Command::new(broker)
        .args(["pack", "classify", "--jsonl"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = samples.iter().map(|sample| sample.line() + "\n").collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(done.status.success());
    let text = String::from_utf8(done.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), samples.len());
    answers
}

fn named(answer: &Value) -> BTreeSet<String> {
    let operations = answer["operations"].as_array().unwrap().iter();
    operations.map(|one| one["operation"].as_str().unwrap().split_once(':').unwrap().1.to_owned()).collect()
}

/// A generator without luck: the same samples in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % below as u64).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

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
    ("variableUpsert", "(input: { projectId: \"PROJECT\", environmentId: \"PRODUCTION\", name: \"A\", value: \"b\" })"),
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
    let alias = dice.pick(&["", "", "a: ", "me: ", "volumeDelete: ", "__typename: ", "b : ", "x:"]);
    let directive = dice.pick(&["", "", "", " @include(if: true)", " @skip(if: false)", " @include(if: $on)", " @skip(if: $off)", " @skip(if: true)"]);
    let rest = filled(rest);
    let (arguments, body) = match rest.find(" {").filter(|_| !rest.starts_with("(input")) {
        Some(at) => rest.split_at(at),
        None if rest.starts_with('{') => ("", rest.as_str()),
        None => (rest.as_str(), ""),
    };
    let field = format!("{alias}{name}{arguments}{directive} {body}");
    match dice.roll(8) {
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
            let _ = write!(fragments, " fragment F{number} on {root} {{ ...F{next} }} fragment F{next} on {root} {{ {field} }}");
            format!("...F{number}")
        }
        5 => format!("# {{ me {{ id }} }}\n{field},,"),
        _ => field,
    }
}

fn operation(dice: &mut Dice, name: &str, fragments: &mut String) -> String {
    let write = dice.roll(3) > 0;
    let (keyword, root, fields) = if write { ("mutation", "Mutation", WRITES) } else { ("query", "Query", READS) };
    let mut selections = String::new();
    for _ in 0..=dice.roll(3) {
        let field = fields[dice.roll(fields.len())];
        selections.push_str(&selection(dice, root, field, fragments));
        selections.push(' ');
    }
    if dice.roll(4) == 0 {
        selections.push_str("__typename ");
    }
    format!("{keyword} {name}($on: Boolean! = true, $off: Boolean! = false) {{ {selections}}}")
}

fn graphql(dice: &mut Dice) -> Sample {
    let mut fragments = String::new();
    let mut query = operation(dice, "A", &mut fragments);
    let mut name = dice.pick(&["", "A"]);
    if dice.roll(4) == 0 {
        query.push(' ');
        query.push_str(&operation(dice, "B", &mut fragments));
        name = dice.pick(&["", "A", "B", "b", "C"]);
    }
    let query = if dice.roll(2) == 0 { format!("{fragments} {query}") } else { format!("{query} {fragments}") };
    let mut members = vec![format!("\"query\":{}", Value::from(query.as_str()))];
    match dice.roll(6) {
        0 => members.push("\"variables\":{\"on\":false}".to_owned()),
        1 => members.push("\"variables\":{\"off\":true,\"on\":true}".to_owned()),
        2 => members.push("\"variables\":null".to_owned()),
        3 => members.push("\"variables\":\"{\\\"on\\\":true}\"".to_owned()),
        _ => {}
    }
    if !name.is_empty() {
        members.push(format!("\"operationName\":\"{name}\""));
    }
    match dice.roll(12) {
        0 => members.push("\"query\":\"{ me { id } }\"".to_owned()),
        1 => members.insert(0, "\"query\":\"{ me { id } }\"".to_owned()),
        2 => members.push("\"\\u0071uery\":\"{ me { id } }\"".to_owned()),
        3 => members.push("\"Query\":\"{ me { id } }\"".to_owned()),
        4 => members.push("\"extensions\":{}".to_owned()),
        _ => {}
    }
    let json = format!("{{{}}}", members.join(dice.pick(&[",", ", ", ",\n\t"])));
    let text = match dice.roll(10) {
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
        "application/x-www-form-urlencoded",
        "application/graphql",
        "text/plain",
        "",
        "application/json; charset=utf-8",
        "application/octet-stream",
        "multipart/form-data; boundary=b",
    ]);
    let target = match dice.roll(12) {
        0 => format!("/graphql/v2?query={}", escaped("{ me { id } }")),
        1 => "/graphql/v2/".to_owned(),
        _ => "/graphql/v2".to_owned(),
    };
    let host = dice.pick(&["backboard.railway.com", "backboard.railway.app"]);
    let method = if dice.roll(15) == 0 { "GET" } else { "POST" };
    Sample { method, host, target, kind, body: text.into_bytes() }
}

/// The root fields that an answer shows were executed: those with data, and those whose error names them as a path. The
/// answer's keys are aliases, so the fields are found by what each alias stands for in the document.
fn executed(railway: &Running<Railway>, answer: &Answer) -> BTreeSet<String> {
    let answers = match answer.json() {
        Value::Array(answers) => answers,
        one => vec![one],
    };
    let began = answers.iter().any(|answer| answer["data"].is_object() && !answer["data"].as_object().unwrap().is_empty());
    let entry = railway.log().last().unwrap();
    if began { entry.operations.into_iter().collect() } else { BTreeSet::new() }
}

#[test]
fn graphql_that_a_provider_executes_is_never_under_reported() {
    let railway = Running::start(Railway::seeded());
    let site = &railway.handle().site;
    let before = site.snapshot();
    let mut dice = Dice(7);
    let samples: Vec<Sample> = (0..600).map(|_| graphql(&mut dice)).collect();
    let answers = classified(&samples);
    let (mut understood, mut refused, mut executions, mut harmless) = (0, 0, 0, 0);
    for (sample, said) in samples.iter().zip(&answers) {
        site.restore(before.clone());
        railway.log().clear();
        let Some(answer) = sample.direct(railway.handle().addr, ids::ACCOUNT_TOKEN) else { continue };
        let what = || format!("{}\n{}\nclassified: {said}\nanswered: {}", sample.line(), String::from_utf8_lossy(&sample.body), answer.text());
        let changes: Vec<&str> = changed(site);
        if said["understood"] == false {
            refused += 1;
            assert_eq!(said["operations"], json!([]), "{}", what());
            continue;
        }
        understood += 1;
        let names = named(said);
        if !executed(&railway, &answer).is_empty() {
            executions += 1;
        }
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
        }
    }
    println!("{understood} understood, {refused} refused, {executions} executed, {harmless} without effect");
    assert!(understood > 100 && refused > 100 && executions > 60, "the samples are too one-sided: {understood} {refused} {executions}");
}

fn class_of<'a>(said: &'a Value, operation: &str) -> &'a str {
    let operations = said["operations"].as_array().unwrap();
    let one = operations.iter().find(|one| one["operation"].as_str().unwrap().ends_with(&format!(":{operation}")));
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
    let volumes = world.volume(ids::VOLUME_SHARED).is_none() || world.volume(ids::VOLUME_PRODUCTION).is_none();
    if volumes && environment {
        changes.push("volumeDelete");
    }
    if world.variable(ids::PRODUCTION, None, "A").is_some() {
        changes.push("variableUpsert");
    }
    changes
}

/// The fields behind the keys of `data`, for documents of this file: each field is written `alias: name` or `name`.
fn resolved(body: &[u8], answer: &Answer) -> BTreeSet<String> {
    let text = form_urlencoded_text(body);
    let answers = match answer.json() {
        Value::Array(answers) => answers,
        one => vec![one],
    };
    let mut ran = BTreeSet::new();
    for answer in &answers {
        let Some(data) = answer["data"].as_object() else { continue };
        for key in data.keys() {
            // A name that no alias in the document hides is its own.
            let aliased = [format!("{key}: "), format!("{key} : "), format!("{key}:")].iter().any(|alias| text.contains(alias));
            let known = READS.iter().chain(WRITES).any(|(name, _)| name == key);
            if known && !aliased {
                ran.insert(key.clone());
            }
        }
    }
    ran
}

/// The text of a body, whether JSON, form or plain: enough to look for a word in it.
fn form_urlencoded_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    text.replace("%3A", ":").replace("%20", " ").replace("+", " ")
}

fn rest(dice: &mut Dice) -> Sample {
    let repository = dice.pick(&["atlas/sandbox", "atlas/api", "Atlas/API", "ATLAS/web", "atlas/nothing"]);
    let tail = dice.pick(&[
        "", "/issues", "/issues/1", "/issues/1/comments", "/contents/README.md", "/contents/a%2Fb", "/git/refs", "/git/refs/heads/main",
        "/git/ref/heads/main", "/branches", "/actions/secrets", "/actions/secrets/DEPLOY_KEY", "/actions/secrets/public-key",
        "/environments", "/environments/production", "/environments/Production", "/transfer", "/keys", "/git/refs/heads%2Frelease",
    ]);
    let mut target = match dice.roll(8) {
        0 => "/repositories/1002".to_owned() + tail,
        1 => dice.pick(&["/user", "/user/repos", "/orgs/atlas/repos", "/users/atlas/repos", "/rate_limit", "/"]).to_owned(),
        _ => format!("/repos/{repository}{tail}"),
    };
    // What a server that joins, cuts and decodes makes of it.
    target = match dice.roll(12) {
        0 => target.replacen("/repos", "//repos", 1),
        1 => target + "/",
        2 => target.replacen("/repos/", "/repos/x/../", 1),
        3 => target.replacen("api", "%61pi", 1),
        4 => target.replacen("/issues", "/%69ssues", 1),
        5 => target + "?_method=DELETE",
        6 => target + "?per_page=1",
        7 => target.replacen("atlas/", "atlas%2F", 1),
        8 => target.replacen("/git/", "/git//", 1),
        _ => target,
    };
    let method = dice.pick(&["GET", "GET", "DELETE", "DELETE", "PATCH", "POST", "PUT", "HEAD", "OPTIONS"]);
    let body = match (method, dice.roll(5)) {
        ("GET" | "HEAD" | "OPTIONS" | "DELETE", _) => "",
        (_, 0) => "{\"name\":\"renamed\",\"title\":\"t\"}",
        (_, 1) => "{\"private\":false,\"body\":\"b\"}",
        (_, 2) => "{\"ref\":\"refs/heads/x\",\"sha\":\"0000000000000000000000000000000000000001\",\"force\":true}",
        (_, 3) => "{\"new_owner\":\"evil\",\"encrypted_value\":\"x\",\"key_id\":\"1\",\"key\":\"ssh-ed25519 AAAA\",\"title\":\"t\"}",
        _ => "{\"message\":\"m\",\"content\":\"eA==\",\"title\":\"t\",\"body\":\"b\",\"archived\":true}",
    };
    let kind = if body.is_empty() { "" } else { "application/json" };
    Sample { method, host: "api.github.com", target, kind, body: body.as_bytes().to_vec() }
}

/// Every change at the code host is named as one, and names the repository that changed.
#[test]
fn rest_that_a_provider_executes_is_never_under_reported() {
    let github = Running::start(Github::seeded());
    let site = &github.handle().site;
    let before = site.world().clone();
    let mut dice = Dice(11);
    let samples: Vec<Sample> = (0..800).map(|_| rest(&mut dice)).collect();
    let answers = classified(&samples);
    let (mut understood, mut refused, mut executions) = (0, 0, 0);
    for (sample, said) in samples.iter().zip(&answers) {
        *site.world() = before.clone();
        let Some(answer) = sample.direct(github.handle().addr, stint_standin::github::TOKEN) else { continue };
        let what = || format!("{}\n{}\nclassified: {said}\nanswered: {}", sample.line(), String::from_utf8_lossy(&sample.body), answer.status);
        let changes = repositories_changed(&before, &site.world());
        if said["understood"] == false {
            refused += 1;
            assert_eq!(said["operations"], json!([]), "{}", what());
            continue;
        }
        understood += 1;
        let operations = said["operations"].as_array().unwrap();
        assert_eq!(operations.len(), 1, "{}", what());
        if !changes.is_empty() {
            executions += 1;
            assert_ne!(operations[0]["class"], "read", "{changes:?} changed by a read: {}", what());
        }
        let resources = operations[0]["resources"].as_array().unwrap();
        for change in &changes {
            let repository = resources.iter().any(|one| one["id"].as_str().unwrap().starts_with(change.as_str()));
            let owner = resources.iter().any(|one| one["kind"] == "organization" && change.starts_with(one["id"].as_str().unwrap()));
            let own = sample.target.starts_with("/user/repos");
            assert!(repository || owner || own, "{change} changed and is not named: {}", what());
        }
        // What cannot be put back is named as that.
        let gone = before.find("atlas", "api").is_some() && site.world().find("atlas", "api").is_none();
        if gone && answer.status == 204 {
            assert_eq!(operations[0]["class"], "destroy", "{}", what());
        }
    }
    println!("{understood} understood, {refused} refused, {executions} with an effect");
    assert!(understood > 150 && refused > 150 && executions > 60, "the samples are too one-sided: {understood} {refused} {executions}");
}

/// `owner/name`, in lower case, of each repository that is not as it was.
fn repositories_changed(before: &stint_standin::github::World, after: &stint_standin::github::World) -> Vec<String> {
    let mut names = Vec::new();
    for name in ["api", "web", "sandbox"] {
        let (was, is) = (before.find("atlas", name), after.find("atlas", name));
        let same = match (was, is) {
            (Some(was), Some(is)) => format!("{was:?}") == format!("{is:?}"),
            _ => false,
        };
        if !same {
            names.push(format!("atlas/{name}"));
        }
    }
    names
}
