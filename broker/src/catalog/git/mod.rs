//! git over HTTPS (gitprotocol-http, the smart protocol): what a fetch or a push does to which repository.
//!
//! A fetch reads. A push is judged by its commands, each of which creates, moves or removes one reference: removing one,
//! and moving one so that commits may be lost, destroys. Whether commits are kept is told from the pack alone (see
//! `pack`); what it does not prove counts as a rewrite. Old ids need no look-up, since the provider itself refuses a
//! command whose old id is not what it has. The dumb protocol, signed pushes and what is not of git are unknown.

mod lfs;
mod lines;
mod pack;
mod push;
mod reply;

#[cfg(test)]
mod tests;

use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use super::listing::Listed;
use super::pack::Manifest;
use super::refusal::{Refusal, code};
use super::understood::Understood;
use crate::model::{Class, Operation, Request, Resource, Scope};
use push::{Command, Push};

pub use reply::Reply;

/// `[git]` of a pack: the hosts that serve repositories, with the credentials of the pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Door {
    /// Hosts of the pack.
    pub hosts: Vec<String>,
    /// How a credential goes there, in `authorization`: `Basic x-access-token:{}`.
    pub format: String,
    /// Kind of the resource that a repository is.
    pub resource: String,
    /// Whether repositories stand in groups of groups; otherwise they are `OWNER/NAME`.
    #[serde(default)]
    pub nested: bool,
    /// Push options that change nothing but how the push itself is treated. Others are refused.
    #[serde(default)]
    pub push_options: Vec<String>,
}

/// Name, class and request of what git does.
const OPERATIONS: &[(&str, Class, &str)] = &[
    ("fetch/list-refs", Class::Read, "GET /{repository}/info/refs?service=git-upload-pack"),
    ("fetch/objects", Class::Read, "POST /{repository}/git-upload-pack"),
    ("push/list-refs", Class::Read, "GET /{repository}/info/refs?service=git-receive-pack"),
    ("push/nothing", Class::Read, "POST /{repository}/git-receive-pack"),
    ("push/create-branch", Class::Write, "POST /{repository}/git-receive-pack"),
    ("push/update-branch", Class::Write, "POST /{repository}/git-receive-pack"),
    ("push/rewrite-branch", Class::Destroy, "POST /{repository}/git-receive-pack"),
    ("push/delete-branch", Class::Destroy, "POST /{repository}/git-receive-pack"),
    ("push/create-tag", Class::Write, "POST /{repository}/git-receive-pack"),
    ("push/move-tag", Class::Destroy, "POST /{repository}/git-receive-pack"),
    ("push/delete-tag", Class::Destroy, "POST /{repository}/git-receive-pack"),
    ("push/change-other-ref", Class::Unknown, "POST /{repository}/git-receive-pack"),
    ("lfs/download", Class::Read, "POST /{repository}/info/lfs/objects/batch"),
    ("lfs/upload", Class::Write, "POST /{repository}/info/lfs/objects/batch"),
    ("lfs/list-locks", Class::Read, "GET /{repository}/info/lfs/locks"),
    ("lfs/verify-locks", Class::Read, "POST /{repository}/info/lfs/locks/verify"),
    ("lfs/lock", Class::Write, "POST /{repository}/info/lfs/locks"),
    ("lfs/unlock", Class::Write, "POST /{repository}/info/lfs/locks/{id}/unlock"),
];

const RECEIVE: &str = "application/x-git-receive-pack-request";
const UPLOAD: &str = "application/x-git-upload-pack-request";

/// What a reference's name may not hold as part of a resource's id.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What of a repository is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Refs,
    UploadPack,
    ReceivePack,
    Lfs(lfs::Call),
}

