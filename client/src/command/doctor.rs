use clap::Args;
use serde::Serialize;

use super::context::Context;
use crate::api::Broker;
use crate::exit::{self, Failure};
use crate::{confine, output};

/// A clock that differs by more makes proofs too old or too new.
const SKEW_SECONDS: i64 = 5;

/// Each finding is fine, worth knowing, or in the way; the exit code is 1 when something is in the way.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fine,
    Note,
    Wrong,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut findings = Vec::new();
        let broker_answers = reach(context, &mut findings).await;
        login(context, broker_answers, &mut findings).await;
        surroundings(context, &mut findings);
        let wrong = findings.iter().filter(|finding| finding.state == State::Wrong).count();
        if self.json {
            output::json(&serde_json::json!({"findings": findings, "healthy": wrong == 0}))?;
        } else {
            let rows = findings.iter().map(|finding| {
                let state = match finding.state {
                    State::Fine => "fine",
                    State::Note => "note",
                    State::Wrong => "wrong",
                };
                vec![finding.check.to_owned(), state.to_owned(), finding.detail.clone()]
            });
            output::table(&["check", "state", "detail"], rows.collect());
        }
        match wrong {
            0 => Ok(()),
            1 => Err(Failure::new(exit::FAILURE, "1 thing is in the way")),
            count => Err(Failure::new(exit::FAILURE, format!("{count} things are in the way"))),
        }
    }
}

async fn reach(context: &Context, findings: &mut Vec<Finding>) -> bool {
    let base = context.base();
    let mut add = |check, state, detail: String| findings.push(Finding { check, state, detail });
    if base.starts_with("http://") && !is_loopback_url(base) {
        add("transport", State::Note, format!("{base} is not encrypted: use https beyond this machine"));
    }
    let answer = match context.transport() {
        Ok(transport) => Broker::server_time(&transport, base).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match answer {
        Err(failure) => {
            add("broker", State::Wrong, failure.message);
            false
        }
        Ok(time) => {
            add("broker", State::Fine, format!("{base} answers"));
            if let Some(time) = time {
                let skew = (context.clock.now() - time).num_seconds();
                let (state, detail) = match skew.abs() {
                    0..=SKEW_SECONDS => (State::Fine, "agrees with the broker's".to_owned()),
                    _ => (
                        State::Wrong,
                        format!("differs from the broker's by {skew} s: proofs will be refused"),
                    ),
                };
                add("clock", state, detail);
            }
            true
        }
    }
}

async fn login(context: &Context, broker_answers: bool, findings: &mut Vec<Finding>) {
    let mut add = |check, state, detail: String| findings.push(Finding { check, state, detail });
    let login = match context.login() {
        Ok(login) => login,
        Err(failure) => return add("login", State::Wrong, failure.message),
    };
    if login.broker != context.base() {
        let detail = format!(
            "made at {}, and {} is asked: the broker must know that name",
            login.broker,
            context.base()
        );
        add("address", State::Note, detail);
    }
    let broker = match context.broker() {
        Ok(broker) => broker,
        Err(failure) => return add("login", State::Wrong, failure.message),
    };
    if !broker_answers {
        return add("login", State::Note, format!("{} has a key here; not tried", login.person));
    }
    match broker.whoami().await {
        Ok(me) => add("login", State::Fine, format!("{} ({})", me.person, me.role)),
        Err(error) => return add("login", State::Wrong, Failure::from(error).message),
    }
    match broker.status().await {
        Ok(status) if status.sealed => add("vault", State::Wrong, "sealed: nothing can be opened".to_owned()),
        Ok(status) => {
            let ours = env!("CARGO_PKG_VERSION");
            let state = if status.version == ours { State::Fine } else { State::Note };
            add("version", state, format!("broker {}, client {ours}", status.version));
        }
        Err(error) => add("version", State::Note, Failure::from(error).message),
    }
}

/// What on this machine decides how commands fare.
fn surroundings(context: &Context, findings: &mut Vec<Finding>) {
    let mut add = |check, state, detail: String| findings.push(Finding { check, state, detail });
    let roots = rustls_native_certs::load_native_certs().certs.len();
    match roots {
        0 => add(
            "roots",
            State::Wrong,
            "the system has no root certificates: other hosts will not be trusted".into(),
        ),
        _ => add("roots", State::Fine, format!("{roots} root certificates")),
    }
    let shown = |name: &str| context.config.variable(name).map(|_| name.to_owned());
    let some = |names: &[&str]| names.iter().filter_map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let proxies = some(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
    if !proxies.is_empty() {
        let detail = format!("{proxies} set: commands get the sidecar instead, which connects directly");
        add("proxy", State::Note, detail);
    }
    let loaders = some(&["LD_LIBRARY_PATH", "PYTHONPATH"]);
    if !loaders.is_empty() {
        add(
            "loader",
            State::Note,
            format!("{loaders} set: decides what each command loads, and is handed on"),
        );
    }
    let confined = confine::probe();
    if let (Some(name), Err(_)) = (shown("SSH_AUTH_SOCK"), &confined) {
        add(
            "ssh",
            State::Note,
            format!("{name} set: commands can use the keys of the SSH agent, past the gateway"),
        );
    }
    match confined {
        Ok(()) => add("confinement", State::Fine, "commands are confined".to_owned()),
        Err(cannot) => {
            let detail = format!(
                "commands cannot be confined, and one that ignores the proxy variables reaches the network directly: \
                 {}; {}",
                cannot.why, cannot.remedy
            );
            add("confinement", State::Note, detail);
        }
    }
}

fn is_loopback_url(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    host.is_some_and(|host| {
        host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}
