//! What runs out, by a clock that the test moves: the program's own `App`, in this process, on a broker's data.

use chrono::TimeDelta;
use stint_broker::app::{App, Browser, SsoAnswer, SsoDone, SsoKind, SsoStart, Unsealing};
use stint_broker::clock::Clock;
use stint_broker::config::{Config, Environment, Flags};
use stint_tests::proof::now;

use serde_json::json;

use super::Place;
use crate::place::sqlite;

/// The same broker, started in this process once the program has ended.
async fn app(place: &Place, clock: &Clock) -> App {
    let variables = &place.broker.options.variables;
    let pairs: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let flags = Flags {
        data: Some(place.broker.data()),
        listen: Some(place.broker.addr),
        public_url: Some(place.broker.url.clone()),
        allow_private: vec!["127.0.0.0/8".parse().expect("a range")],
        ..Flags::default()
    };
    let config = Config::read(flags, &Environment::of(&pairs)).expect("the settings of the program");
    App::start(config, clock.clone(), Unsealing::default()).await.expect("the broker starts")
}

/// What the provider sends the browser back with.
fn answer(place: &Place, begun: &SsoStart) -> SsoAnswer {
    let away = begun.location.strip_prefix(&place.provider.url()).expect("it leads to the provider");
    let back = place.at_provider(away);
    let query = back.split_once('?').map_or("", |(_, query)| query);
    let mut answer = SsoAnswer::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Some(value.into_owned());
        match name.as_ref() {
            "code" => answer.code = value,
            "state" => answer.state = value,
            "iss" => answer.iss = value,
            _ => {}
        }
    }
    answer
}

fn browser() -> Browser {
    Browser { device: "a test".to_owned(), address: "127.0.0.1".to_owned() }
}

#[test]
fn a_browser_may_be_away_for_ten_minutes_and_a_proof_is_fresh_for_five() {
    let mut place = Place::with_alice(sqlite());
    place.broker.terminate();
    place.world().enter("bob", "u-1", &["admins"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let clock = Clock::system();
    let app = runtime.block_on(app(&place, &clock));

    // What was begun ten minutes ago is over, whatever the provider says.
    let begun = runtime.block_on(app.begin_sso(None, SsoKind::SignIn, "/console/")).expect("it begins");
    assert_eq!(begun.lasts, TimeDelta::minutes(10));
    let late = answer(&place, &begun);
    clock.advance(TimeDelta::seconds(601));
    let error = runtime.block_on(app.finish_sso(late, &begun.cookie, browser())).expect_err("it is late");
    assert!(error.detail.contains("longer than ten minutes ago"), "{}", error.detail);

    // Just before, it is not. The provider's clock goes with the broker's.
    let begun = runtime.block_on(app.begin_sso(None, SsoKind::SignIn, "/console/")).expect("it begins");
    clock.advance(TimeDelta::seconds(595));
    let at = clock.unix();
    assert!(at - now() > 1190, "the clock was moved");
    place.world().claims = json!({ "iat": at, "exp": at + 300, "auth_time": at });
    let in_time = answer(&place, &begun);
    let done = runtime.block_on(app.finish_sso(in_time, &begun.cookie, browser())).expect("it is in time");
    let SsoDone::SignedIn(signed_in, next) = done else { panic!("nobody was signed in") };
    assert_eq!(next, "/console/");

    // Who typed a password there just now has proven who they are, for five minutes.
    let caller = || runtime.block_on(app.identify_sign_in(&signed_in.cookie)).expect("bob is signed in");
    assert!(app.is_proven(&caller()));
    clock.advance(TimeDelta::seconds(295));
    assert!(app.is_proven(&caller()), "five minutes are not over");
    clock.advance(TimeDelta::seconds(10));
    assert!(!app.is_proven(&caller()), "five minutes are over");

    // A provider that asked the person before this was begun has not asked them for it.
    let bob = caller();
    let begun = runtime.block_on(app.begin_sso(Some(&bob), SsoKind::Prove, "/console/")).expect("it begins");
    let before = clock.unix() - 120;
    place.world().claims = json!({ "iat": before + 120, "exp": before + 420, "auth_time": before });
    let stale = answer(&place, &begun);
    let error = runtime.block_on(app.finish_sso(stale, &begun.cookie, browser())).expect_err("it is stale");
    assert!(error.detail.contains("did not ask you anew"), "{}", error.detail);
    assert!(!app.is_proven(&caller()));
    place.broker.without_checks();
}
