//! One's own account at `/v1`.

use serde_json::json;
use stint_tests::Lab;

use super::browser::{Browser, OTHER, PASSWORD};
use super::login::Login;
use crate::place::on_both;

on_both! {
    fn the_first_login_gives_its_person_a_way_in_and_then_changes_nothing_of_it(options) {
        let lab = Lab::start(options);
        let login = Login::of(&lab.broker);
        let password = |text: &str| json!({ "password": text }).to_string();
        let name = login.call("GET", "/v1/whoami", None).json()["person"].as_str().unwrap().to_owned();
        assert_eq!(login.call("POST", "/v1/account/password", Some(&password("short"))).status, 400);
        let offered = login.call("POST", "/v1/account/one-time-codes", Some("{}"));
        assert!(offered.json()["uri"].as_str().is_some_and(|uri| uri.starts_with("otpauth://totp/")), "{}", offered.text());
        let wrong = login.call("POST", "/v1/account/one-time-codes/confirm", Some(r#"{"code":"12"}"#));
        assert_eq!(wrong.status, 400, "{}", wrong.text());
        let codes = login.call("POST", "/v1/account/recovery-codes", Some("{}")).json();
        assert_eq!(codes["codes"].as_array().map(Vec::len), Some(10));
        let account = login.call("POST", "/v1/account/password", Some(&password(PASSWORD)));
        assert_eq!((account.status, &account.json()["password"]), (200, &json!(true)), "{}", account.text());
        Browser::new(&lab.broker).sign_in(&name, PASSWORD, "").goes("/console/");

        // From now on it has nothing to prove with who asks.
        for (method, path, body) in [
            ("POST", "/v1/account/password", Some(password(OTHER))),
            ("DELETE", "/v1/account/password", None),
            ("POST", "/v1/account/one-time-codes", Some("{}".to_owned())),
            ("POST", "/v1/account/one-time-codes/confirm", Some(r#"{"code":"123456"}"#.to_owned())),
            ("DELETE", "/v1/account/one-time-codes", None),
            ("POST", "/v1/account/recovery-codes", Some("{}".to_owned())),
            ("DELETE", "/v1/account/single-sign-on", None),
        ] {
            let answer = login.call(method, path, body.as_deref());
            assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("step_up_required")), "{method} {path}");
        }
        let rename = login.call("PATCH", "/v1/account/passkeys/none", Some(r#"{"name":"x"}"#));
        assert_eq!(rename.status, 404, "{}", rename.text());
        Browser::new(&lab.broker).sign_in(&name, PASSWORD, "").goes("/console/");
        assert_eq!(lab.records("password_changed").len(), 1);
    }
}
