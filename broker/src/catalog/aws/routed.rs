//! Actions that method, path and the keys of the query name: REST with JSON or XML, and S3.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::super::canonical::decode;
use super::super::json;
use super::super::pack::Manifest;
use super::super::refusal::{Refusal, code};
use super::super::rest::{self, Row};
use super::named::{ambiguous, unknown};
use super::table::Service;
use super::{Protocol, Table};
use crate::model::{Class, Request, Resource};

const COPY: &str = "x-amz-copy-source";

impl Table {
    /// The row of the action, the members of a body of JSON, and what the request names. `bucket` stands in the host.
    pub(super) fn routed(
        &self,
        service: &Service,
        bucket: Option<&str>,
        manifest: &Manifest,
        request: &Request,
    ) -> Result<(&Row, Value, Vec<Resource>), Refusal> {
        let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
        let path = match bucket {
            Some(bucket) => format!("/{bucket}{}", if request.path == "/" { "" } else { &request.path }),
            None => request.path.clone(),
        };
        let segments = rest::segments(&path);
        let shown = || unknown(service, &format!("{} {}", request.method, request.target()));
        let keys = deciding(service, request)?;
        let trie = service.paths.iter().find(|(own, _)| *own == keys).map(|(_, trie)| trie);
        let index = trie.and_then(|trie| trie.find(method, &segments)).ok_or_else(shown)?;
        let row = self.rows.get(index).ok_or_else(shown)?;
        if path.contains("%2F") && !row.holds_slashes(&segments) {
            let detail = "'/' is escaped in the path where it could be a real one";
            return Err(Refusal::new(code::ENCODED_DELIMITER, detail));
        }
        let parameters = row.parameters(&segments);
        let mut resources = rest::resources(row, &parameters, manifest)?;
        if let Some(source) = request.headers.get(COPY) {
            resources.push(Resource::new("bucket", source_bucket(source.to_str().unwrap_or_default())?));
        }
        let members =
            if service.protocols.contains(&Protocol::RestJson) { body(row, request)? } else { Value::Null };
        Ok((row, members, resources))
    }
}

/// The keys of the query, and the one header, that are part of an action's name. A key that the service is not known to
/// read is refused where keys name actions: a new one could be another action.
fn deciding(service: &Service, request: &Request) -> Result<BTreeSet<String>, Refusal> {
    let mut keys = BTreeSet::new();
    let query = request.query.as_deref().unwrap_or_default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let pair = format!("{key}={value}");
        let own = [pair.as_str(), &key].into_iter().find(|one| service.deciding.contains(*one));
        match own {
            Some(own) => {
                keys.insert(own.to_owned());
            }
            None if service.deciding.iter().any(|one| {
                one.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case(key.trim()))
            }) =>
            {
                return Err(ambiguous("a key of the query looks like one that decides"));
            }
            None if service.parameters.is_empty() || service.parameters.iter().any(|one| *one == key) => {}
            None if key.starts_with("response-") && matches!(request.method, Method::GET | Method::HEAD) => {}
            None => return Err(unknown(service, &format!("the key '{key}' of the query"))),
        }
    }
    if service.deciding.contains(COPY) && request.headers.contains_key(COPY) {
        if request.headers.get_all(COPY).iter().count() > 1 {
            return Err(ambiguous("the source of a copy is there twice"));
        }
        keys.insert(COPY.to_owned());
    }
    Ok(keys)
}

/// `bucket/key`, `/bucket/key?versionId=…`. An access point (`arn:…`) names no bucket.
fn source_bucket(source: &str) -> Result<String, Refusal> {
    let bad = || Refusal::new(code::BAD_PARAMETER, "the source of the copy is not BUCKET/KEY");
    let source = decode(source);
    let text = std::str::from_utf8(&source).map_err(|_| bad())?;
    let (bucket, key) = text.strip_prefix('/').unwrap_or(text).split_once('/').ok_or_else(bad)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let named = (3..=255).contains(&bucket.len()) && bucket.bytes().all(plain) && !key.is_empty();
    if named { Ok(bucket.to_owned()) } else { Err(bad()) }
}

/// Members that could make an action stronger. Of one that is as strong as can be, nothing is asked.
fn body(row: &Row, request: &Request) -> Result<Value, Refusal> {
    let body = request.body.trim_ascii();
    if row.class == Class::Destroy || (body.is_empty() && !request.partial) {
        return Ok(Value::Null);
    }
    if request.partial {
        let detail = format!("the members of {} decide, and this body is too large to read whole", row.id);
        return Err(Refusal::new(code::BODY_TOO_LARGE, detail));
    }
    json::strict(body)
}
