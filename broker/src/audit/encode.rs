use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::model::{Event, digest_hex};

/// Longest text that is kept whole, in bytes.
const MAX_TEXT: usize = 2 * 1024;
/// Longest fact that is kept as a structure, in bytes as encoded.
const MAX_FACT: usize = 16 * 1024;
/// Longest set of facts that is kept as a structure.
const MAX_FACTS: usize = 64 * 1024;

/// The bytes of a record: JSON without white space, keys sorted, so that equal events have equal bytes.
///
/// Bounded (M7): a text over 2 KiB is cut, with its length and SHA-256 appended; a fact over 16 KiB, or all of them over
/// 64 KiB, becomes its own JSON as such a text. Safe to print (M6): control characters, and those that change direction or
/// cannot be seen, are written as `\uXXXX`, so that one record is one line on any terminal.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    out.push_str(r#"{"actor":"#);
    text(&mut out, &event.actor);
    out.push_str(r#","at":"#);
    text(&mut out, &event.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    out.push_str(r#","facts":"#);
    facts(&mut out, &event.facts);
    out.push_str(r#","id":"#);
    text(&mut out, event.id.as_str());
    out.push_str(r#","kind":"#);
    text(&mut out, &event.kind.as_str());
    if let Some(session) = &event.session {
        out.push_str(r#","session":"#);
        text(&mut out, session);
    }
    out.push('}');
    out.into_bytes()
}

fn facts(out: &mut String, facts: &Map<String, Value>) {
    let start = out.len();
    object(out, facts, |out, fact| {
        let start = out.len();
        value(out, fact);
        shorten(out, start, MAX_FACT, text);
    });
    shorten(out, start, MAX_FACTS, |out, json| {
        out.push_str(r#"{"truncated":"#);
        text(out, json);
        out.push('}');
    });
}

/// Where what was written since `start` is too long, write it again as a text, which cuts it.
fn shorten(out: &mut String, start: usize, most: usize, write: impl Fn(&mut String, &str)) {
    if out.len() - start > most {
        let json = out.split_off(start);
        write(out, &json);
    }
}

fn value(out: &mut String, value_: &Value) {
    match value_ {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(string) => text(out, string),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => object(out, members, value),
    }
}

fn object(out: &mut String, members: &Map<String, Value>, each: impl Fn(&mut String, &Value)) {
    // Sorted here: the order of the map depends on features that other crates switch on.
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (at, (key, member)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        text(out, key);
        out.push(':');
        each(out, member);
    }
    out.push('}');
}

fn text(out: &mut String, string: &str) {
    out.push('"');
    if string.len() <= MAX_TEXT {
        escape(out, string);
    } else {
        let kept = string.get(..string.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        escape(out, kept);
        let hash = digest_hex(digest(&SHA256, string.as_bytes()));
        let _ = write!(out, "[cut: {} bytes, sha256 {hash}]", string.len());
    }
    out.push('"');
}

fn escape(out: &mut String, string: &str) {
    let mut rest = string;
    while let Some(at) = rest.find(special) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = from.chars();
        match characters.next() {
            Some(quote @ ('"' | '\\')) => {
                out.push('\\');
                out.push(quote);
            }
            // All of them lie in the basic plane: one unit each.
            Some(other) => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// What JSON must escape, and what a terminal or a reader's eye could be misled by.
fn special(c: char) -> bool {
    matches!(c,
        '"' | '\\'
        | '\0'..='\x1f'
        | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}')
}

#[cfg(test)]
mod tests;
