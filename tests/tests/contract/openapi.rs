//! The description of the API against what the broker does.

use serde_json::Value;
use stint_tests::{Options, TestBroker, wire};

use crate::login::browser::Browser;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[test]
fn the_router_takes_exactly_the_methods_that_are_described() {
    let broker = TestBroker::start(Options::default());
    broker.login();
    let answer = wire::get(broker.addr, "/v1/openapi.json").unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], broker.url.as_str());
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 30);
    for (path, item) in paths {
        let target = path.replace("{id}", "ses_0").replace("{name}", "x").replace("{client_id}", "cli_0");
        for method in METHODS {
            let status = wire::request(broker.addr, method, &target, &[], b"").unwrap().status;
            let operation = &item[method.to_ascii_lowercase()];
            assert_eq!(operation.is_null(), status == 405, "{method} {path} answered {status}");
            if operation.is_null() || status == 200 {
                continue;
            }
            // Without a token: the description says so, and whether it may be asked for.
            let described: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
            assert!(
                described.contains(&&status.to_string()),
                "{method} {path}: {status} not in {described:?}"
            );
            let open = operation["security"] == Value::Array(Vec::new());
            assert_eq!(open, status != 401, "{method} {path} answered {status}");
        }
    }
}

#[test]
fn the_api_is_shown_on_a_page_without_a_script_of_its_own() {
    let broker = TestBroker::start(Options::default());
    broker.login();
    let browser = Browser::welcomed(&broker);
    let page = browser.get("/console/docs");
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let document = wire::get(broker.addr, "/v1/openapi.json").unwrap().json();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(text.contains(path.as_str()), "{path} is not shown");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("id=\"type-{name}\"")), "{name} is not shown");
    }
    // Every link within the page leads somewhere.
    for target in text.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(text.contains(&format!("id=\"{target}\"")), "#{target}");
    }
    let own = text.matches("<script src=\"/console/assets/").count();
    assert_eq!(text.matches("<script").count(), own, "the console's own, by their addresses");
}
