//! WebDriver (W3C) spoken to Debian's chromedriver: JSON over HTTP, one session of one Chromium.
//!
//! Knows the protocol and the processes, nothing of pages. What the protocol lacks goes through chromedriver's door to
//! the DevTools protocol.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binaries::bare;
use crate::wire::{self, Answer};

/// A running Chromium; it ends with this value.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Child,
    addr: SocketAddr,
    session: String,
}

/// What the protocol calls an error: `no such element`, `stale element reference`, ...
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: String,
    pub(crate) message: String,
}

/// A thing on the page, as the protocol names it.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

/// How long a command may take: a page that never ends loading fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The member under which an element's id is (WebDriver s11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// No window, no network but the tests' own hosts, and nothing that a browser does by itself.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

impl Driver {
    /// Start chromedriver on a free port and Chromium with a profile in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command =
            bare(installed(&["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"], "chromium-driver"));
        command
            .arg("--port=0")
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().expect("chromedriver starts");
        let mut said = BufReader::new(process.stdout.take().expect("its output is a pipe")).lines();
        let port = said.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        // A full pipe would stop it.
        thread::spawn(move || said.for_each(drop));
        let port = port.expect("chromedriver says its port");
        let mut driver =
            Driver { process, addr: SocketAddr::from(([127, 0, 0, 1], port)), session: String::new() };
        let chromium = installed(&["/usr/bin/chromium", "/usr/bin/chromium-browser"], "chromium");
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.iter().copied().chain([profile.as_str()]).collect();
        let wanted = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
        });
        let started = driver.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        let started =
            started.unwrap_or_else(|refused| panic!("Chromium does not start: {}", refused.message));
        driver.session = format!("/session/{}", started["sessionId"].as_str().expect("a session has an id"));
        driver
    }

    /// A command of the session; one that the protocol refuses fails the test.
    #[track_caller]
    pub(crate) fn tell(&self, path: &str, body: &Value) -> Value {
        self.try_tell(path, body)
            .unwrap_or_else(|refused| panic!("{path}: {}: {}", refused.error, refused.message))
    }

    pub(crate) fn try_tell(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.post(&format!("{}{path}", self.session), body)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", &format!("{}{path}", self.session), b"");
        answer.unwrap_or_else(|refused| panic!("{path}: {}: {}", refused.error, refused.message))
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.tell("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// The value that a script returns.
    #[track_caller]
    pub(crate) fn script(&self, script: &str, arguments: Value) -> Value {
        self.tell("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What a script gives to the function that is its last argument.
    #[track_caller]
    pub(crate) fn wait_for_script(&self, script: &str, arguments: Value) -> Value {
        self.tell("/execute/async", &json!({ "script": script, "args": arguments }))
    }

    /// All elements that an XPath names.
    #[track_caller]
    pub(crate) fn find(&self, xpath: &str) -> Vec<Element> {
        let found = self.tell("/elements", &json!({ "using": "xpath", "value": xpath }));
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().filter_map(|one| Some(Element(one[ELEMENT].as_str()?.to_owned()))).collect()
    }

    /// The entries of a log since it was last asked for.
    #[track_caller]
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        self.tell("/se/log", &json!({ "type": kind })).as_array().cloned().unwrap_or_default()
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.call("POST", path, body.to_string().as_bytes())
    }

    fn call(&self, method: &str, path: &str, body: &[u8]) -> Result<Value, Refused> {
        let answer = self.exchange(method, path, body).map_err(|error| Refused {
            error: "chromedriver does not answer".to_owned(),
            message: error.to_string(),
        })?;
        let value = answer.json()["value"].take();
        if answer.status == 200 {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Err(Refused { error: text("error"), message: text("message") })
    }

    /// chromedriver keeps connections open whatever it is told: its answer ends where its length says.
    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (addr, length) = (self.addr, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let (mut answer, mut part) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            let count = stream.read(&mut part)?;
            answer.extend_from_slice(part.get(..count).unwrap_or_default());
            let parsed = wire::parse(&answer);
            let whole = parsed.as_ref().is_some_and(|parsed| {
                let length = parsed.header("content-length").and_then(|length| length.parse().ok());
                length.is_none_or(|length: usize| parsed.body.len() >= length)
            });
            match parsed {
                Some(parsed) if whole => return Ok(parsed),
                _ if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
    }
}

impl Element {
    /// The path of a command about it.
    pub(crate) fn path(&self, command: &str) -> String {
        format!("/element/{}/{command}", self.0)
    }

    pub(crate) fn argument(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends Chromium and waits for it.
            let _ = self.call("DELETE", &self.session, b"");
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Fails where there is none: a test that was not run is not a test that passed.
fn installed(places: &[&str], package: &str) -> PathBuf {
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("these tests need Debian's {package}: ./tests/run installs it"))
}
