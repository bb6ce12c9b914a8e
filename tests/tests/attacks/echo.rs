//! K1-K3 and K10: the provider gives the credential back, in every way that a provider can.

use std::time::Duration;

use stint_standin::{Coding, Fault, Github, Place};
use stint_tests::wire;

use super::ground::{Call, Ground, REDACTED};

const TARGET: &str = "/repos/atlas/sandbox";

fn outcome(ground: &Ground<Github>) -> serde_json::Value {
    // The outcome is queued behind the answer: another record is behind it.
    for _ in 0..50 {
        let page = ground.audit("?kind=request_closed&limit=1");
        if let Some(record) = page["records"].get(0) {
            return record["body"]["facts"].clone();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no outcome is on record");
}

/// The answer to a request that the provider answers with its credential: raw bytes, looked through in every coding.
fn echoed(ground: &Ground<Github>, place: Place, coding: Coding) -> wire::Answer {
    let faults = &ground.standin.handle().faults;
    faults.clear();
    faults.always(Fault::Echo(place, coding));
    let what = format!("{place:?} {coding:?}");
    let raw = wire::send(ground.addr(), &ground.bytes(&Call::get(TARGET))).unwrap();
    ground.is_clean(&what, &raw);
    let answer = wire::parse(&raw).unwrap();
    ground.is_clean(&what, &answer.body);
    answer
}

#[test]
fn k1_k2_k4_an_echoed_credential_is_redacted_wherever_it_stands() {
    for place in [Place::Body, Place::Error, Place::Header] {
        let codings = [
            Coding::Raw,
            Coding::Base64,
            Coding::Hex,
            Coding::Split(1),
            Coding::Split(2),
            Coding::Split(7),
            Coding::Split(16),
        ];
        let ground = Ground::lay(Github::seeded());
        for coding in codings {
            let answer = echoed(&ground, place, coding);
            let what = format!("{place:?} {coding:?}");
            assert_eq!(answer.status, if place == Place::Error { 400 } else { 200 }, "{what}");
            let shown = match place {
                Place::Header => answer.header("x-debug-authorization").unwrap_or(REDACTED).to_owned(),
                _ => answer.text(),
            };
            assert!(shown.contains(REDACTED), "{what}: {shown}");
            let entry = ground.standin.log().last().unwrap();
            assert_eq!(entry.header("authorization"), Some(format!("Bearer {}", ground.secret).as_str()));
        }
        let facts = outcome(&ground);
        assert_eq!(facts["redacted"], true, "{facts}");
    }
}

#[test]
fn k1_trailers_are_dropped() {
    let ground = Ground::lay(Github::seeded());
    for coding in [Coding::Raw, Coding::Base64] {
        let answer = echoed(&ground, Place::Trailer, coding);
        assert_eq!((answer.status, answer.text().as_str()), (200, "{\"data\":null}"));
        assert_eq!(answer.header("trailer"), None);
    }
}

#[test]
fn k1_j5_a_redirect_that_carries_the_credential_is_clean_and_not_followed() {
    let ground = Ground::lay(Github::seeded());
    for status in [301, 302, 303, 307, 308] {
        let faults = &ground.standin.handle().faults;
        for location in [
            format!("https://evil.test/?token={}", ground.secret),
            format!("{}/stolen", ground.standin.handle().url()),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            format!("//{}@evil.test/", ground.secret),
        ] {
            faults.clear();
            faults.always(Fault::Redirect { status, location });
            ground.standin.log().clear();
            let answer = ground.send(&Call::get(TARGET));
            assert_eq!(answer.status, status);
            assert_eq!(ground.standin.log().len(), 1, "{status}: followed");
            ground.is_clean("location", answer.header("location").unwrap_or_default().as_bytes());
        }
    }
}

/// A provider that fails, stalls or breaks off says nothing of the credential either, and each end is on record.
#[test]
fn k1_k8_errors_of_the_way_out_say_nothing() {
    let ground = Ground::lay(Github::seeded());
    let faults = &ground.standin.handle().faults;
    for fault in [Fault::Status(500), Fault::Status(503), Fault::TooMany { retry_after: 5 }, Fault::Cut] {
        faults.clear();
        faults.always(fault.clone());
        let raw = wire::send(ground.addr(), &ground.bytes(&Call::get(TARGET))).unwrap_or_default();
        ground.is_clean(&format!("{fault:?}"), &raw);
    }
    faults.clear();
    assert_eq!(ground.send(&Call::get(TARGET)).status, 200);
    assert!(ground.recorded("request_closed") >= 4);
    ground.is_clean("log", ground.broker.logs().as_bytes());
}
