use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::model::{EventKind, RecordId};

fn event(facts: Value) -> Event {
    let Value::Object(facts) = facts else { panic!("facts are an object") };
    Event {
        id: RecordId::parse(&format!("rec_{}", "0".repeat(32))).unwrap(),
        at: DateTime::from_timestamp(1_795_000_000, 120_000_000).unwrap(),
        kind: EventKind::RequestDecided,
        session: None,
        actor: "agent:ci".into(),
        facts,
    }
}

fn encoded(facts: Value) -> String {
    String::from_utf8(encode(&event(facts))).unwrap()
}

fn fact(facts: Value) -> Value {
    serde_json::from_str::<Value>(&encoded(facts)).unwrap()["facts"].clone()
}

#[test]
fn the_bytes_are_sorted_json_without_space() {
    let mut event = event(json!({"b": [1, -2.5, null, true], "a": {"z": "ü", "y": "q\"\\"}}));
    event.session = Some("ses_1".into());
    let expected = concat!(
        r#"{"actor":"agent:ci","at":"2026-11-18T11:06:40.120000Z","#,
        r#""facts":{"a":{"y":"q\"\\","z":"ü"},"b":[1,-2.5,null,true]},"#,
        r#""id":"rec_00000000000000000000000000000000","kind":"request_decided","session":"ses_1"}"#
    );
    assert_eq!(String::from_utf8(encode(&event)).unwrap(), expected);
}

#[test]
fn an_event_reads_back_and_encodes_to_the_same_bytes() {
    let bytes = encode(&event(json!({"path": "/a\u{202e}b\r\nc", "n": 18446744073709551615u64, "f": 0.1})));
    let back: Event = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(back.facts["path"], "/a\u{202e}b\r\nc");
    assert_eq!(encode(&back), bytes);
}

#[test]
fn m6_line_breaks_terminal_codes_and_invisible_characters_are_escaped() {
    let text = encoded(json!({"x\n{": "a\r\n\x1b[2J\x07\0\u{9b}31m\u{2028}\u{202e}\u{200b}\u{feff}\x7f"}));
    assert!(text.chars().all(|c| c == 'ü' || (' '..='~').contains(&c)), "{text}");
    assert!(text.contains(
        r#""x\u000a{":"a\u000d\u000a\u001b[2J\u0007\u0000\u009b31m\u2028\u202e\u200b\ufeff\u007f""#
    ));
}

#[test]
fn m6_a_text_that_looks_like_json_stays_a_text() {
    assert_eq!(fact(json!({"a": "\",\"kind\":\"setup_used"})), json!({"a": "\",\"kind\":\"setup_used"}));
}

#[test]
fn m7_a_long_text_is_cut_with_its_digest() {
    let long = "é".repeat(5000);
    let hash = digest_hex(digest(&SHA256, long.as_bytes()));
    let expected = format!("{}[cut: 10000 bytes, sha256 {hash}]", "é".repeat(1024));
    assert_eq!(fact(json!({"deep": [{"x": long}]})), json!({"deep": [{"x": expected}]}));
    let fits = "x".repeat(2048);
    assert_eq!(fact(json!({"a": fits})), json!({"a": fits}));
}

#[test]
fn m7_a_cut_text_is_not_split_inside_a_character() {
    let long = format!("x{}", "😀".repeat(1000));
    let cut = fact(json!({"a": long}))["a"].as_str().unwrap().to_owned();
    assert!(cut.starts_with(&format!("x{}[cut: 4001 bytes", "😀".repeat(511))), "{cut}");
}

#[test]
fn m7_large_facts_become_texts_that_keep_their_digest() {
    let items: Vec<_> = (0..10_000).collect();
    let json = serde_json::to_string(&items).unwrap();
    let shown = fact(json!({"items": items, "small": 1}));
    assert_eq!(shown["small"], 1);
    assert!(shown["items"].as_str().unwrap().ends_with(&format!(
        "[cut: {} bytes, sha256 {}]",
        json.len(),
        digest_hex(digest(&SHA256, json.as_bytes()))
    )));

    let many: Map<String, Value> = (0..20_000).map(|n| (format!("k{n}"), json!("v"))).collect();
    let text = encoded(Value::Object(many));
    assert!(text.len() < 8 * 1024 && text.contains(r#""facts":{"truncated":"{\"k0\""#), "{}", text.len());
}

#[test]
fn m7_every_field_of_an_event_is_bounded() {
    let mut event = event(json!({ "k".repeat(100_000): "\u{1}".repeat(100_000) }));
    event.actor = "a".repeat(100_000);
    event.session = Some("s".repeat(100_000));
    assert!(encode(&event).len() < 32 * 1024);
}
