//! A provider that cannot be reached, or answers badly, is a 502 or 504 that names it, and a recorded outcome.

use std::time::{Duration, Instant};

use stint_standin::{Fault, Railway, Standin, Tls};
use stint_tests::{Lab, Options, until};

use super::{ask, me, problem};
use crate::place::on_both;

fn quick(options: Options) -> Lab {
    let variables = ["CONNECT", "HEADER", "IDLE"]
        .map(|name| (format!("STINT_BROKER_LIMITS_{name}_TIMEOUT"), "1s".to_owned()))
        .to_vec();
    Lab::start(Options { variables, ..options })
}

/// The newest outcome, as soon as there are this many.
fn outcome(lab: &Lab, count: usize) -> serde_json::Value {
    until("the outcome is recorded", || {
        let closed = lab.records("request_closed");
        (closed.len() == count).then(|| closed[0]["facts"].clone())
    })
}

on_both! {
    fn a_provider_that_does_not_answer_is_a_504(options) {
        let lab = quick(options);
        lab.railway.faults.always(Fault::Delay(Duration::from_secs(30)));
        let before = Instant::now();
        let answer = me(&lab, "railway");
        problem(&lab, &answer, 504, "upstream_timeout");
        assert!(before.elapsed() < Duration::from_secs(10));
        assert!(answer.json()["hint"].as_str().unwrap().contains("look before"), "{}", answer.text());
        assert_eq!(outcome(&lab, 1)["code"], "upstream_timeout");
        lab.railway.faults.clear();
        assert_eq!(me(&lab, "railway").status, 200);
    }

    fn a_provider_that_is_not_there_is_a_502(options) {
        let lab = quick(options);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        lab.broker.add_credential("down", "railway", &format!("https://{port}"), None, &lab.secret);
        problem(&lab, &me(&lab, "down"), 502, "upstream_failed");
        assert_eq!(outcome(&lab, 1)["code"], "upstream_failed");
    }

    fn j07_a_certificate_that_does_not_fit_is_a_502_and_nothing_is_sent(options) {
        let lab = quick(options);
        // Nobody vouches for it.
        lab.broker.add_credential("untrusted", "railway", &lab.railway.url(), None, &lab.secret);
        problem(&lab, &me(&lab, "untrusted"), 502, "upstream_failed");
        // Somebody vouches, but for another name.
        let names = vec!["somewhere.example".to_owned()];
        let other = lab.block_on(Standin::start(Railway::seeded(), Tls::SelfSigned { names }, "127.0.0.1:0".parse().unwrap())).unwrap();
        lab.broker.add_credential("other", "railway", &other.url(), other.ca_pem(), &lab.secret);
        problem(&lab, &me(&lab, "other"), 502, "upstream_failed");
        // It speaks no TLS at all.
        let plain = lab.block_on(Standin::start(Railway::seeded(), Tls::Plain, "127.0.0.1:0".parse().unwrap())).unwrap();
        lab.broker.add_credential("plain", "railway", &plain.url().replace("http:", "https:"), None, &lab.secret);
        problem(&lab, &me(&lab, "plain"), 502, "upstream_failed");
        assert!(lab.railway.log.is_empty() && other.log.is_empty() && plain.log.is_empty());
    }

    fn what_the_provider_answers_is_handed_on_as_it_is(options) {
        let lab = quick(options);
        for status in [500, 503, 404, 401] {
            lab.railway.faults.next(1, Fault::Status(status));
            let answer = me(&lab, "railway");
            assert_eq!((answer.status, answer.header("stint-record").is_some()), (status, true), "{}", answer.text());
            assert_eq!(answer.json()["message"], format!("stand-in answers {status}"));
        }
        lab.railway.faults.next(1, Fault::TooMany { retry_after: 17 });
        let answer = me(&lab, "railway");
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("17")));
        assert_eq!(lab.railway.log.len(), 5, "a request was tried again");
    }

    fn j05_no_redirect_is_followed(options) {
        let lab = quick(options);
        let elsewhere = lab.block_on(Standin::loopback(Railway::seeded())).unwrap();
        for status in [301, 302, 303, 307, 308] {
            lab.railway.faults.next(1, Fault::Redirect { status, location: format!("{}/graphql/v2", elsewhere.url()) });
            let before = lab.railway.log.len();
            let answer = me(&lab, "railway");
            assert_eq!((answer.status, lab.railway.log.len()), (status, before + 1), "{}", answer.text());
        }
        assert!(elsewhere.log.is_empty(), "the credential was carried elsewhere");
    }

    fn r12_an_answer_that_breaks_off_does_not_look_whole(options) {
        let lab = quick(options);
        lab.railway.faults.next(1, Fault::Cut);
        let out = ask(&lab, "railway", &[]);
        assert_ne!(out.code, 0, "half of an answer looked like all of it: {}", out.stdout);
        assert!(outcome(&lab, 1)["fault"].is_string());
        lab.railway.faults.next(1, Fault::Stall);
        let before = Instant::now();
        let out = ask(&lab, "railway", &[]);
        assert_ne!(out.code, 0, "{}", out.stdout);
        assert!(before.elapsed() < Duration::from_secs(15), "an answer without an end was waited for");
        assert!(outcome(&lab, 2)["fault"].is_string());
        assert_eq!(me(&lab, "railway").status, 200);
    }

    fn a_lookup_that_fails_is_a_refusal(options) {
        let mut lab = quick(options);
        let delete = Lab::delete(stint_standin::railway::ids::VOLUME_STAGING);
        for fault in [Fault::Status(500), Fault::Delay(Duration::from_secs(30)), Fault::Partial, Fault::Endless, Fault::Elsewhere, Fault::Cut] {
            lab.railway.faults.always(fault.clone());
            let reply = lab.ask(&delete);
            assert_eq!(reply.status, 403, "{fault:?}: {}", reply.text);
            assert!(matches!(reply.code(), "unresolved" | "denied"), "{fault:?}: {}", reply.text);
            assert!(reply.body["approval"].is_null(), "{fault:?}: {}", reply.text);
            lab.railway.faults.clear();
            // A failure stands for two seconds; what is started anew remembers none.
            lab.broker.restart();
        }
        assert_eq!(lab.railway.log.reached("volumeDelete"), 0);
        lab.ask(&delete).refused(403, "approval_required");
    }
}
