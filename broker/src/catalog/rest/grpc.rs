//! gRPC: a call is judged as the operation of REST that does the same.
//!
//! `grpc.tsv` gives each call the method and the path that it has by REST, with the number of the field that names the
//! resource in the path's place (`/v1/{1}:access`; `{1.1}` within a message), as the provider's own description maps them
//! (google.api.http). Of the message that field alone is read (protobuf wire format), and what a reader could understand
//! in two ways is refused: a field that is there twice, groups, numbers written longer than they need be, several messages.
//! A call that the table has not is unknown.

use std::collections::HashMap;

use http::Method;
use http::header::CONTENT_TYPE;

use super::Row;
use crate::catalog::pack::{Manifest, PackError};
use crate::catalog::refusal::{Refusal, code};
use crate::model::Request;

const FILE: &str = "grpc.tsv";
const HEADER: &str = "rpc\tmethod\tpath";

/// A header in which a client says again what the message names, for whoever routes it.
const ROUTING: &str = "x-goog-request-params";

/// Calls by `package.Service/Method`.
#[derive(Debug)]
pub(super) struct Calls(HashMap<String, Call>);

#[derive(Debug)]
struct Call {
    method: Method,
    before: String,
    /// Numbers of fields, from the outside in.
    field: Vec<u64>,
    after: String,
}

impl Calls {
    pub fn load(rows: &[Row], read: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, PackError> {
        let Some(text) = read(FILE) else { return Ok(None) };
        let mut calls = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let wrong = |reason: &str| PackError::at(FILE, index + 1, reason);
            if index == 0 {
                if line != HEADER {
                    return Err(wrong("the first line is not 'rpc method path'"));
                }
                continue;
            }
            let (rpc, call) = Call::parse(line).ok_or_else(|| {
                wrong("a row is 'package.Service/Method', a method, and a path with one '{1}' or '{1.2}'")
            })?;
            let ends = |row: &&Row| {
                row.methods.contains(&call.method)
                    && row.template.starts_with(&call.before)
                    && row.template.ends_with(&call.after)
            };
            if rows.iter().find(ends).is_none() {
                return Err(wrong("no operation has this method and an end like this of its path"));
            }
            if calls.insert(rpc.to_owned(), call).is_some() {
                return Err(wrong("the call is there twice"));
            }
        }
        Ok(Some(Calls(calls)))
    }

    /// The method and path by which REST does the same.
    pub fn as_rest(&self, manifest: &Manifest, request: &Request) -> Result<(&Method, String), Refusal> {
        let call = self.0.get(request.path.trim_start_matches('/')).ok_or_else(|| {
            let detail = format!("{} does not know the call {}", manifest.title, request.path);
            Refusal::new(code::UNKNOWN_OPERATION, detail)
        })?;
        let name = text_at(message(request)?, &call.field)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '/');
        let pieces = || name.split('/');
        if !name.chars().all(plain) || pieces().any(|piece| matches!(piece, "" | "." | "..")) {
            let detail = "the name of the resource in the message is not in its one form";
            return Err(Refusal::new(code::BAD_PARAMETER, detail));
        }
        routed_alike(request, name)?;
        Ok((&call.method, format!("{}{name}{}", call.before, call.after)))
    }
}

impl Call {
    fn parse(line: &str) -> Option<(&str, Call)> {
        let mut cells = line.split('\t');
        let (rpc, method, path) = (cells.next()?, cells.next()?, cells.next()?);
        let (service, name) = rpc.split_once('/')?;
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'))
        };
        let (before, rest) = path.split_once('{')?;
        let (field, after) = rest.split_once('}')?;
        let field: Vec<u64> = field.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let sound = word(service) && word(name) && before.starts_with('/') && before.ends_with('/');
        if cells.next().is_some() || !sound || after.contains(['{', '}']) || field.contains(&0) {
            return None;
        }
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        Some((rpc, Call { method, before: before.to_owned(), field, after: after.to_owned() }))
    }
}

/// The one message of a call, as gRPC frames it over HTTP/2: a byte of flags, four of length, the message.
fn message(request: &Request) -> Result<&[u8], Refusal> {
    if request.partial {
        let detail = "the message names what is touched, and is too large to read whole";
        return Err(Refusal::new(code::BODY_TOO_LARGE, detail));
    }
    let kind = request.header(CONTENT_TYPE).unwrap_or_default();
    if !matches!(kind, "application/grpc" | "application/grpc+proto") {
        return Err(ambiguous("the content type is not application/grpc"));
    }
    if request.method != Method::POST || request.query.is_some() {
        return Err(ambiguous("a call is a POST without a query"));
    }
    if request.headers.get_all("grpc-encoding").iter().any(|value| value != "identity") {
        return Err(Refusal::new(code::ENCODED_BODY, "the message is compressed"));
    }
    let (flags, rest) = request.body.split_first().ok_or_else(|| malformed("the call has no message"))?;
    let (length, message) = rest.split_first_chunk().ok_or_else(|| malformed("the message has no length"))?;
    match (flags, u32::from_be_bytes(*length) as usize == message.len()) {
        (0, true) => Ok(message),
        (0, false) => Err(malformed("the body is not exactly one message of the length that it says")),
        _ => Err(Refusal::new(code::ENCODED_BODY, "the message is compressed")),
    }
}

