//! A provider that sends the credential back (THREATS K): it never gets to the agent, in whatever form.
//!
//! That no form of it got into an answer, a log or a record is what the harness checks at the end of each test; here
//! also that something did come back, and that it was noticed.

use stint_standin::{Coding, Fault, Place};
use stint_tests::{Lab, until};

use super::{ask, me};
use crate::place::on_both;

on_both! {
    fn k01_k02_k04_an_echo_is_redacted_and_recorded(options) {
        let lab = Lab::start(options);
        let mut faults = Vec::new();
        for place in [Place::Body, Place::Header, Place::Error, Place::Trailer] {
            for coding in [Coding::Raw, Coding::Base64, Coding::Hex] {
                faults.push((place, coding));
            }
        }
        for size in [1, 2, 3, 7, 16, 40] {
            faults.push((Place::Body, Coding::Split(size)));
            faults.push((Place::Error, Coding::Split(size)));
        }
        for (count, (place, coding)) in faults.iter().enumerate() {
            lab.railway.faults.next(1, Fault::Echo(*place, *coding));
            let out = ask(&lab, "railway", &[]);
            let answer = out.answer();
            let (place, coding) = (*place, *coding);
            assert!(matches!(answer.status, 200 | 400), "{place:?} {coding:?}: {}", answer.text());
            let whole = format!("{}{}", out.stdout, out.stderr);
            assert!(lab.broker.canary.found_in(whole.as_bytes()).is_none(), "{place:?} {coding:?}: {whole}");
            if matches!(place, Place::Body | Place::Error) {
                assert!(answer.text().starts_with(r#"{"message":"you sent "#), "{place:?} {coding:?}: {}", answer.text());
                assert!(answer.text().ends_with(r#" as a credential"}"#), "{place:?} {coding:?}: {}", answer.text());
            }
            // Trailers are not handed on at all.
            let closed = until("the outcome is recorded", || {
                let closed = lab.records("request_closed");
                (closed.len() == count + 1).then(|| closed[0]["facts"].clone())
            });
            assert_eq!(closed["redacted"], place != Place::Trailer, "{place:?} {coding:?}: {closed}");
        }
    }

    fn k01_an_echo_in_a_look_up_is_not_told(options) {
        let lab = Lab::start(options);
        for place in [Place::Body, Place::Error, Place::Header] {
            lab.railway.faults.always(Fault::Echo(place, Coding::Raw));
            let reply = lab.ask(&Lab::delete(stint_standin::railway::ids::VOLUME_STAGING));
            reply.refused(403, "unresolved");
            lab.railway.faults.clear();
        }
    }

    fn k03_an_answer_cannot_be_asked_for_in_a_coding_that_hides(options) {
        let lab = Lab::start(options);
        ask(&lab, "railway", &["-H", "Accept-Encoding: gzip, br"]).answer();
        let arrived = lab.railway.log.last().unwrap();
        assert!(matches!(arrived.header("accept-encoding"), None | Some("identity")), "{:?}", arrived.header("accept-encoding"));
    }

    fn k10_trace_is_not_carried(options) {
        let lab = Lab::start(options);
        let headers = lab.headers("TRACE", "/graphql/v2");
        let answer = lab.gateway("TRACE", "/graphql/v2", &headers, "");
        assert!(matches!(answer.status, 400 | 405), "{}", answer.text());
        assert!(lab.railway.log.is_empty());
        assert_eq!(me(&lab, "railway").status, 200);
    }
}
