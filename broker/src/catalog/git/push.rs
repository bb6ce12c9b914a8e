use std::collections::HashSet;
use std::fmt;

use super::lines::{Line, Lines, malformed};
use crate::catalog::refusal::{Refusal, code};

/// Commands of one push.
const MOST: usize = 200;

/// What `git-receive-pack` is asked to do (gitprotocol-pack, Reference Update Request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Push<'a> {
    /// Empty for the bare flush by which git asks whether it may send at all.
    pub commands: Vec<Command<'a>>,
    pub options: Vec<&'a str>,
    pub sideband: bool,
    /// Whether the client reads a report.
    pub report: bool,
    /// What follows: a pack, or nothing.
    pub pack: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// `None` where the reference is not there yet.
    pub old: Option<&'a str>,
    /// `None` where it is to go.
    pub new: Option<&'a str>,
    pub name: &'a str,
}

/// What of a push is said before its first command.
#[derive(Debug, Default)]
struct Capabilities {
    sideband: bool,
    report: bool,
    options: bool,
    sha256: bool,
}

impl<'a> Push<'a> {
    /// Every byte up to the pack. What git itself would not write is refused.
    pub fn parse(body: &'a [u8], partial: bool) -> Result<Self, Refusal> {
        let mut lines = Lines::new(body, partial);
        let mut commands: Vec<Command<'a>> = Vec::new();
        let mut said = Capabilities::default();
        let mut names = HashSet::new();
        while let Line::Data(line) = lines.next()? {
            if line.starts_with(b"push-cert") {
                return Err(Refusal::new(
                    code::UNKNOWN_OPERATION,
                    "signed pushes are not read: push without --signed",
                ));
            }
            if let Some(id) = line.strip_prefix(b"shallow ") {
                if !commands.is_empty() || !is_id(id) {
                    return Err(malformed("a shallow line is not one, or not before the commands"));
                }
                continue;
            }
            let line = match commands.is_empty() {
                true => {
                    let mut parts = line.splitn(2, |byte| *byte == 0);
                    let command = parts.next().unwrap_or_default();
                    said = Capabilities::parse(parts.next().unwrap_or_default())?;
                    command
                }
                false => line,
            };
            let command = Command::parse(line, said.sha256)?;
            if !names.insert(command.name) {
                return Err(malformed("a reference is changed twice"));
            }
            commands.push(command);
            if commands.len() > MOST {
                return Err(malformed(format!("a push changes at most {MOST} references")));
            }
        }
        let mut options = Vec::new();
        if said.options {
            while let Line::Data(line) = lines.next()? {
                let text = std::str::from_utf8(line).map_err(|_| malformed("a push option is not a text"))?;
                options.push(text);
            }
        }
        let pack = lines.rest();
        let push = Push { commands, options, sideband: said.sideband, report: said.report, pack };
        push.check_pack(partial)?;
        Ok(push)
    }

    /// A pack follows where anything is put in place of something, and nothing else does.
    fn check_pack(&self, partial: bool) -> Result<(), Refusal> {
        let brings = self.commands.iter().any(|command| command.new.is_some());
        let is_pack = matches!(self.pack, [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..]);
        match (brings, self.pack.is_empty()) {
            (false, true) if !partial => Ok(()),
            (false, _) => Err(malformed("something follows the commands of a push that brings nothing")),
            (true, _) if is_pack => Ok(()),
            (true, _) => Err(malformed("what follows the commands is no pack")),
        }
    }
}

impl<'a> Command<'a> {
    fn parse(line: &'a [u8], sha256: bool) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(line).map_err(|_| malformed("a reference's name is not UTF-8"))?;
        let mut parts = text.splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("a command is not OLD NEW NAME"));
        };
        let length = if sha256 { 64 } else { 40 };
        for id in [old, new] {
            if !is_id(id.as_bytes()) || id.len() != length {
                return Err(malformed("an object's id is not one"));
            }
        }
        if !is_reference(name) {
            return Err(malformed("a reference's name is not one that git allows"));
        }
        let some = |id: &'a str| Some(id).filter(|id| id.bytes().any(|byte| byte != b'0'));
        let command = Command { old: some(old), new: some(new), name };
        if command.old.is_none() && command.new.is_none() {
            return Err(malformed("a command changes nothing"));
        }
        Ok(command)
    }
}

impl Capabilities {
    fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text).map_err(|_| malformed("the capabilities are not a text"))?;
        let mut said = Capabilities::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "report-status" | "report-status-v2" => said.report = true,
                "side-band-64k" => said.sideband = true,
                "push-options" => said.options = true,
                "object-format=sha256" => said.sha256 = true,
                "object-format=sha1" | "delete-refs" | "quiet" | "atomic" | "ofs-delta" => {}
                _ if word.starts_with("agent=") || word.starts_with("session-id=") => {}
                _ => {
                    let word: String = word.chars().filter(char::is_ascii_graphic).take(40).collect();
                    let detail = format!("the capability '{word}' of a push is not known");
                    return Err(Refusal::new(code::UNKNOWN_OPERATION, detail));
                }
            }
        }
        Ok(said)
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn is_id(text: &[u8]) -> bool {
    matches!(text.len(), 40 | 64) && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `git check-ref-format`, below `refs/`.
fn is_reference(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("refs/") else { return false };
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    name.len() <= 1024
        && rest.contains('/')
        && !name.contains(odd)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}