/// The text of a field, which every message on the way has once.
fn text_at<'a>(message: &'a [u8], field: &[u64]) -> Result<&'a str, Refusal> {
    let mut part = message;
    for number in field {
        part = once(part, *number)?;
    }
    std::str::from_utf8(part).map_err(|_| malformed("the name in the message is not UTF-8"))
}

fn once(message: &[u8], wanted: u64) -> Result<&[u8], Refusal> {
    let short = || malformed("the message ends within a field");
    let mut rest = message;
    let mut found = None;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let number = tag >> 3;
        let own = number == wanted;
        match tag & 7 {
            0 => drop(varint(&mut rest)?),
            1 => rest = rest.get(8..).ok_or_else(short)?,
            5 => rest = rest.get(4..).ok_or_else(short)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?).map_err(|_| short())?;
                let (value, after) = rest.split_at_checked(length).ok_or_else(short)?;
                rest = after;
                if own && found.replace(value).is_some() {
                    return Err(ambiguous("the field that names the resource is there twice"));
                }
                continue;
            }
            _ => return Err(malformed("the message has a group or a field of no known form")),
        }
        if own || number == 0 {
            return Err(malformed("the field that names the resource is no text, or a field has no number"));
        }
    }
    found.ok_or_else(|| ambiguous("the message names no resource"))
}

/// Seven bits a byte, in as few bytes as the number needs.
fn varint(rest: &mut &[u8]) -> Result<u64, Refusal> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or_else(|| malformed("a number breaks off"))?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return if *byte == 0 && shift > 0 {
                Err(ambiguous("a number is longer than it need be"))
            } else {
                Ok(value)
            };
        }
    }
    Err(malformed("a number is too large"))
}

/// Whoever routes by the header goes where the message says.
fn routed_alike(request: &Request, name: &str) -> Result<(), Refusal> {
    let mut headers = request.headers.get_all(ROUTING).iter();
    let (Some(header), other) = (headers.next(), headers.next()) else { return Ok(()) };
    let pairs = form_urlencoded::parse(header.as_bytes());
    if other.is_some() || pairs.into_iter().any(|(_, value)| value != name) {
        return Err(ambiguous("the header that routes the call names something else than its message"));
    }
    Ok(())
}

fn ambiguous(detail: &str) -> Refusal {
    Refusal::new(code::AMBIGUOUS_BODY, detail)
}

