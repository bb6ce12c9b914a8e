use http::Method;

use super::push::Push;
use super::{RECEIVE, Service, UPLOAD, lines, route};
use crate::catalog::reply::Asked;

/// How a refusal is told to git, so that it shows the reason to whoever runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The list of references: git shows a plain text after `remote:`.
    Text,
    /// A fetch: git shows an error line.
    Error,
    /// A push: git shows what comes on the second band, and a reason for each reference.
    Report { sideband: bool, references: Vec<String> },
}

impl Reply {
    /// `None` for what git did not send.
    pub fn to(asked: &Asked<'_>) -> Option<Reply> {
        let (_, service) = route(asked.path)?;
        let kind = asked.content_type;
        match service {
            Service::Refs if *asked.method == Method::GET => Some(Reply::Text),
            Service::UploadPack if kind == UPLOAD => Some(Reply::Error),
            Service::ReceivePack if kind == RECEIVE => {
                let push = Push::parse(asked.body, asked.partial).ok().filter(|push| push.report)?;
                let references = push.commands.iter().map(|command| command.name.to_owned()).collect();
                Some(Reply::Report { sideband: push.sideband, references })
            }
            _ => None,
        }
    }

    pub fn content_type(&self) -> &'static str {
        match self {
            Reply::Text => "text/plain; charset=utf-8",
            Reply::Error => "application/x-git-upload-pack-result",
            Reply::Report { .. } => "application/x-git-receive-pack-result",
        }
    }

    /// Whether git reads it only from an answer that succeeds.
    pub fn is_success(&self) -> bool {
        !matches!(self, Reply::Text)
    }

    /// `reason` is a few words; `text` says more, in lines.
    pub fn body(&self, reason: &str, text: &[String]) -> Vec<u8> {
        let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).collect() };
        let mut out = Vec::new();
        match self {
            Reply::Text => {
                for line in text {
                    out.extend_from_slice(format!("{}\n", plain(line)).as_bytes());
                }
            }
            Reply::Error => {
                let text: Vec<String> = text.iter().map(|line| plain(line)).collect();
                lines::write(&mut out, format!("ERR {}", text.join("; ")).as_bytes());
            }
            Reply::Report { sideband, references } => {
                let mut report = Vec::new();
                lines::write(&mut report, b"unpack ok\n");
                for name in references {
                    lines::write(&mut report, format!("ng {name} {}\n", plain(reason)).as_bytes());
                }
                report.extend_from_slice(b"0000");
                if !sideband {
                    return report;
                }
                for line in text {
                    lines::write(&mut out, format!("\u{2}{}\n", plain(line)).as_bytes());
                }
                for part in report.chunks(32 * 1024) {
                    lines::write(&mut out, &[b"\x01", part].concat());
                }
                out.extend_from_slice(b"0000");
            }
        }
        out
    }
}
