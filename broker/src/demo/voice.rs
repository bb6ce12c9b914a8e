use std::io::Write as _;

use stint::output::clean;

use crate::config::Environment;

/// Says the story on stdout: in colour on a terminal, plain in a pipe or under `NO_COLOR`.
#[derive(Debug)]
pub(super) struct Voice {
    colour: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
}

impl Voice {
    pub(super) fn of(environment: &Environment) -> Self {
        let colour =
            environment.var("NO_COLOR").is_none() && rustix::termios::isatty(rustix::stdio::stdout());
        Voice { colour }
    }

    pub(super) fn title(&self, text: &str) {
        self.line("");
        self.line(&self.paint(Paint::Bold, text));
    }

    /// One line of the story, indented.
    pub(super) fn say(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// What somebody types or is answered; text from the wire cannot write to the terminal.
    pub(super) fn quote(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("    {}", self.paint(Paint::Dim, &clean(line))));
        }
    }

    pub(super) fn line(&self, text: &str) {
        // A reader that has enough (`| head`) is no failure, and `println!` would panic.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Plain => return text.to_owned(),
        };
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Lines of at most `width` characters, broken between words; a longer word is broken where it must be.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if !line.is_empty() && line.chars().count() + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        while rest.len() > width.max(1) {
            let tail = rest.split_off(width.max(1));
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_never_exceed_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn nothing_is_painted_where_there_is_no_terminal() {
        assert_eq!(Voice { colour: false }.paint(Paint::Bad, "gone"), "gone");
        assert_eq!(Voice { colour: true }.paint(Paint::Bad, "gone"), "\u{1b}[31mgone\u{1b}[0m");
    }
}
