//! The text of a policy file, before and while it is parsed: what is too much of it, and where in it something is wrong.

use std::fmt;

use miette::Diagnostic;

/// A `.cedar` source larger than this is refused before it is parsed.
const SOURCE_LIMIT: usize = 64 * 1024;
/// Deeper brackets are refused before parsing: the parser recurses and a stack overflow ends the process.
const DEPTH_LIMIT: usize = 64;
/// A chain of operators nests too, one level for each: `a.b.c`, `a && b && c`. Sets are flat and may be long.
const CHAIN_LIMIT: usize = 600;
const PARSER_STACK: usize = 64 * 1024 * 1024;

/// Something wrong with a policy file or its tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub file: String,
    pub part: Part,
    pub at: Option<Position>,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Policies,
    Tests,
}

/// Counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Fault {
    pub(super) fn new(file: &str, at: Option<Position>, detail: impl Into<String>) -> Self {
        Fault { file: file.to_owned(), part: Part::Policies, at, detail: detail.into() }
    }

    pub(super) fn of_tests(file: &str, at: Option<Position>, detail: impl Into<String>) -> Self {
        Fault { part: Part::Tests, ..Fault::new(file, at, detail) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = if self.part == Part::Tests { " (tests)" } else { "" };
        match self.at {
            Some(Position { line, column }) => {
                write!(f, "{}{part}:{line}:{column}: {}", self.file, self.detail)
            }
            None => write!(f, "{}{part}: {}", self.file, self.detail),
        }
    }
}

impl Position {
    /// Of the byte at `offset`.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// Where Cedar says that something is wrong.
pub(super) fn place(text: &str, error: &dyn Diagnostic) -> Option<Position> {
    let label = error.labels()?.next()?;
    Some(Position::of(text, label.offset()))
}

/// What Cedar says of it, with its own advice.
pub(super) fn words(error: &(impl Diagnostic + fmt::Display)) -> String {
    match error.help() {
        Some(help) => format!("{error}: {help}"),
        None => error.to_string(),
    }
}

/// The cheap limits.
pub(super) fn fits(file: &str, text: &str) -> Result<(), Fault> {
    if text.len() > SOURCE_LIMIT {
        return Err(Fault::new(file, None, format!("larger than {SOURCE_LIMIT} bytes")));
    }
    plain(text).map_err(|(at, detail)| Fault::new(file, Some(at), detail))?;
    let (mut depth, mut chain) = (0usize, 0usize);
    let mut code = Code { text, at: 0 };
    while let Some((offset, token)) = code.next_token() {
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ";" => chain = 0,
            "." | "&" | "|" | "!" | "=" | "<" | ">" | "+" | "-" | "*" => chain += 1,
            "if" | "has" | "in" | "is" | "like" => chain += 1,
            _ => {}
        }
        let at = || Some(Position::of(text, offset));
        if depth > DEPTH_LIMIT {
            return Err(Fault::new(file, at(), format!("brackets nest deeper than {DEPTH_LIMIT}")));
        }
        if chain > CHAIN_LIMIT {
            return Err(Fault::new(file, at(), format!("one policy has more than {CHAIN_LIMIT} operators")));
        }
    }
    Ok(())
}

/// A text that reads as it is: without characters that cannot be seen or that turn others around (Trojan Source).
pub(super) fn plain(text: &str) -> Result<(), (Position, String)> {
    let hidden = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t' | '\r')
            || matches!(u32::from(c), 0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xE0000..=0xE0FFF)
    };
    match text.char_indices().find(|(_, c)| hidden(*c)) {
        Some((offset, c)) => Err((
            Position::of(text, offset),
            format!(
                "the invisible character U+{:04X} stands here: take it out, or write it as an escape",
                u32::from(c)
            ),
        )),
        None => Ok(()),
    }
}

/// Words and signs of a text, without its strings and comments.
struct Code<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Code<'a> {
    fn next_token(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let rest = self.text.get(self.at..)?;
            let start = self.at;
            let first = rest.chars().next()?;
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if first == '\u{22}' {
                string(rest)
            } else if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            self.at += length;
            let skipped = first.is_whitespace() || first == '\u{22}' || rest.starts_with("//");
            if !skipped {
                return Some((start, rest.get(..length)?));
            }
        }
    }
}

/// Length of the string literal that `rest` starts with.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\u{22}' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Run where a deep source cannot overflow the stack of a worker. `None` where it stopped.
pub(super) fn on_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    std::thread::Builder::new().stack_size(PARSER_STACK).spawn(work).ok()?.join().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters() {
        let text = "eins\nzwölf drei";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, text.find("drei").unwrap()), Position { line: 2, column: 7 });
    }

    #[test]
    fn strings_and_comments_nest_nothing() {
        let text =
            format!("// {}\n@id(\"{}\") permit(principal,action,resource);", "(".repeat(99), "[".repeat(99));
        assert_eq!(fits("t", &text), Ok(()));
        assert!(fits("t", "// \u{202E}\n").is_err());
        assert!(fits("t", &"{".repeat(99)).is_err());
        assert!(fits("t", &"a.b".repeat(2000)).is_err());
        let list = format!("permit(principal, action in [{}], resource);", "Action::\"x\",".repeat(3000));
        assert_eq!(fits("t", &list), Ok(()));
    }
}
