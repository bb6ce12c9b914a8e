use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::body::{Body, fed, whole};
use crate::fault::Fault;
use crate::serve::{Inbound, Site};

/// Says what arrived. Stands behind a pack's hosts where only the way there is under test.
///
/// Any path: 200 and `{"method","path","version","headers":[[name,value]..],"body","body_base64","length"}`.
/// `/bytes/N`: N bytes in pieces. `/events` and `/events/N`: server-sent events, one each 50 ms. `/slow/MS`: that
/// much later. `/status/CODE`: that status. `/sink`, and where GitHub takes
/// the assets of a release: reads the body as it comes, answers with its length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

/// Bytes in one piece of `/bytes/N`.
const PIECE: u64 = 64 * 1024;

impl Site for Echo {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        vec![format!("{} {}", request.parts.method, request.parts.uri.path())]
    }

    fn streams(&self, parts: &Parts) -> bool {
        is_sink(parts)
    }

    async fn answer(&self, request: Inbound, _faults: &[Fault]) -> Response<Body> {
        let path = request.parts.uri.path().to_owned();
        let mut words = path.trim_start_matches('/').splitn(2, '/');
        let (word, number) =
            (words.next().unwrap_or_default(), words.next().and_then(|n| n.parse::<u64>().ok()));
        match (word, number, request.stream) {
            (_, _, Some(stream)) => sink(stream).await,
            ("bytes", Some(count), _) => bytes(count),
            ("events", count, _) => events(count.unwrap_or(u64::MAX)),
            ("slow", Some(millis), _) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                mirror(&request.parts, &request.body, StatusCode::OK)
            }
            ("status", Some(code), _) => {
                let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
                mirror(&request.parts, &request.body, status.unwrap_or(StatusCode::OK))
            }
            _ => mirror(&request.parts, &request.body, StatusCode::OK),
        }
    }
}

fn is_sink(parts: &Parts) -> bool {
    let path = parts.uri.path();
    path == "/sink"
        || (path.starts_with("/repos/") && path.ends_with("/assets") && parts.method == Method::POST)
}

fn mirror(parts: &Parts, body: &Bytes, status: StatusCode) -> Response<Body> {
    let headers: Vec<Value> = parts
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let answer = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path_and_query().map_or("", |path| path.as_str()),
        "authority": parts.uri.authority().map(|authority| authority.as_str()),
        "version": format!("{:?}", parts.version),
        "headers": headers,
        "body": std::str::from_utf8(body).ok(),
        "body_base64": STANDARD.encode(body),
        "length": body.len(),
    });
    typed(whole(answer.to_string()), "application/json", status)
}

fn bytes(count: u64) -> Response<Body> {
    let body = fed(move |feed| async move {
        let piece = Bytes::from(vec![b'x'; usize::try_from(PIECE).unwrap_or(0)]);
        let mut left = count;
        while left > 0 {
            let size = usize::try_from(left.min(PIECE)).unwrap_or(0);
            if !feed.send(piece.slice(..size)).await {
                return;
            }
            left -= left.min(PIECE);
        }
    });
    let mut answer = typed(body, "application/octet-stream", StatusCode::OK);
    answer.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(count));
    answer
}

fn events(count: u64) -> Response<Body> {
    let body = fed(move |feed| async move {
        for number in 1..=count {
            if !feed.send(format!("id: {number}\ndata: {{\"n\":{number}}}\n\n")).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    typed(body, "text/event-stream", StatusCode::OK)
}

async fn sink(mut stream: Incoming) -> Response<Body> {
    let mut length: u64 = 0;
    while let Some(frame) = stream.frame().await {
        match frame {
            Ok(frame) => length += frame.data_ref().map_or(0, |data| data.len() as u64),
            Err(_) => return typed(whole("{\"cut\":true}"), "application/json", StatusCode::BAD_REQUEST),
        }
    }
    typed(whole(json!({ "length": length }).to_string()), "application/json", StatusCode::OK)
}

fn typed(body: Body, kind: &'static str, status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
