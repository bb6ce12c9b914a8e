//! Amazon Web Services: the host names service and region; the action is named by a header, by a form, or by method and
//! path, as the service's protocol has it.
//!
//! Every place that could name an action is read, and a request that names two is refused: a form and a query, a target
//! and a form, a spelling that differs by case. What is not read (CBOR, presigned URLs, bodies that are compressed) is
//! refused. Knows no signature: that is made over what is sent, by whoever sends it.

mod host;
mod members;
mod named;
mod routed;
mod table;

#[cfg(test)]
mod tests;

use http::header::CONTENT_TYPE;

use super::Listed;
use super::pack::Manifest;
use super::refusal::{Refusal, code};
use super::rest::Row;
use super::understood::Understood;
use crate::model::{Class, Operation, Request, Resource};

pub use table::{Service, Table};

/// How a service's requests name an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `X-Amz-Target: PREFIX.ACTION` with a body of JSON.
    Json,
    /// `Action=ACTION&Version=VERSION`, in the query or a form. EC2's too.
    Query,
    RestJson,
    RestXml,
}

impl Protocol {
    /// Method and path name the action.
    fn is_by_path(&self) -> bool {
        matches!(self, Protocol::RestJson | Protocol::RestXml)
    }
}

impl Table {
    /// Whether a host (lower case, no port) is one of a service.
    pub fn serves(&self, host: &str) -> bool {
        host::address(&self.services, host).is_some()
    }

    /// One request is one action.
    pub fn classify(&self, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
        let Some(at) = host::address(&self.services, &request.host) else {
            let detail = format!("{} is no host of a service that is understood", request.host);
            return Err(Refusal::new(code::UNKNOWN_HOST, detail));
        };
        let service = at.service;
        carried(&request)?;
        let (row, members, resources) = if service.protocols.iter().any(Protocol::is_by_path) {
            self.routed(service, at.bucket, manifest, &request)?
        } else {
            let (row, members) = self.named(service, &request)?;
            (row, members, vec![Resource::new("account", "self")])
        };
        let mut class = row.class;
        if matches!(class, Class::Write | Class::Grant | Class::Reveal) {
            class = self.members.judge(&members, class);
        }
        class = class.max(by_header(&request));
        let operation = Operation {
            operation: format!("{}:{}", manifest.name, row.id),
            class,
            resources,
            scope: row.scope,
            marks: row.marks.clone(),
            pending: None,
        };
        Ok(Understood { operations: vec![operation], request })
    }

    /// First parts of hosts, by service.
    pub fn hosts(&self) -> Vec<String> {
        self.services.iter().map(|service| service.host.clone()).collect()
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(in crate::catalog) fn listed(&self) -> Vec<Listed> {
        self.rows.iter().map(|row| Listed { request: self.request_of(row), ..row.listed() }).collect()
    }

    /// How a request names an action, for people.
    fn request_of(&self, row: &Row) -> String {
        let (service, action) = row.id.split_once('.').unwrap_or((&row.id, ""));
        let service = self.services.iter().find(|one| one.name == service);
        match service.and_then(|one| Some((one, one.protocols.first()?))) {
            Some((_, Protocol::Query)) => format!("POST / Action={action}"),
            Some((one, Protocol::Json)) => {
                format!("POST / X-Amz-Target: {}.{action}", one.target.as_deref().unwrap_or_default())
            }
            _ => format!("{} {}", row.method_names(), row.template),
        }
    }
}

/// Forms of a request that nobody reads here.
fn carried(request: &Request) -> Result<(), Refusal> {
    let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    if request.headers.contains_key("smithy-protocol") || kind.contains("cbor") {
        let detail = "the request is in CBOR, which is not read: set the tool to the protocol JSON or query";
        return Err(Refusal::new(code::UNKNOWN_OPERATION, detail));
    }
    let query = request.query.as_deref().unwrap_or_default();
    for (key, _) in form_urlencoded::parse(query.as_bytes()) {
        let key = key.trim().to_ascii_lowercase();
        if key.starts_with("x-amz-") || key == "awsaccesskeyid" {
            let detail = "the query holds what belongs into headers: a presigned request is not carried";
            return Err(Refusal::new(code::BAD_PARAMETER, detail));
        }
    }
    for (name, value) in &request.headers {
        let chunked = name == "x-amz-content-sha256" && value.as_bytes().starts_with(b"STREAMING-");
        if chunked || name == "x-amz-decoded-content-length" {
            let detail = "the body is in signed pieces, which is not read: set AWS_REQUEST_CHECKSUM_CALCULATION=when_required";
            return Err(Refusal::new(code::ENCODED_BODY, detail));
        }
    }
    Ok(())
}

/// What headers of S3 add.
fn by_header(request: &Request) -> Class {
    let of = |name: &str| match name {
        "x-amz-bypass-governance-retention" => Class::Destroy,
        "x-amz-acl" | "x-amz-website-redirect-location" | "x-amz-object-ownership" => Class::Grant,
        _ if name.starts_with("x-amz-grant-") => Class::Grant,
        _ => Class::Read,
    };
    request.headers.keys().map(|name| of(name.as_str())).max().unwrap_or(Class::Read)
}
