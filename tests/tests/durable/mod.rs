//! What was acknowledged is there after `kill -9`, and what could not be recorded did not happen.

mod backup;
mod full;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use stint_broker::model::{Request, digest_hex};
use stint_standin::Entry;
use stint_standin::railway::ids;
use stint_tests::proof::{assertion, key_of, proof, signed};
use stint_tests::wire;
use stint_tests::{Lab, Output};

use crate::place::on_both;

/// What the broker acknowledged before it was killed.
#[derive(Default)]
struct Acknowledged {
    /// `jti` of tokens.
    tokens: Mutex<Vec<String>>,
    /// Ids of records of writes.
    writes: Mutex<Vec<String>>,
    tried: AtomicUsize,
}

impl Acknowledged {
    fn len(&self) -> usize {
        self.tokens.lock().unwrap().len() + self.writes.lock().unwrap().len()
    }
}

/// One client: tokens and writes in turn, until it is told to stop or the broker is gone.
fn work(lab: &Lab, token: &Value, acknowledged: &Acknowledged, stop: &AtomicBool) {
    let broker = &lab.broker;
    let (key, session) = (key_of(token), token["session"].as_str().unwrap());
    let endpoint = format!("{}/oauth/token", broker.url);
    let gateway = format!("{}/gateway/railway/graphql/v2", broker.url);
    while !stop.load(Ordering::Relaxed) {
        let assertion = assertion(&key, session, &broker.url);
        let form = format!(
            "grant_type=client_credentials&client_id={session}&client_assertion={assertion}\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        );
        let dpop = format!("dpop: {}", proof(&key, None, "POST", &endpoint));
        let headers = ["content-type: application/x-www-form-urlencoded", dpop.as_str()];
        let minted = wire::request(broker.addr, "POST", "/oauth/token", &headers, form.as_bytes());
        let Ok(minted) = minted else { return };
        if let Some(access) = minted.json()["access_token"].as_str() {
            acknowledged.tokens.lock().unwrap().push(jti(access));
        }

        let number = acknowledged.tried.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "query": format!(
            "mutation {{ variableUpsert(input: {{ projectId: \"{}\", environmentId: \"{}\", name: \"N{number}\", value: \"v\" }}) }}",
            ids::PROJECT, ids::STAGING
        ) });
        let [authorization, dpop] = signed(token, "POST", &gateway);
        let headers = ["content-type: application/json", authorization.as_str(), dpop.as_str()];
        let body = body.to_string();
        let written =
            wire::request(broker.addr, "POST", "/gateway/railway/graphql/v2", &headers, body.as_bytes());
        let Ok(written) = written else { return };
        if written.status == 200 && written.json()["data"]["variableUpsert"] == true {
            let record = written.header("stint-record").unwrap().to_owned();
            acknowledged.writes.lock().unwrap().push(record);
        }
    }
}

fn jti(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

/// The digest under which the intent of what arrived is on record.
fn digest(arrived: &Entry) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, arrived.headers[header::CONTENT_TYPE].clone());
    let (path, query) = match arrived.path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (arrived.path.clone(), None),
    };
    let method = arrived.method.parse::<Method>().unwrap();
    let body = Bytes::copy_from_slice(&arrived.body);
    digest_hex(
        Request { method, host: arrived.host.clone(), path, query, headers, body, partial: false }.digest(),
    )
}

/// Bodies of all records, by an export.
fn records(export: &Output) -> Vec<Value> {
    let lines = export.stdout.lines().filter(|line| line.starts_with("{\"seq\":"));
    let body = |line: &str| serde_json::from_str::<Value>(line).unwrap()["body"].as_str().unwrap().to_owned();
    lines.map(|line| serde_json::from_str(&body(line)).unwrap()).collect()
}

on_both! {
    fn kill_9_during_mints_and_writes_leaves_no_unrecorded_effect(options) {
        let mut lab = Lab::start(options);
        let token = lab.broker.stint(&["token", "--environment", "staging", "--agent", "coder", "--ttl", "1h", "--json"]).ok().json();
        let acknowledged = Acknowledged::default();
        let mut rounds = 0;
        while acknowledged.tokens.lock().unwrap().len() < 200 || acknowledged.writes.lock().unwrap().len() < 200 || rounds < 5 {
            rounds += 1;
            assert!(rounds < 60, "too slow: {} acknowledged", acknowledged.len());
            let (stop, before) = (AtomicBool::new(false), acknowledged.len());
            let broker = std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| work(&lab, &token, &acknowledged, &stop));
                }
                let pid = lab.broker.pid();
                stint_tests::until("enough is under way", || (acknowledged.len() >= before + 60).then_some(()));
                // In the middle of whatever is going on.
                rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
                stop.store(true, Ordering::Relaxed);
                pid
            });
            assert!(broker > 0);
            lab.broker.kill();
            lab.broker.broker(&["audit", "verify"]).ok();
            lab.broker.restart();
        }

        let all = records(&lab.broker.broker(&["audit", "export"]).ok());
        let of = |kind: &str, fact: &str| -> HashSet<String> {
            let these = all.iter().filter(|record| record["kind"] == kind);
            these.map(|record| record["facts"][fact].as_str().unwrap().to_owned()).collect()
        };
        let minted = of("token_minted", "jti");
        for token in acknowledged.tokens.lock().unwrap().iter() {
            assert!(minted.contains(token), "a token that was given out is not on record");
        }
        let ids: HashSet<&str> = all.iter().map(|record| record["id"].as_str().unwrap()).collect();
        for record in acknowledged.writes.lock().unwrap().iter() {
            assert!(ids.contains(record.as_str()), "a write that was acknowledged is not on record");
        }
        let decided = of("request_decided", "digest");
        let arrived: Vec<Entry> = lab.railway.log.entries().into_iter()
            .filter(|entry| entry.operations.iter().any(|name| name == "variableUpsert"))
            .collect();
        assert!(arrived.len() >= acknowledged.writes.lock().unwrap().len());
        for entry in &arrived {
            assert!(decided.contains(&digest(entry)), "an effect without an intent on record: {}", entry.text());
        }
        println!("{rounds} kills, {} acknowledged, {} effects", acknowledged.len(), arrived.len());
        // And work goes on.
        lab.ask("{ me { name } }").done();
    }

    fn a_stopped_broker_lets_what_is_under_way_end(options) {
        let mut lab = Lab::start(options);
        lab.railway.faults.always(stint_standin::Fault::Delay(std::time::Duration::from_millis(1500)));
        let agent = lab.begin("ask '{ me { name } }'");
        stint_tests::until("the request has arrived", || (!lab.railway.log.is_empty()).then_some(()));
        assert_eq!(lab.broker.terminate(), Some(0));
        agent.wait().reply().done();
        lab.railway.faults.clear();
        lab.broker.restart();
        let closed = lab.records("request_closed");
        assert_eq!((closed.len(), &closed[0]["facts"]["status"]), (1, &json!(200)), "{closed:#?}");
    }
}
