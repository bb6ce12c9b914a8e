//! The library, as programs that are not `stint` use it: a sidecar in this very process.

mod support;

use stint::api::{self, Broker, Holder, Identity, Tls, Transport};
use stint::clock::Clock;
use stint::session::LiveSession;
use stint::sidecar::{Doors, Egress, Heartbeats, Mode, Settings, Sidecar};
use stint_api::{Setup, StartSession};
use support::{FakeBroker, SETUP_TOKEN, text};

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
async fn log_in(base: &str, clock: &Clock) -> Broker {
    let transport = Transport::new(&Tls::for_url(base, None)).unwrap();
    let key = api::new_key(clock).unwrap();
    let setup = Setup {
        setup_token: SETUP_TOKEN.to_owned(),
        person: "alice".to_owned(),
        key: key.public().to_value(),
        device: None,
    };
    let done = api::setup(&transport, base, &setup).await.unwrap();
    let identity =
        Identity { client_id: done.client_id, issuer: done.issuer, token_endpoint: done.token_endpoint };
    Broker::new(base, Holder::new(identity, key, transport, clock.clone()))
}

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn start() -> StartSession {
    serde_json::from_value(serde_json::json!({"environment": "staging", "agent": "coder", "key": null}))
        .unwrap()
}

#[tokio::test]
async fn a_sidecar_runs_in_process_and_stops_with_its_session() {
    let fake = FakeBroker::start();
    let clock = Clock::system();
    let broker = log_in(&fake.url(), &clock).await;
    assert_eq!(broker.whoami().await.unwrap().person, "alice");

    let key = api::new_key(&clock).unwrap();
    let session = LiveSession::start(&broker, start(), key, &clock).await.unwrap();
    let settings = Settings {
        egress: Egress::new(Mode::Deny, []),
        heartbeats: Heartbeats::Never,
        doors: Doors::Loopback(0),
        bundle: None,
    };
    let sidecar = Sidecar::start(session, settings, &clock).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, sidecar.ca_pem()).unwrap();
    let curl = |proxy: String| {
        let mut curl = tokio::process::Command::new("curl");
        curl.env_clear().args(["-sS", "--proxy", &proxy, "--cacert", ca.to_str().unwrap()]);
        curl.arg("https://backboard.railway.app/x");
        async move { curl.output().await.unwrap() }
    };
    let proxy = sidecar.proxy_url().expose().to_owned();
    assert!(proxy.ends_with(&format!(":{}", sidecar.port())));
    assert_eq!(text(&curl(proxy.clone()).await.stdout), r#"{"data":{"ok":true}}"#);
    assert_eq!(fake.only_seen().path, "/railway/x");

    sidecar.stop("command_ended").await.unwrap();
    assert_eq!(fake.state().ended, [("session-1".to_owned(), Some("command_ended".to_owned()))]);
    assert!(!curl(proxy).await.status.success(), "the proxy is closed");
}

#[tokio::test]
async fn l8_each_session_has_a_ca_of_its_own_that_is_bound_to_it() {
    let fake = FakeBroker::start();
    let clock = Clock::system();
    let broker = log_in(&fake.url(), &clock).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let session =
            LiveSession::start(&broker, start(), api::new_key(&clock).unwrap(), &clock).await.unwrap();
        let settings = Settings {
            egress: Egress::new(Mode::Open, []),
            heartbeats: Heartbeats::Never,
            doors: Doors::Loopback(0),
            bundle: None,
        };
        let sidecar = Sidecar::start(session, settings, &clock).await.unwrap();
        seen.push((sidecar.ca_pem().to_owned(), sidecar.proxy_url().expose().to_owned()));
        assert!(
            !format!("{sidecar:?}")
                .contains(sidecar.proxy_url().expose().split(['/', ':', '@']).nth(4).unwrap())
        );
    }
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
}
