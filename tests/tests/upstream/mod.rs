//! What the provider's side does to a request: failures, streams, and echoes of the credential.

mod address;
mod echo;
mod failure;
mod stream;

use serde_json::json;
use stint_tests::Lab;
use stint_tests::wire::Answer;

/// `{ me { name } }` by plain `curl` through a credential; the answer may break off.
fn me(lab: &Lab, credential: &str) -> Answer {
    let out = ask(lab, credential, &[]);
    out.answer()
}

fn ask(lab: &Lab, credential: &str, more: &[&str]) -> stint_tests::Output {
    let path = "/graphql/v2";
    let args = [
        "token",
        "--environment",
        "staging",
        "--agent",
        "coder",
        "--credential",
        credential,
        "--headers",
        "POST",
        path,
    ];
    let headers = lab.broker.stint(&args).ok().stdout;
    let headers: Vec<&str> = headers.lines().collect();
    let body = json!({ "query": "{ me { name } }" }).to_string();
    let url = format!("{}/gateway/{credential}{path}", lab.broker.url);
    let args = [
        "-sS",
        "-i",
        "-H",
        headers[0],
        "-H",
        headers[1],
        "-H",
        "content-type: application/json",
        "-d",
        &body,
        &url,
    ];
    lab.broker.curl(&[&args[..], more].concat())
}

/// The problem is of this kind, names the provider, and says nothing of the credential.
#[track_caller]
fn problem(lab: &Lab, answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{}", answer.text());
    assert!(
        body["detail"].as_str().unwrap().contains("backboard.railway.com"),
        "the provider is not named: {body}"
    );
    assert!(lab.broker.canary.found_in(answer.text().as_bytes()).is_none(), "{body}");
    // The clients of this provider speak GraphQL, and read its errors: the problem stands beside them.
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("backboard.railway.com"), "{body}");
}
