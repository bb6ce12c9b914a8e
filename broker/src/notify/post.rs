use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, Request, header};
use ring::hmac;
use serde_json::json;
use stint_api::{Target, Topic};

use super::{Notice, NotifyError};

/// A request, and the origin that it goes to.
#[derive(Debug)]
pub struct Post {
    pub origin: String,
    pub request: Request<Vec<u8>>,
}

/// The secret of a webhook in the form that receivers take it (Standard Webhooks: `whsec_` and base64).
pub fn webhook_secret(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The notice as a request. `id` is the same for every try of one delivery; `at` is in unix seconds; `key` signs
/// webhooks.
pub fn post(target: &Target, notice: &Notice, id: &str, at: i64, key: &[u8]) -> Result<Post, NotifyError> {
    match target {
        Target::Webhook { url } => {
            let body = json!({
                "type": format!("stint.{}", notice.topic.as_str()),
                "timestamp": at,
                "data": { "title": notice.title, "text": notice.text, "url": notice.url, "facts": notice.facts },
            });
            let body = body.to_string().into_bytes();
            // Standard Webhooks: v1 is HMAC-SHA-256 over id, timestamp and body, with dots between.
            let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
            context.update(format!("{id}.{at}.").as_bytes());
            context.update(&body);
            let signature = format!("v1,{}", STANDARD.encode(context.sign()));
            let lines = [
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", signature),
            ];
            built(url, body, "application/json", &lines)
        }
        Target::Slack { url } => {
            let text = format!("*{}*\n{}\n<{}>", slack(&notice.title), slack(&notice.text), notice.url);
            built(url, json!({ "text": text }).to_string().into_bytes(), "application/json", &[])
        }
        Target::Ntfy { url, token } => {
            let (server, topic) = topic_of(url)?;
            let urgent = matches!(notice.topic, Topic::Approval | Topic::Alert);
            // By JSON to the server's root: headers could not carry every text.
            let body = json!({
                "topic": topic, "title": notice.title, "message": notice.text, "click": notice.url,
                "priority": if urgent { 4 } else { 3 }, "tags": [notice.topic.as_str()],
            });
            let token =
                token.iter().map(|token| ("authorization", format!("Bearer {token}"))).collect::<Vec<_>>();
            built(&server, body.to_string().into_bytes(), "application/json", &token)
        }
        Target::Email { .. } => Err(NotifyError("mail is no request".to_owned())),
    }
}

/// Server and topic of `https://ntfy.example/topic`.
fn topic_of(url: &str) -> Result<(String, &str), NotifyError> {
    let wrong = || NotifyError("the URL of an ntfy topic is https://SERVER/TOPIC".to_owned());
    let (server, topic) = url.rsplit_once('/').ok_or_else(wrong)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if topic.is_empty() || topic.len() > 64 || !topic.chars().all(plain) || !server.contains("://") {
        return Err(wrong());
    }
    Ok((format!("{server}/"), topic))
}

/// Slack's three characters (its reference on formatting), so that no text becomes a link or a mention.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(['*', '_', '`', '~'], "\u{2063}")
}

fn built(
    url: &str,
    body: Vec<u8>,
    kind: &'static str,
    lines: &[(&'static str, String)],
) -> Result<Post, NotifyError> {
    let wrong = |what: &str| NotifyError(format!("the URL of the channel {what}"));
    let uri: http::Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("names no host"));
    };
    if !matches!(scheme, "https" | "http") || authority.as_str().contains('@') {
        return Err(wrong("is not of the form https://HOST/PATH"));
    }
    let origin = format!("{scheme}://{authority}");
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        format!("https://{}{target}", authority.host()).parse().map_err(|_| wrong("is not a URL"))?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("stint"));
    for (name, value) in lines {
        let value = HeaderValue::from_str(value).map_err(|_| wrong("has a secret that is no header"))?;
        headers.insert(*name, value);
    }
    Ok(Post { origin, request })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            topic: Topic::Approval,
            title: "coder asks: volume delete <!channel>".to_owned(),
            text: "in *production*".to_owned(),
            url: "http://127.0.0.1:7380/console/approvals/apr_1".to_owned(),
            facts: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_webhook_is_signed_as_the_standard_says() {
        // The vector of the Standard Webhooks specification's reference libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
        context.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        assert_eq!(STANDARD.encode(context.sign()), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let target = Target::Webhook { url: "https://hooks.example:8443/in?x=1".to_owned() };
        let post = post(&target, &notice(), "dlv_1", 1_614_265_330, &key).unwrap();
        assert_eq!(post.origin, "https://hooks.example:8443");
        assert_eq!(post.request.uri(), "https://hooks.example/in?x=1");
        assert_eq!(post.request.headers()["webhook-id"], "dlv_1");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let said = post.request.headers()["webhook-signature"].to_str().unwrap().strip_prefix("v1,").unwrap();
        let signed = [b"dlv_1.1614265330.".as_slice(), post.request.body()].concat();
        assert!(hmac::verify(&key, &signed, &STANDARD.decode(said).unwrap()).is_ok());
    }

    #[test]
    fn texts_mention_nobody_and_format_nothing() {
        let target = Target::Slack { url: "https://hooks.slack.com/services/T/B/x".to_owned() };
        let post = post(&target, &notice(), "dlv_1", 1, b"k").unwrap();
        let body = String::from_utf8(post.request.into_body()).unwrap();
        assert!(body.contains("&lt;!channel&gt;") && !body.contains("<!channel>"), "{body}");
    }

    #[test]
    fn an_ntfy_topic_is_the_last_word_of_its_url() {
        let target =
            Target::Ntfy { url: "https://ntfy.example/stint-ops".to_owned(), token: Some("tk_1".to_owned()) };
        let post = post(&target, &notice(), "dlv_1", 1, b"k").unwrap();
        assert_eq!(post.request.uri(), "https://ntfy.example/");
        assert_eq!(post.request.headers()["authorization"], "Bearer tk_1");
        let body: serde_json::Value = serde_json::from_slice(post.request.body()).unwrap();
        assert_eq!((&body["topic"], &body["priority"]), (&json!("stint-ops"), &json!(4)));
        for url in [
            "https://ntfy.example/",
            "https://ntfy.example/a b",
            "ntfy.example/x",
            "https://u@ntfy.example/x",
        ] {
            let target = Target::Ntfy { url: url.to_owned(), token: None };
            assert!(super::post(&target, &notice(), "d", 1, b"k").is_err(), "{url}");
        }
    }
}