fn malformed(detail: &str) -> Refusal {
    Refusal::new(code::MALFORMED_BODY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::BUILTIN;

    const SECRETS: &str = "google.cloud.secretmanager.v1.SecretManagerService";

    /// A field of length-delimited form.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0], u32::try_from(message.len()).unwrap().to_be_bytes().as_slice(), message].concat()
    }

    fn call(host: &str, rpc: &str, body: Vec<u8>, more: &[(&'static str, &'static str)]) -> Request {
        let mut headers = http::HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        Request {
            method: Method::POST,
            host: host.to_owned(),
            path: format!("/{rpc}"),
            query: None,
            headers,
            body: body.into(),
            partial: false,
        }
    }

    /// `reveal secretmanager.projects.secrets.versions.access project=p`, or the code of the refusal.
    fn said(request: Request) -> String {
        match BUILTIN.classify(BUILTIN.pack("gcp").unwrap(), request) {
            Err(refusal) => refusal.code.to_owned(),
            Ok(understood) => {
                let [one] = understood.operations.as_slice() else { panic!("{understood:?}") };
                let resources: Vec<String> =
                    one.resources.iter().map(|one| format!("{}:{}", one.kind, one.id)).collect();
                format!("{} {} {}", one.class, one.operation.trim_start_matches("gcp:"), resources.join(","))
            }
        }
    }

    fn secrets(method: &str, body: Vec<u8>) -> String {
        said(call("secretmanager.googleapis.com", &format!("{SECRETS}/{method}"), body, &[]))
    }

    #[test]
    fn a_call_is_the_operation_of_rest_that_does_the_same() {
        let name = |text: &str| framed(&field(1, text.as_bytes()));
        let version = "projects/p1/secrets/s/versions/2";
        let base = "secretmanager.projects.secrets";
        assert_eq!(
            secrets("AccessSecretVersion", name(version)),
            format!("reveal {base}.versions.access project:p1")
        );
        assert_eq!(
            secrets("DestroySecretVersion", name(version)),
            format!("destroy {base}.versions.destroy project:p1")
        );
        assert_eq!(
            secrets("DeleteSecret", name("projects/p1/locations/l/secrets/s")),
            "destroy secretmanager.projects.locations.secrets.delete project:p1"
        );
        assert_eq!(secrets("ListSecrets", name("projects/p1")), format!("read {base}.list project:p1"));
        let inner = framed(&[field(1, &field(1, b"projects/p1/secrets/s")), vec![0x18, 1]].concat());
        assert_eq!(secrets("UpdateSecret", inner), format!("grant {base}.patch project:p1"));
        let job = name("projects/p1/locations/l/jobs/j");
        assert_eq!(
            said(call("run.googleapis.com", "google.cloud.run.v2.Jobs/DeleteJob", job.clone(), &[])),
            "destroy run.projects.locations.jobs.delete project:p1"
        );
        // On another service's host, of a method that nobody has judged, by REST's own path.
        assert_eq!(
            said(call(
                "secretmanager.googleapis.com",
                "google.cloud.run.v2.Jobs/DeleteJob",
                job.clone(),
                &[]
            )),
            "unknown_operation"
        );
        for method in ["AccessSecret", "accessSecretVersion", "", "ListSecrets/x"] {
            assert_eq!(secrets(method, name(version)), "unknown_operation", "{method}");
        }
        let path = "v1/projects/p1/secrets/s";
        assert_eq!(said(call("secretmanager.googleapis.com", path, name(version), &[])), "unknown_operation");
    }

    #[test]
    fn a_message_that_can_be_read_in_two_ways_is_refused() {
        let good = field(1, b"projects/p1/secrets/s/versions/2");
        let access = |body: Vec<u8>| secrets("AccessSecretVersion", body);
        let other = field(1, b"projects/p2/secrets/s/versions/2");
        for (message, code) in [
            ([good.clone(), other].concat(), "ambiguous_body"),
            (Vec::new(), "ambiguous_body"),
            (vec![0x08, 1], "malformed_body"),
            ([good.clone(), vec![0x0b, 0x0c]].concat(), "malformed_body"),
            ([vec![0x8a, 0x00, 1], b"p".to_vec()].concat(), "ambiguous_body"),
            (vec![0x0a, 0x7f, b'p'], "malformed_body"),
            (vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "malformed_body"),
            (field(1, b"projects/p1/../p2/secrets/s/versions/2"), "bad_parameter"),
            (field(1, b"projects/p1/secrets/s/versions/2:destroy"), "bad_parameter"),
            (field(1, b"projects//secrets/s/versions/2"), "bad_parameter"),
            (field(1, b"projects/p1/secrets/\xff"), "malformed_body"),
        ] {
            assert_eq!(access(framed(&message)), code, "{message:?}");
        }
        let whole = framed(&good);
        assert_eq!(access([whole.clone(), whole.clone()].concat()), "malformed_body");
        assert_eq!(access([&[1], &whole[1..]].concat()), "encoded_body");
        assert_eq!(access(whole[..4].to_vec()), "malformed_body");
        let by = |name: &'static str, value: &'static str| {
            said(call(
                "secretmanager.googleapis.com",
                &format!("{SECRETS}/AccessSecretVersion"),
                whole.clone(),
                &[(name, value)],
            ))
        };
        assert!(by(ROUTING, "name=projects%2Fp1%2Fsecrets%2Fs%2Fversions%2F2").starts_with("reveal "));
        assert_eq!(by(ROUTING, "name=projects%2Fp2%2Fsecrets%2Fs%2Fversions%2F2"), "ambiguous_body");
        assert_eq!(by("grpc-encoding", "gzip"), "encoded_body");
        assert_eq!(by("content-type", "application/grpc-web+proto"), "ambiguous_body");
        assert_eq!(by("content-type", "application/GRPC+json"), "ambiguous_body");
    }

    #[test]
    fn a_table_of_calls_is_read_whole_or_not_at_all() {
        let rows: Vec<Row> = Vec::new();
        let load = |text: &str| Calls::load(&rows, &|_| Some(text.to_owned()));
        assert!(load(HEADER).unwrap().is_some());
        assert!(Calls::load(&rows, &|_| None).unwrap().is_none());
        for row in [
            "a.B/C\tGET",
            "a.B\tGET\t/v1/{1}",
            "a.B/C\tGET\t/v1/{x}",
            "a.B/C\tGET\t/v1/{0}",
            "a.B/C\tGET\t/v1/x",
        ] {
            assert_eq!(load(&format!("{HEADER}\n{row}")).unwrap_err().row, Some(2), "{row}");
        }
        let nowhere = load(&format!("{HEADER}\na.B/C\tGET\t/v1/{{1}}")).unwrap_err();
        assert!(nowhere.reason.contains("no operation"), "{nowhere}");
        assert_eq!(varint(&mut [0x96, 0x01].as_slice()).unwrap(), 150);
    }
}