impl Door {
    /// What is wrong with it, if anything is.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), String> {
        if let Some(other) = self.hosts.iter().find(|host| !manifest.hosts.contains(host)) {
            return Err(format!("git names '{other}', which is no host of the pack"));
        }
        if self.format.matches("{}").count() != 1 {
            return Err("git: the format has '{}' once".to_owned());
        }
        if !manifest.carriers.iter().any(|carrier| carrier == "authorization") {
            return Err("git: the credential travels in 'authorization', which carriers does not list".into());
        }
        if !manifest.environment_kinds.contains(&self.resource) {
            return Err(format!("git: '{}' is none of environment-kinds", self.resource));
        }
        Ok(())
    }

    /// Whether a request is one to a repository.
    pub fn takes(&self, host: &str, path: &str) -> bool {
        self.hosts.iter().any(|own| own == host) && route(path).is_some()
    }

    pub fn classify(&self, manifest: &Manifest, request: Request) -> Result<Understood, Refusal> {
        let unknown = |what: &str| {
            let detail = format!("{} by git: {what}", manifest.title);
            Refusal::new(code::UNKNOWN_OPERATION, detail)
        };
        let (path, service) = route(&request.path).ok_or_else(|| unknown("the path is not one of git's"))?;
        let repository = self.repository(path)?;
        let one = |name: &str| vec![operation(manifest, name, vec![repository.clone()])];
        let is = |method: Method, kind: Option<&str>| {
            let essence = request.header(CONTENT_TYPE);
            request.method == method && kind.is_none_or(|kind| essence == Some(kind))
        };
        let no_query = request.query.is_none();
        let operations = match service {
            Service::Refs if is(Method::GET, None) => match request.query.as_deref() {
                Some("service=git-upload-pack") => one("fetch/list-refs"),
                Some("service=git-receive-pack") => one("push/list-refs"),
                _ => return Err(unknown("the dumb protocol is not carried, and of services only two are")),
            },
            Service::UploadPack if no_query && is(Method::POST, Some(UPLOAD)) => one("fetch/objects"),
            Service::ReceivePack if no_query && is(Method::POST, Some(RECEIVE)) => {
                self.pushed(manifest, &repository, &request)?
            }
            Service::Lfs(call) => vec![lfs::judge(call, manifest, &repository, &request)?],
            _ => return Err(unknown("the method, query or content type is not one that git sends")),
        };
        Ok(Understood { operations, request })
    }

    fn pushed(
        &self,
        manifest: &Manifest,
        repository: &Resource,
        request: &Request,
    ) -> Result<Vec<Operation>, Refusal> {
        let push = Push::parse(&request.body, request.partial)?;
        if let Some(option) = push.options.iter().find(|own| !self.push_options.iter().any(|o| o == *own)) {
            let option: String = option.chars().filter(char::is_ascii_graphic).take(60).collect();
            let detail = format!("the push option '{option}' does more than the push itself");
            return Err(Refusal::new(code::UNKNOWN_OPERATION, detail));
        }
        let Some(first) = push.commands.first() else {
            return Ok(vec![operation(manifest, "push/nothing", vec![repository.clone()])]);
        };
        let sha256 = first.old.or(first.new).is_some_and(|id| id.len() == 64);
        let moves =
            |c: &&Command<'_>| c.old.is_some() && c.new.is_some() && c.name.starts_with("refs/heads/");
        let commits = match push.commands.iter().any(|command| moves(&command)) {
            true => pack::Commits::read(push.pack, sha256),
            false => pack::Commits::default(),
        };
        let judged = push.commands.iter().map(|command| {
            let reference = format!("{}:{}", repository.id, utf8_percent_encode(command.name, ESCAPED));
            let resources = vec![repository.clone(), Resource::new("ref", reference)];
            operation(manifest, meaning(command, &commits), resources)
        });
        Ok(judged.collect())
    }

    /// The repository of a path, in one spelling: without `.git`, in lower case.
    fn repository(&self, path: &str) -> Result<Resource, Refusal> {
        let bad = |detail: &str| Refusal::new(code::BAD_PARAMETER, detail);
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty()
                && part.len() <= 255
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && !part.to_ascii_lowercase().ends_with(".git")
        };
        if !parts.iter().all(plain) {
            return Err(bad("the path of the repository is not made of plain names"));
        }
        if parts.len() < 2 || (parts.len() > 2 && !self.nested) {
            return Err(bad("the path of a repository is OWNER/NAME"));
        }
        Ok(Resource::new(&self.resource, path.to_ascii_lowercase()))
    }
}

