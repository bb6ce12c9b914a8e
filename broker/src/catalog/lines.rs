//! `stint-broker pack classify`: one request as a line of JSON in, one answer as a line of JSON out.
//!
//! The URL is taken apart at its first slashes and nowhere normalised, so that the answer is about the bytes given.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::refusal::{Refusal, code};
use super::{Catalog, canonical};
use crate::model::{Class, Operation, Resource};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    method: String,
    url: String,
    #[serde(default)]
    headers: Pairs,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

/// An object of texts, with a name that appears twice kept twice.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

#[derive(Serialize)]
struct Answer<'a> {
    understood: bool,
    refused: Option<&'a str>,
    operations: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    operation: &'a str,
    class: Class,
    resources: &'a [Resource],
}

/// Answers one line; a line that is no request gets an answer that says so. `pack` is the pack's name, else the host
/// chooses. The answer has no line end.
pub fn answer(catalog: &Catalog, pack: Option<&str>, line: &str) -> String {
    let judged = classify(catalog, pack, line);
    let answer = match &judged {
        Ok(operations) => Answer {
            understood: true,
            refused: None,
            operations: operations
                .iter()
                .map(|one| Judged { operation: &one.operation, class: one.class, resources: &one.resources })
                .collect(),
        },
        Err(refusal) => Answer { understood: false, refused: Some(refusal.code), operations: Vec::new() },
    };
    // Texts, a list and a word: nothing in it can fail to be written.
    serde_json::to_string(&answer).unwrap_or_default()
}

/// What the request of a line does.
pub fn classify(catalog: &Catalog, pack: Option<&str>, line: &str) -> Result<Vec<Operation>, Refusal> {
    let malformed = |detail: String| Refusal::new(code::MALFORMED_LINE, detail);
    let line: Line = serde_json::from_str(line).map_err(|error| malformed(error.to_string()))?;
    let (host, target) = address(&line.url)?;
    let pack = match pack {
        Some(name) => catalog
            .pack(name)
            .ok_or_else(|| Refusal::new(code::UNKNOWN_PACK, format!("there is no pack '{name}'")))?,
        None => catalog
            .by_host(host)
            .ok_or_else(|| Refusal::new(code::UNKNOWN_HOST, "the host is not exactly a host of any pack"))?,
    };
    let headers = headers(&line.headers)?;
    for value in headers.get_all(HOST) {
        if value != host {
            return Err(Refusal::new(code::HOST_MISMATCH, "the Host header is not the host of the URL"));
        }
    }
    let body = match (line.body, line.body_base64) {
        (Some(_), Some(_)) => return Err(malformed("both 'body' and 'body_base64'".to_owned())),
        (Some(text), None) => Bytes::from(text),
        (None, Some(text)) => Bytes::from(
            STANDARD.decode(text).map_err(|_| malformed("'body_base64' is not base64".to_owned()))?,
        ),
        (None, None) => Bytes::new(),
    };
    // A host by pattern is in no list.
    let own = [host.to_owned()];
    let hosts = if pack.serves(host) { &own[..] } else { &pack.manifest.hosts };
    let request =
        canonical::request(&line.method, host, target, &headers, body, false, pack.provider(hosts))?;
    Ok(catalog.classify(pack, request)?.operations)
}

/// Host and raw target of an `https` URL.
fn address(url: &str) -> Result<(&str, &str), Refusal> {
    let rest = url
        .strip_prefix("https://")
        .ok_or_else(|| Refusal::new(code::NOT_HTTPS, "the URL does not start with 'https://'"))?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
    // A client sends '/' for no path at all: there is nothing else that it could mean.
    Ok((host, if target.is_empty() { "/" } else { target }))
}

