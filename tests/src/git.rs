use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use stint_standin::{Body, Fault, Github, Inbound, Site};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use crate::binaries::bare;

/// The API of a provider that serves repositories too.
pub trait Forge: Site {
    /// How git says who it is: Basic, this name, and the token as the password.
    const USER: &'static str;
    /// Whether a request is git's.
    fn is_git(request: &Inbound) -> bool;
    fn admits(&self, token: &str) -> bool;
}

/// The stand-in of a provider's API with real repositories beside it: what git asks is answered by `git http-backend` over
/// folders of this machine.
#[derive(Debug, Clone)]
pub struct GitHost<A = Github> {
    pub api: A,
    folder: Arc<TempDir>,
}

impl GitHost {
    /// GitHub with the bare repositories `atlas/api` and `atlas/sandbox`.
    pub fn seeded() -> Self {
        GitHost::beside(Github::seeded(), &["atlas/api", "atlas/sandbox"])
    }
}

impl<A: Forge> GitHost<A> {
    /// With bare repositories of these names, each with one commit on `main` and a tag `v1`.
    pub fn beside(api: A, names: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        let host = GitHost { api, folder: Arc::new(folder) };
        for name in names {
            let path = host.repository(name);
            git(
                host.folder.path(),
                &["init", "-q", "--bare", "-b", "main", path.to_str().unwrap_or_default()],
            );
            git(&path, &["config", "receive.denyDeleteCurrent", "ignore"]);
            let work = host.folder.path().join("seed");
            git(host.folder.path(), &["clone", "-q", path.to_str().unwrap_or_default(), "seed"]);
            git(&work, &["commit", "-q", "--allow-empty", "-m", "first"]);
            git(&work, &["tag", "v1"]);
            git(&work, &["push", "-q", "origin", "HEAD:main", "v1"]);
            std::fs::remove_dir_all(&work).expect("a folder can be removed");
        }
        host
    }

    pub fn repository(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.git"))
    }

    /// Id of what a reference of a repository is at.
    pub fn reference(&self, name: &str, reference: &str) -> Option<String> {
        let found = command(&self.repository(name), &["rev-parse", "--verify", "-q", reference]).output();
        let found = found.expect("git runs");
        found.status.success().then(|| String::from_utf8_lossy(&found.stdout).trim().to_owned())
    }

    /// The answer of `git http-backend` (a CGI program, RFC 3875).
    async fn backend(&self, request: &Inbound) -> io::Result<Response<Body>> {
        let uri = &request.parts.uri;
        let header = |name: &str| request.parts.headers.get(name).and_then(|value| value.to_str().ok());
        let mut command = tokio::process::Command::from(command(self.folder.path(), &["http-backend"]));
        command
            .env("GIT_PROJECT_ROOT", self.folder.path())
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REMOTE_USER", "robin")
            .env("REQUEST_METHOD", request.parts.method.as_str())
            // Names ignore case there.
            .env("PATH_INFO", uri.path().to_lowercase())
            .env("QUERY_STRING", uri.query().unwrap_or_default())
            .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
            .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let body = request.body.clone();
            tokio::spawn(async move { stdin.write_all(&body).await });
        }
        let out = child.wait_with_output().await?.stdout;
        let end = out.windows(4).position(|four| four == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
        let (head, body) = out.split_at(end);
        let mut response = answer(StatusCode::OK, body.get(4..).unwrap_or_default().to_vec());
        for line in String::from_utf8_lossy(head).lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("status") {
                let code = value.split(' ').next().unwrap_or_default();
                *response.status_mut() = code.parse().map_err(io::Error::other)?;
            } else if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = value.strip_prefix("Basic ").and_then(|coded| {
            let pair = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, coded).ok()?;
            String::from_utf8(pair).ok()?.strip_prefix(A::USER)?.strip_prefix(':').map(str::to_owned)
        });
        token.is_some_and(|token| self.api.admits(&token))
    }
}

impl Forge for Github {
    const USER: &'static str = "x-access-token";

    fn is_git(request: &Inbound) -> bool {
        let host = request.parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        host.or(request.parts.uri.host()) == Some("github.com")
    }

    fn admits(&self, token: &str) -> bool {
        self.world().login(token).is_some()
    }
}

impl<A: Forge> Site for GitHost<A> {
    fn operations(&self, request: &Inbound) -> Vec<String> {
        match A::is_git(request) {
            true => vec![format!("git {} {}", request.parts.method, request.parts.uri.path())],
            false => self.api.operations(request),
        }
    }

    async fn answer(&self, request: Inbound, faults: &[Fault]) -> Response<Body> {
        if !A::is_git(&request) {
            return self.api.answer(request, faults).await;
        }
        if !self.admits(&request.parts.headers) {
            let mut refused = answer(StatusCode::UNAUTHORIZED, b"who are you?".to_vec());
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"git\""));
            return refused;
        }
        let answered = self.backend(&request).await;
        answered.unwrap_or_else(|error| answer(StatusCode::BAD_GATEWAY, error.to_string().into_bytes()))
    }
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// git as nobody has set it up.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = bare(PathBuf::from("git"));
    command.current_dir(folder).args(args);
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "robin"),
        ("GIT_AUTHOR_EMAIL", "robin@example.com"),
        ("GIT_COMMITTER_NAME", "robin"),
        ("GIT_COMMITTER_EMAIL", "robin@example.com"),
    ] {
        command.env(name, value);
    }
    command
}

#[track_caller]
fn git(folder: &Path, args: &[&str]) {
    let done = command(folder, args).output().expect("git runs");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}
