use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::{Method, Request};
use stint::api::{Tls, Transport};

#[derive(Debug, Args)]
pub(super) struct UnsealArgs {
    /// Where the broker listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7380")]
    broker: String,
    /// File that holds the passphrase; without it, it is asked for, or read from stdin
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub(super) async fn unseal(args: UnsealArgs) -> Result<ExitCode, String> {
    let passphrase = match &args.passphrase_file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None if rustix::termios::isatty(rustix::stdio::stdin()) => {
            rpassword::prompt_password("passphrase: ").map_err(|error| error.to_string())?
        }
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
            text
        }
    };
    let body = serde_json::json!({ "passphrase": passphrase.trim_end_matches(['\r', '\n']) }).to_string();
    let (status, text) = call(&args.broker, Method::POST, "/v1/unseal", body).await?;
    if status == 200 {
        eprintln!("stint-broker: unsealed");
        return Ok(ExitCode::SUCCESS);
    }
    Err(problem(status, &text))
}

pub(super) async fn status(broker: &str) -> Result<ExitCode, String> {
    let (status, text) = call(broker, Method::GET, "/readyz", String::new()).await?;
    if status == 200 {
        println!("ready");
        return Ok(ExitCode::SUCCESS);
    }
    Err(problem(status, &text))
}

/// One request to a broker, without authentication: what is asked here takes none.
async fn call(broker: &str, method: Method, path: &str, body: String) -> Result<(u16, String), String> {
    let url = format!("{}{path}", broker.trim_end_matches('/'));
    let transport = Transport::new(&Tls::for_url(&url, None)).map_err(|error| error.to_string())?;
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(bytes::Bytes::from(body))
        .map_err(|error| error.to_string())?;
    let response = transport.exchange(request, Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned()))
}

fn problem(status: u16, text: &str) -> String {
    match serde_json::from_str::<stint_api::Problem>(text) {
        Ok(problem) => match problem.hint {
            Some(hint) => format!("{}: {}\nhint: {hint}", problem.title, problem.detail),
            None => format!("{}: {}", problem.title, problem.detail),
        },
        Err(_) => format!("the broker answered {status}"),
    }
}
