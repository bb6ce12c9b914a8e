use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stint_jose::strict_json;

use super::Dice;

const DEPTH: usize = 64;

/// Reads a text in base64 a line, and says what Python's own parser makes of it: `bad`, `twice`, or the value written
/// out with its members in order.
const PYTHON: &str = r"
import base64, json, sys
class Twice(Exception): pass
def pairs(all):
    names = [name for name, _ in all]
    if len(set(names)) != len(names): raise Twice()
    return dict(all)
def constant(name): raise ValueError(name)
for line in sys.stdin:
    try:
        text = base64.b64decode(line).decode('utf-8')
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
        print('ok ' + json.dumps(value, sort_keys=True, separators=(',', ':')))
    except Twice: print('twice')
    except Exception: print('bad')
";

/// A text of JSON, often with something wrong in it.
fn text(dice: &mut Dice) -> Vec<u8> {
    let mut out = String::new();
    value(dice, &mut out, 0);
    let mut bytes = out.into_bytes();
    for _ in 0..dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        let odd: &[&[u8]] = &[
            b"\\u0061",
            b"\"",
            b",",
            b":",
            b"{",
            b"}",
            b"[",
            b"0",
            b"-",
            b"e",
            b".",
            b"\0",
            b" ",
            b"\xff",
            b"\xef\xbb\xbf",
            b"/**/",
            b"\\ud800",
            b"NaN",
        ];
        let odd = odd[dice.roll(odd.len())];
        match dice.roll(3) {
            0 => drop(bytes.splice(at..at, odd.iter().copied())),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ if at < bytes.len() => bytes[at] = odd[0],
            _ => bytes.extend_from_slice(odd),
        }
    }
    bytes
}

fn value(dice: &mut Dice, out: &mut String, depth: usize) {
    let space = dice.pick(&["", "", "", " ", "\n", "\t"]);
    out.push_str(space);
    match dice.roll(if depth > 4 { 5 } else { 9 }) {
        0 => out.push_str(dice.pick(&["null", "true", "false", "True", "nul"])),
        1 | 2 => out.push_str(dice.pick(&[
            "0",
            "-0",
            "12",
            "1.5",
            "-2.25",
            "1e3",
            "1E-2",
            "01",
            "+1",
            "1.",
            ".5",
            "9007199254740993",
            "1e400",
            "0x10",
        ])),
        3 | 4 => {
            let _ = write!(
                out,
                "\"{}\"",
                dice.pick(&[
                    "",
                    "a",
                    "b\\n",
                    "\\u0061",
                    "\\ud83d\\ude00",
                    "é",
                    "\\/",
                    "\\x",
                    "a\nb",
                    "\\ud800"
                ])
            );
        }
        5 | 6 => {
            out.push('[');
            for index in 0..dice.roll(4) {
                out.push_str(if index > 0 { "," } else { "" });
                value(dice, out, depth + 1);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for index in 0..dice.roll(4) {
                let name = dice.pick(&["a", "A", "\\u0061", "b", "b\\u0000", "c", "\u{212a}", "k", "a "]);
                let _ = write!(out, "{}\"{name}\":", if index > 0 { "," } else { "" });
                value(dice, out, depth + 1);
            }
            out.push('}');
        }
    }
}

/// Whether two values are one: `-0` is an integer to one reader and none to the other.
fn same(own: &Value, other: &Value) -> bool {
    match (own, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => own == other,
    }
}

/// What the strict reader takes has one value, the same to Python; what Python finds twice in an object is refused.
#[test]
fn bodies_of_json_are_what_another_parser_reads() {
    let mut dice = Dice(11);
    let texts: Vec<Vec<u8>> = (0..20_000).map(|_| text(&mut dice)).collect();
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let lines: String = texts.iter().map(|text| STANDARD.encode(text) + "\n").collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), texts.len());
    let (mut taken, mut twice) = (0, 0);
    for (text, said) in texts.iter().zip(said) {
        let shown = String::from_utf8_lossy(text);
        twice += usize::from(said == "twice");
        if let Ok(own) = strict_json::parse(text, DEPTH) {
            let other = said
                .strip_prefix("ok ")
                .unwrap_or_else(|| panic!("{shown:?} is taken, and Python says {said}"));
            let other: Value = serde_json::from_str(other).unwrap();
            assert!(same(&own, &other), "{shown:?}: {own} is {other} to Python");
            taken += 1;
        }
    }
    assert!(taken > 3_000 && twice > 100, "{taken} were taken, {twice} had a member twice");
}