/// Which operation a command is.
fn meaning(command: &Command<'_>, commits: &pack::Commits) -> &'static str {
    let branch = command.name.starts_with("refs/heads/");
    let tag = command.name.starts_with("refs/tags/");
    match (command.old, command.new) {
        _ if !branch && !tag => "push/change-other-ref",
        (None, _) if tag => "push/create-tag",
        (Some(_), Some(_)) if tag => "push/move-tag",
        (Some(_), None) if tag => "push/delete-tag",
        (None, _) => "push/create-branch",
        (Some(_), None) => "push/delete-branch",
        (Some(old), Some(new)) if commits.lead(new, old) => "push/update-branch",
        (Some(_), Some(_)) => "push/rewrite-branch",
    }
}

fn operation(manifest: &Manifest, name: &str, resources: Vec<Resource>) -> Operation {
    let class =
        OPERATIONS.iter().find(|(own, ..)| *own == name).map_or(Class::Unknown, |(_, class, _)| *class);
    Operation {
        operation: format!("{}:{name}", manifest.name),
        class,
        resources,
        scope: Scope::Resources,
        marks: Default::default(),
        pending: None,
    }
}

/// The repository's part of a path, and what of it is asked for.
fn route(path: &str) -> Option<(&str, Service)> {
    let plain = [
        ("/info/refs", Service::Refs),
        ("/git-upload-pack", Service::UploadPack),
        ("/git-receive-pack", Service::ReceivePack),
    ];
    let found = plain.into_iter().find_map(|(end, service)| Some((path.strip_suffix(end)?, service)));
    found.or_else(|| {
        let (repository, rest) = path.split_once("/info/lfs/")?;
        Some((repository, Service::Lfs(lfs::Call::of(rest)?)))
    })
}

/// What git can do at a pack with a door for it.
pub(super) fn listed(door: &Door) -> Vec<Listed> {
    let one = |(name, class, request): &(&str, Class, &str)| {
        let repository = format!("{}={{repository}}", door.resource);
        let names_ref = request.ends_with("git-receive-pack") && *name != "push/nothing";
        let reference = names_ref.then(|| "ref={repository}:{ref}".to_owned());
        Listed {
            operation: (*name).to_owned(),
            request: (*request).to_owned(),
            class: *class,
            scope: "resources",
            resources: std::iter::once(repository).chain(reference).collect(),
            marks: Vec::new(),
        }
    };
    OPERATIONS.iter().map(one).collect()
}

pub(super) fn actions() -> impl Iterator<Item = (&'static str, Class)> {
    OPERATIONS.iter().map(|(name, class, _)| (*name, *class))
}

/// A fetch that git compressed, as it was before: headers and body. `None` where nothing is compressed. `limit` is in
/// bytes, for what comes out.
pub fn decoded(
    headers: &HeaderMap,
    path: &str,
    body: &Bytes,
    partial: bool,
    limit: usize,
) -> Result<Option<(HeaderMap, Bytes)>, Refusal> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coded = codings.next().is_some_and(|coding| coding == "gzip" || coding == "x-gzip");
    if !coded || codings.next().is_some() || !path.ends_with("/git-upload-pack") {
        return Ok(None);
    }
    let large = || Refusal::new(code::BODY_TOO_LARGE, "the compressed body is too large to read whole");
    if partial {
        return Err(large());
    }
    let mut decoder = GzDecoder::new(&body[..]);
    let mut plain = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = decoder.by_ref().take(most).read_to_end(&mut plain);
    read.map_err(|_| Refusal::new(code::MALFORMED_BODY, "the body is not gzip"))?;
    if plain.len() > limit {
        return Err(large());
    }
    if !decoder.into_inner().is_empty() {
        return Err(Refusal::new(code::AMBIGUOUS_BODY, "something follows the compressed body"));
    }
    let mut headers = headers.clone();
    headers.remove(CONTENT_ENCODING);
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(plain.len()));
    }
    Ok(Some((headers, plain.into())))
}
