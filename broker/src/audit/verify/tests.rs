use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::audit::{AuditKey, Export};
use crate::secret::Secret;

const RECORDS: i64 = 20;
const EVERY: i64 = 5;

fn key(byte: u8) -> AuditKey {
    AuditKey::from_seed(&Secret::new(vec![byte; 32])).unwrap()
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 123_000_000).unwrap()
}

fn body(seq: i64) -> Vec<u8> {
    format!(r#"{{"actor":"agent:ci","facts":{{"n":{seq},"path":"/a\\u000a\"b"}},"kind":"request_decided"}}"#)
        .into_bytes()
}

/// Lines of an export of records `first..=RECORDS` with a checkpoint after every fifth, all signed by `signer`.
fn export_of(first: i64, body: impl Fn(i64) -> Vec<u8>, signer: &AuditKey) -> Vec<Vec<u8>> {
    let before = (1..first).fold(Head::EMPTY, |head, seq| head.next(&body(seq)));
    let mut out = Vec::new();
    let mut export = Export::start(before, signer.public(), &mut out);
    let mut head = before;
    for seq in first..=RECORDS {
        head = head.next(&body(seq));
        export.record(seq, &head.hash, &body(seq), &mut out);
        if seq % EVERY == 0 {
            export.checkpoint(&Checkpoint::sign(&head, at(), signer), &mut out);
        }
    }
    assert_eq!(export.finish(at(), signer, &mut out), head);
    out.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn export() -> Vec<Vec<u8>> {
    static LINES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| export_of(1, body, &key(1)));
    LINES.clone()
}

fn verify(lines: &[Vec<u8>]) -> Report {
    verify_bytes(&lines.concat())
}

fn verify_bytes(bytes: &[u8]) -> Report {
    verify_export(bytes, key(1).public()).unwrap()
}

fn first_fault(report: &Report) -> Fault {
    report.faults.first().expect("a fault").clone()
}

/// Where a record's line stands: the header is line 0, and checkpoints lie between.
fn line_of(seq: i64) -> usize {
    usize::try_from(seq + (seq - 1) / EVERY).unwrap()
}

/// The record that a fault in this line is put at: of a checkpoint or the footer, the one before it or the next.
fn places(line: usize) -> Vec<i64> {
    if line == 0 {
        return vec![0, 1];
    }
    match (1..=RECORDS).find(|seq| line_of(*seq) == line) {
        Some(seq) => vec![seq],
        None => {
            let before = (1..=RECORDS).filter(|seq| line_of(*seq) < line).max().unwrap();
            vec![before, before + 1]
        }
    }
}

#[test]
fn an_untouched_export_is_sound_with_the_public_key_alone() {
    let report = verify(&export());
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!((report.first, report.records, report.checkpoints, report.signed), (1, 20, 4, 20));
    let head = (1..=RECORDS).fold(Head::EMPTY, |head, seq| head.next(&body(seq)));
    assert_eq!(report.head, head);
}

#[test]
fn a_part_of_a_chain_and_an_empty_one_verify_too() {
    let report = verify(&export_of(8, body, &key(1)));
    assert!(report.is_sound());
    assert_eq!((report.first, report.records, report.checkpoints), (8, 13, 3));
    let mut out = Vec::new();
    Export::start(Head::EMPTY, key(1).public(), &mut out).finish(at(), &key(1), &mut out);
    let report = verify_bytes(&out);
    assert!(report.is_sound());
    assert_eq!((report.records, report.head), (0, Head::EMPTY));
}

#[test]
fn m2_a_removed_record_is_missing_at_its_place() {
    for seq in 1..=RECORDS {
        let mut lines = export();
        lines.remove(line_of(seq));
        let faults = verify(&lines).faults;
        // Behind the last record there is none that shows the gap: the checkpoint and the signed end do.
        let what = if seq == RECORDS { What::CheckpointMisplaced } else { What::Missing { through: seq } };
        let place = if seq == RECORDS { seq - 1 } else { seq };
        if seq % EVERY != 0 || seq == RECORDS {
            assert_eq!(faults.first(), Some(&Fault { seq: place, what }), "{seq}");
        } else {
            assert!(faults.contains(&Fault { seq, what: What::Missing { through: seq } }), "{faults:?}");
        }
    }
}

#[test]
fn m2_a_changed_body_is_found_at_its_record_and_nowhere_else() {
    let mut lines = export();
    let line = String::from_utf8(lines[line_of(7)].clone()).unwrap();
    lines[line_of(7)] = line.replace(r#"\"n\":7"#, r#"\"n\":8"#).into_bytes();
    assert_eq!(verify(&lines).faults, [Fault { seq: 7, what: What::Changed }]);
}

#[test]
fn m2_a_changed_number_is_found_at_the_place_that_the_links_say() {
    for (from, to) in [(7, 8), (7, 3), (7, 700)] {
        let mut lines = export();
        let line = String::from_utf8(lines[line_of(from)].clone()).unwrap();
        lines[line_of(from)] =
            line.replacen(&format!(r#""seq":{from},"#), &format!(r#""seq":{to},"#), 1).into_bytes();
        assert_eq!(verify(&lines).faults, [Fault { seq: from, what: What::Changed }]);
    }
}

#[test]
fn m2_a_duplicate_and_a_swap_are_named_as_such() {
    let mut lines = export();
    lines.insert(line_of(7), lines[line_of(7)].clone());
    assert_eq!(verify(&lines).faults, [Fault { seq: 7, what: What::Duplicate }]);
    let mut lines = export();
    lines.swap(line_of(7), line_of(8));
    let expected =
        [Fault { seq: 7, what: What::Missing { through: 7 } }, Fault { seq: 7, what: What::OutOfOrder }];
    assert_eq!(verify(&lines).faults, expected);
}

#[test]
fn m2_a_history_rewritten_with_all_its_links_fails_at_the_next_checkpoint() {
    let forged = export_of(1, |seq| if seq == 7 { b"{}".to_vec() } else { body(seq) }, &key(1));
    let genuine = export();
    // The forger has no key: the checkpoints and the end are those that were signed.
    let lines: Vec<_> = (0..genuine.len())
        .map(|at| if line::is_record(&forged[at]) { forged[at].clone() } else { genuine[at].clone() })
        .collect();
    let report = verify(&lines);
    assert_eq!(first_fault(&report), Fault { seq: 10, what: What::Rewritten { after: 5 } });
    assert_eq!(report.signed, 5);
    assert!(report.faults.contains(&Fault { seq: 21, what: What::FooterMismatch { signed: 20 } }));
}

#[test]
fn m2_signatures_of_another_key_are_forged() {
    let theirs = export_of(1, body, &key(2));
    assert_eq!(verify(&theirs).faults, [Fault { seq: 0, what: What::OtherKey }]);
    let mut lines = theirs;
    lines[0] = export()[0].clone();
    let faults = verify(&lines).faults;
    assert_eq!(first_fault(&verify(&lines)), Fault { seq: 5, what: What::CheckpointForged });
    assert_eq!(faults.last(), Some(&Fault { seq: 21, what: What::FooterForged }));
}

#[test]
fn m2_a_cut_export_is_found_even_where_it_ends_at_a_checkpoint() {
    let cut: Vec<_> = export().drain(..=line_of(15) + 1).collect();
    assert_eq!(verify(&cut).faults, [Fault { seq: 16, what: What::FooterMissing }]);
    // With the genuine end put back.
    let with_end = [cut, vec![export().pop().unwrap()]].concat();
    assert_eq!(verify(&with_end).faults, [Fault { seq: 16, what: What::FooterMismatch { signed: 20 } }]);
}

#[test]
fn m2_the_end_of_another_export_does_not_fit() {
    // Of the same chain and key, from another beginning: the same head, and yet not this export's end.
    let mut lines = export();
    *lines.last_mut().unwrap() = export_of(8, body, &key(1)).pop().unwrap();
    assert_eq!(verify(&lines).faults, [Fault { seq: 21, what: What::FooterForged }]);
}

#[test]
fn m2_a_removed_beginning_is_found() {
    let mut lines = export();
    lines.drain(1..=line_of(3));
    let later_header = export_of(4, body, &key(1)).swap_remove(0);
    assert_eq!(first_fault(&verify(&lines)), Fault { seq: 1, what: What::Missing { through: 3 } });
    lines[0] = later_header;
    assert_eq!(verify(&lines).faults, [Fault { seq: 21, what: What::FooterForged }]);
}

#[test]
fn something_after_the_end_or_an_endless_line_is_a_fault() {
    let mut lines = export();
    lines.push(b"\n".to_vec());
    assert_eq!(verify(&lines).faults, [Fault { seq: 21, what: What::AfterFooter }]);
    let mut lines = export();
    lines.insert(line_of(7), [vec![b'x'; 3 * MAX_LINE], b"\n".to_vec()].concat());
    assert_eq!(verify(&lines).faults, [Fault { seq: 7, what: What::Malformed }]);
    assert_eq!(verify_bytes(b"").faults, [Fault { seq: 0, what: What::Header }]);
}

#[test]
fn faults_are_counted_when_there_are_too_many_to_keep() {
    let mut verifier = Verifier::new(key(1).public().clone(), Head::EMPTY);
    for seq in 1..=1000 {
        verifier.push(seq, &[7; 32], b"x");
    }
    let report = verifier.finish();
    assert_eq!((report.faults.len(), report.more_faults, report.records), (MAX_FAULTS, 900, 1000));
}

#[test]
fn a_stream_of_rows_is_judged_by_the_same_verifier() {
    let mut verifier = Verifier::new(key(1).public().clone(), Head::EMPTY);
    let mut head = Head::EMPTY;
    for seq in 1..=3 {
        head = head.next(&body(seq));
        verifier.push(seq, &head.hash, &body(seq));
    }
    verifier.checkpoint(&Checkpoint::sign(&head, at(), &key(1)));
    verifier.push(4, &head.next(b"\xff").hash, b"\xff");
    verifier.push(5, &head.hash, b"x");
    let report = verifier.finish();
    assert_eq!((report.signed, report.checkpoints), (3, 1));
    assert_eq!(report.faults, [Fault { seq: 5, what: What::Changed }]);
    assert_eq!(report.faults[0].to_string(), "record 5: it, or its link to the one before, was changed");
}

#[test]
fn a_body_that_is_no_text_can_be_exported_and_is_found() {
    let mut out = Vec::new();
    let mut export = Export::start(Head::EMPTY, key(1).public(), &mut out);
    export.record(1, &Head::EMPTY.next(b"{}").hash, b"\xff\n\"}", &mut out);
    export.finish(at(), &key(1), &mut out);
    assert_eq!(verify_bytes(&out).faults, [Fault { seq: 1, what: What::Changed }]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn m2_any_changed_byte_is_found_at_its_record(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut lines = export().concat();
        let at = at.index(lines.len());
        prop_assume!(lines[at] != to);
        let line = lines[..at].iter().filter(|byte| **byte == b'\n').count();
        lines[at] = to;
        let report = verify_bytes(&lines);
        prop_assert!(!report.is_sound());
        prop_assert!(places(line).contains(&first_fault(&report).seq), "{:?}", report.faults);
    }

    #[test]
    fn m2_any_removed_or_added_byte_is_found_at_its_record(at in any::<prop::sample::Index>(), add in any::<Option<u8>>()) {
        let mut bytes = export().concat();
        let at = at.index(bytes.len());
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        match add {
            Some(byte) => bytes.insert(at, byte),
            None => { bytes.remove(at); }
        }
        let report = verify_bytes(&bytes);
        prop_assert!(!report.is_sound());
        prop_assert!(places(line).contains(&first_fault(&report).seq), "{:?}", report.faults);
    }

    #[test]
    fn m2_any_cut_is_found_where_the_records_end(at in any::<prop::sample::Index>()) {
        let bytes = export().concat();
        let at = at.index(bytes.len());
        let whole = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let report = verify_bytes(&bytes[..at]);
        prop_assert!(!report.is_sound());
        let left = (1..=RECORDS).take_while(|seq| line_of(*seq) < whole).count();
        let expected = if whole == 0 { 0 } else { i64::try_from(left).unwrap() + 1 };
        prop_assert_eq!(first_fault(&report).seq, expected);
    }

    #[test]
    fn m2_any_swap_of_lines_is_found_at_the_first(one in 0usize..25, further in 1usize..25) {
        let mut lines = export();
        let two = (one + further).min(lines.len() - 1);
        lines.swap(one, two);
        let report = verify(&lines);
        prop_assert!(!report.is_sound());
        let place = first_fault(&report).seq;
        prop_assert!(places(one).iter().any(|seq| (place - seq).abs() <= 1), "{:?}", report.faults);
    }

    #[test]
    fn m2_any_run_of_removed_or_repeated_lines_is_found(first in 1usize..25, length in 1usize..10, repeat in any::<bool>()) {
        let mut lines = export();
        let last = (first + length).min(lines.len());
        // Leaving checkpoints out makes a record less certain, not wrong: only whole runs with a record or the end count.
        prop_assume!(lines[first..last].iter().any(|line| !line.starts_with(b"{\"checkpoint")));
        if repeat {
            let run = lines[first..last].to_vec();
            lines.splice(last..last, run);
        } else {
            lines.drain(first..last);
        }
        prop_assert!(!verify(&lines).is_sound());
    }
}