fn headers(pairs: &Pairs) -> Result<HeaderMap, Refusal> {
    let malformed = |detail: &str| Refusal::new(code::MALFORMED_HEADER, detail);
    let mut headers = HeaderMap::new();
    for (name, value) in &pairs.0 {
        let name =
            HeaderName::try_from(name).map_err(|_| malformed("a header name holds what it may not"))?;
        let value =
            HeaderValue::try_from(value).map_err(|_| malformed("a header value holds what it may not"))?;
        headers
            .try_append(name, value)
            .map_err(|_| Refusal::new(code::HEADERS_TOO_LARGE, "too many headers"))?;
    }
    Ok(headers)
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header names and texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Values>()? {
                    pairs.extend(value.0.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(Pairs(pairs))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }
        }
        deserializer.deserialize_any(Object)
    }
}

/// One text, or a list of texts for a header that is sent several times.
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            One(String),
            Many(Vec<String>),
        }
        Either::deserialize(deserializer).map(|either| match either {
            Either::One(text) => Values(vec![text]),
            Either::Many(texts) => Values(texts),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::answer;
    use crate::catalog::BUILTIN;

    fn ask(line: &Value) -> Value {
        serde_json::from_str(&answer(&BUILTIN, None, &line.to_string())).unwrap()
    }

    fn refused(line: Value) -> String {
        let answer = ask(&line);
        assert_eq!(answer["understood"], false, "{line}");
        assert_eq!(answer["operations"], json!([]), "{line}");
        answer["refused"].as_str().unwrap().to_owned()
    }

    fn get(url: &str) -> Value {
        json!({ "method": "GET", "url": url })
    }

    #[test]
    fn an_answer_has_the_shape_of_the_contract() {
        let line = json!({ "method": "DELETE", "url": "https://api.github.com/repos/Octocat/Hello-World", "headers": {} });
        let expected = json!({
            "understood": true,
            "refused": null,
            "operations": [{
                "operation": "github:repos/delete",
                "class": "destroy",
                "resources": [{ "kind": "repository", "id": "octocat/hello-world" }],
            }],
        });
        assert_eq!(ask(&line), expected);
        let expected = json!({ "understood": false, "refused": "unknown_operation", "operations": [] });
        assert_eq!(ask(&get("https://api.github.com/nothing/at/all")), expected);
    }

    /// As curl sends what was published: the older host, JSON under the content type of a form, no environment.
    #[test]
    fn the_published_incident_is_understood_as_destroy() {
        let line = json!({
            "method": "POST",
            "url": "https://backboard.railway.app/graphql/v2",
            "headers": { "content-type": "application/x-www-form-urlencoded", "authorization": "Bearer x" },
            "body": "{\"query\":\"mutation { volumeDelete(volumeId: \\\"3d2c42fb-0000-4000-8000-000000000000\\\") }\"}",
        });
        let answer = ask(&line);
        assert_eq!(answer["operations"][0]["operation"], "railway:volumeDelete", "{answer}");
        assert_eq!(answer["operations"][0]["class"], "destroy");
        let expected = json!([{ "kind": "volume", "id": "3d2c42fb-0000-4000-8000-000000000000" }]);
        assert_eq!(answer["operations"][0]["resources"], expected);
    }

    #[test]
    fn the_url_is_not_normalised() {
        for (url, code) in [
            ("https://api.github.com/repos/o/r/../../../user", "dot_segment"),
            ("https://api.github.com/repos/o/r/%2e%2e/x", "bad_escape"),
            ("https://api.github.com//user", "empty_segment"),
            ("https://api.github.com/user/", "empty_segment"),
            ("https://api.github.com/user#x", "malformed_target"),
            ("https://api.github.com\\@evil.test/user", "malformed_target"),
            ("https://api.github.com?x=1", "malformed_target"),
            ("https://API.GITHUB.COM/user", "unknown_host"),
            ("https://api.github.com:443/user", "unknown_host"),
            ("https://api.github.com./user", "unknown_host"),
            ("https://user@api.github.com/user", "unknown_host"),
            ("https://api.github.com@evil.test/user", "unknown_host"),
            ("https://api.github.com.evil.test/user", "unknown_host"),
            ("https://evil.test/user", "unknown_host"),
            ("http://api.github.com/user", "not_https"),
            ("HTTPS://api.github.com/user", "not_https"),
            (" https://api.github.com/user", "not_https"),
            ("//api.github.com/user", "not_https"),
            ("", "not_https"),
        ] {
            assert_eq!(refused(get(url)), code, "{url}");
        }
        assert_eq!(ask(&get("https://api.github.com"))["operations"][0]["operation"], "github:meta/root");
    }

    #[test]
    fn f10_h9_the_host_header_must_agree() {
        let with = |host: Value| json!({ "method": "GET", "url": "https://api.github.com/user", "headers": { "Host": host } });
        assert_eq!(ask(&with(json!("api.github.com")))["understood"], true);
        assert_eq!(refused(with(json!("evil.test"))), "host_mismatch");
        assert_eq!(refused(with(json!(["api.github.com", "api.github.com"]))), "repeated_header");
    }

    #[test]
    fn headers_that_differ_by_case_are_the_same_header() {
        let line = r#"{"method":"POST","url":"https://api.github.com/repos/o/r/issues","headers":{"Content-Type":"application/json","content-type":"text/plain"},"body":"{}"}"#;
        let answer = answer(&BUILTIN, None, line);
        assert_eq!(answer, r#"{"understood":false,"refused":"repeated_header","operations":[]}"#);
    }

    #[test]
    fn bodies_are_text_or_base64() {
        let url = "https://api.github.com/repos/o/r/git/refs/heads/main";
        let class = |line: Value| ask(&line)["operations"][0]["class"].clone();
        assert_eq!(class(json!({ "method": "PATCH", "url": url, "body": "{\"force\":true}" })), "destroy");
        assert_eq!(
            class(json!({ "method": "PATCH", "url": url, "body_base64": "eyJmb3JjZSI6dHJ1ZX0=" })),
            "destroy"
        );
        assert_eq!(
            refused(json!({ "method": "PATCH", "url": url, "body": "", "body_base64": "" })),
            "malformed_line"
        );
        assert_eq!(refused(json!({ "method": "PATCH", "url": url, "body_base64": "*" })), "malformed_line");
    }

    #[test]
    fn a_bad_line_gets_an_answer() {
        let catalog = &*BUILTIN;
        for line in ["", "{", "[]", "null", "1", "{}", r#"{"method":"GET"}"#, r#"{"method":1,"url":"x"}"#] {
            let expected = r#"{"understood":false,"refused":"malformed_line","operations":[]}"#;
            assert_eq!(answer(catalog, None, line), expected, "{line}");
        }
        let twice = r#"{"method":"GET","method":"DELETE","url":"https://api.github.com/user"}"#;
        assert!(answer(catalog, None, twice).contains("malformed_line"));
        let more = r#"{"method":"GET","url":"https://api.github.com/user","verb":"x"}"#;
        assert!(answer(catalog, None, more).contains("malformed_line"));
        let control =
            json!({ "method": "GET", "url": "https://api.github.com/user", "headers": { "x": "a\r\nb: c" } });
        assert_eq!(refused(control), "malformed_header");
    }

    #[test]
    fn a_named_pack_has_its_own_hosts_only() {
        let catalog = &*BUILTIN;
        let line = get("https://api.github.com/user").to_string();
        assert!(answer(catalog, Some("github"), &line).contains("users/get-authenticated"));
        assert!(answer(catalog, Some("nothing"), &line).contains("unknown_pack"));
        let line = get("https://evil.test/user").to_string();
        assert!(answer(catalog, Some("github"), &line).contains("unknown_host"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_line_panics(line in "\\PC{0,80}", method in "[A-Z]{0,8}", url in "\\PC{0,60}", body in "\\PC{0,60}") {
            let catalog = &*BUILTIN;
            let malformed = answer(catalog, None, &line).contains("malformed_line");
            prop_assert!(malformed);
            let url = format!("https://api.github.com/{url}");
            let line = json!({ "method": method, "url": url, "body": body }).to_string();
            let answered: Value = serde_json::from_str(&answer(catalog, None, &line)).unwrap();
            prop_assert!(answered["understood"].is_boolean());
        }
    }
}
