//! B6 and C5 with two brokers on one database, as attackers would use them: the other one has not seen it.

use std::fs;
use std::thread;

use serde_json::json;
use stint_standin::Github;
use stint_tests::postgres::PostgresServer;
use stint_tests::wire::{self, Answer};
use stint_tests::{Database, Options, TestBroker};

use super::ground::{Call, Ground};

/// A ground on PostgreSQL, and a second broker that shares its database, its key and its name.
struct Pair {
    ground: Ground<Github>,
    second: TestBroker,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn start() -> Self {
        Pair::told(&[])
    }

    /// With these variables at both.
    fn told(variables: &[(&str, &str)]) -> Self {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = runtime.block_on(PostgresServer::shared().database());
        let database = Database::Postgres(url.clone());
        let options = Options { database, variables: variables.clone(), ..Options::default() };
        let ground = Ground::lay_with(Github::seeded(), options);
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("stint-broker.toml");
        let key = ground.broker.data().join("stint.key");
        fs::write(&config, format!("[seal]\nkey_file = {:?}\n", key.to_str().unwrap())).unwrap();
        let args = ["--config", config.to_str().unwrap(), "--public-url", &ground.broker.url];
        let second = TestBroker::start(Options {
            database: Database::Postgres(url),
            args: args.map(str::to_owned).to_vec(),
            variables,
            ..Options::default()
        });
        Pair { ground, second, _folder: folder }
    }

    fn at_second(&self, bytes: &[u8]) -> Answer {
        let raw = wire::send(self.second.addr, bytes).unwrap();
        self.ground.is_clean("second", &raw);
        wire::parse(&raw).unwrap()
    }
}

#[test]
fn b6_a_proof_that_one_replica_has_seen_is_refused_by_the_other() {
    let pair = Pair::start();
    let ground = &pair.ground;
    let call = Call::get("/repos/atlas/sandbox");
    let fresh = ground.bytes(&call);
    assert_eq!(pair.at_second(&fresh).status, 200, "the second replica works");
    let bytes = ground.bytes(&call);
    assert_eq!(ground.answer("first", &bytes).status, 200);
    ground.standin.log().clear();
    let answer = pair.at_second(&bytes);
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (401, &json!("invalid_dpop_proof")),
        "{}",
        answer.text()
    );
    assert!(ground.standin.log().is_empty(), "the replay reached the provider");
    let answer = ground.answer("the other way", &fresh);
    assert_eq!(answer.json()["code"], "invalid_dpop_proof", "{}", answer.text());
    assert!(ground.standin.log().is_empty());
}

#[test]
fn a_budget_is_one_for_both_replicas() {
    let pair = Pair::told(&[
        ("STINT_BROKER_BUDGET_WRITES_PER_MINUTE", "4"),
        ("STINT_BROKER_APPROVAL_HOLD", "100ms"),
    ]);
    let ground = &pair.ground;
    let mut statuses = Vec::new();
    for round in 0..6 {
        let body = format!("{{\"title\":\"round {round}\"}}");
        let bytes = ground.bytes(&Call::new("POST", "/repos/atlas/sandbox/issues").json(body));
        let answer = match round % 2 {
            0 => ground.answer("first", &bytes),
            _ => pair.at_second(&bytes),
        };
        if answer.status == 403 {
            assert!(answer.text().contains("budget.writes-per-minute"), "{}", answer.text());
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [201, 201, 201, 201, 403, 403]);
    let issues = ground.standin.log().entries().iter().filter(|entry| entry.method == "POST").count();
    assert_eq!(issues, 4, "more reached the provider than one session may do");
}

#[test]
fn b6_one_proof_at_both_replicas_at_once_is_sent_once() {
    let pair = Pair::start();
    let ground = &pair.ground;
    for round in 0..10 {
        let body = format!("{{\"title\":\"round {round}\"}}");
        let bytes = ground.bytes(&Call::new("POST", "/repos/atlas/sandbox/issues").json(body));
        ground.standin.log().clear();
        let statuses: Vec<u16> = thread::scope(|scope| {
            let asked: Vec<_> = [ground.addr(), pair.second.addr]
                .into_iter()
                .map(|addr| {
                    let bytes = bytes.as_slice();
                    scope.spawn(move || wire::parse(&wire::send(addr, bytes).unwrap()).unwrap().status)
                })
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        let sent = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(sent, 1, "{statuses:?}");
        assert!(statuses.contains(&401), "{statuses:?}");
        assert_eq!(ground.standin.log().len(), 1);
    }
}

/// What a replayed kill switch would do: end the sessions that were started since.
#[test]
fn b6_the_kill_switch_is_not_replayed_at_the_other_replica() {
    let pair = Pair::start();
    let ground = &pair.ground;
    // A proof of the seconds after a start needs a nonce of that replica, which no other takes; this one needs none.
    thread::sleep(std::time::Duration::from_secs(7));
    let path = "/v1/sessions/end-all";
    let token = ground.person.token();
    let proof = ground.person.proof("POST", path, Some(&token), None);
    let lines = [
        format!("authorization: DPoP {token}"),
        format!("dpop: {proof}"),
        "content-type: application/json".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let first = wire::request(ground.addr(), "POST", path, &lines, b"{}").unwrap();
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json()["ended"], json!([ground.session.id]));
    let (later, _) = ground.person.start_session("staging", "coder");
    let second = wire::request(pair.second.addr, "POST", path, &lines, b"{}").unwrap();
    assert_eq!(
        (second.status, &second.json()["code"]),
        (401, &json!("invalid_dpop_proof")),
        "{}",
        second.text()
    );
    let own = later.call("GET", &format!("/v1/sessions/{}", later.id), None);
    assert_eq!(own.json()["state"], "live", "{}", own.text());
}

#[test]
fn c5_one_assertion_at_both_replicas_gives_one_token() {
    let pair = Pair::start();
    let session = &pair.ground.session;
    for _ in 0..10 {
        let assertion = session.assertion();
        let proofs = [(); 2].map(|()| session.proof("POST", "/oauth/token", None, None));
        let clients = [pair.ground.addr(), pair.second.addr];
        let statuses: Vec<u16> = thread::scope(|scope| {
            let asked: Vec<_> = clients
                .into_iter()
                .zip(&proofs)
                .map(|(addr, proof)| {
                    let form = session.form(&assertion);
                    scope.spawn(move || super::client::ask_token_at(addr, &form, &[proof]).status)
                })
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        let minted = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(minted, 1, "{statuses:?}");
    }
}

#[test]
fn a30_a_session_that_ends_at_one_replica_ends_at_the_other() {
    let pair = Pair::start();
    let ground = &pair.ground;
    let call = Call::get("/repos/atlas/sandbox");
    assert_eq!(pair.at_second(&ground.bytes(&call)).status, 200);
    let ended =
        ground.person.call("POST", &format!("/v1/sessions/{}/end", ground.session.id), Some(&json!({})));
    assert_eq!(ended.status, 200);
    // R9: a second is what a revocation may take to get around.
    thread::sleep(std::time::Duration::from_secs(1));
    ground.standin.log().clear();
    let answer = pair.at_second(&ground.bytes(&call));
    assert_eq!(answer.json()["code"], "session_ended", "{}", answer.text());
    assert!(ground.standin.log().is_empty());
}
