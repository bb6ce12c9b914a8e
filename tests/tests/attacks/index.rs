//! The list of what is tried, held against the names of the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Groups of the catalogue of threats, and how many cases each has: tokens, proofs, framing, targets, headers, GraphQL.
const GROUPS: &[(char, u32)] = &[('a', 31), ('b', 15), ('f', 18), ('g', 30), ('h', 12), ('i', 22)];

/// Ways around that have worked at others of this kind, and the test of each.
const BYPASSES: &[(&str, &str)] = &[
    ("duplicate, escaped and case-folded keys of JSON", "duplicate_escaped_and_case_folded_keys_of_json"),
    ("a byte order mark", "a_byte_order_mark"),
    ("GraphQL in the query string merged over the body", "graphql_in_the_query_string_over_the_body"),
    ("a form reading of a body of JSON", "a_form_reading_of_a_body_of_json"),
    ("_method and X-HTTP-Method-Override", "another_method_by_a_field_or_a_header"),
    ("';', '//' and .json in paths", "semicolons_double_slashes_and_suffixes_of_paths"),
    ("HEAD for GET", "head_for_get_is_the_same_read"),
    ("charsets that are not UTF-8", "charsets_that_are_not_utf8"),
    ("repeated parameters of forms", "repeated_parameters_of_forms_and_queries"),
    ("padding past what is inspected", "only_content_streams"),
    ("other doors to the same effect", "other_doors_to_the_same_effect_are_as_strong"),
    ("tools of MCP", "a_tool_that_nobody_described_is_the_worst"),
    (
        "a placeholder in one header and a real key in another",
        "h2_a_credential_of_ones_own_is_refused_in_every_carrier",
    ),
    ("a tunnel that skips the rules", "f12_f13_expectations_upgrades_and_tunnels_are_refused"),
];

/// Names of functions under a folder, each with whether an attribute of a test stands over it.
fn tests(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            tests(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Tests over two databases stand in a macro that puts the attribute over each.
            let is_many = text.contains("on_both! {") || text.contains("proptest! {");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                let rest = line.strip_prefix("async ").unwrap_or(line);
                if let Some((name, _)) = rest.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
                    if is_test || is_many {
                        into.insert(name.to_owned());
                    }
                    is_test = false;
                } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                }
            }
        }
    }
}

/// `g1_to_g3_and_g8_dot_segments` is of G1, G2, G3 and G8.
fn cases(name: &str) -> Vec<(char, u32)> {
    let mut found: Vec<(char, u32)> = Vec::new();
    let words = name.split('_');
    let mut is_range = false;
    for word in words {
        let mut letters = word.chars();
        let case = letters.next().and_then(|group| Some((group, letters.as_str().parse::<u32>().ok()?)));
        match (case, found.last()) {
            (Some((group, number)), Some((last, from))) if is_range && group == *last => {
                found.extend((from + 1..=number).map(|number| (group, number)).collect::<Vec<_>>());
                is_range = false;
            }
            (Some(case), _) => found.push(case),
            (None, Some(_)) if word == "to" => is_range = true,
            (None, Some(_)) if word == "and" => {}
            (None, _) => break,
        }
    }
    found
}

fn all() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut names = BTreeSet::new();
    for folder in ["broker", "client", "tests/tests"] {
        tests(&root.join(folder), &mut names);
    }
    assert!(names.len() > 1000, "only {} tests were found", names.len());
    names
}

#[test]
fn every_case_has_a_test_of_its_name() {
    let found: BTreeSet<(char, u32)> = all().iter().flat_map(|name| cases(name)).collect();
    let wanted = GROUPS.iter().flat_map(|(group, count)| (1..=*count).map(|number| (*group, number)));
    let missing: Vec<String> = wanted
        .filter(|case| !found.contains(case))
        .map(|(group, number)| format!("{}{number}", group.to_ascii_uppercase()))
        .collect();
    assert!(missing.is_empty(), "no test is named for {}", missing.join(", "));
    assert_eq!(cases("g1_to_g3_and_g8_dot_segments"), [('g', 1), ('g', 2), ('g', 3), ('g', 8)]);
    assert_eq!(cases("a_b2_thing"), []);
    assert_eq!(cases("i1_i05_x_to_i9"), [('i', 1), ('i', 5)]);
}

#[test]
fn every_known_way_around_has_a_test() {
    let names = all();
    for (way, test) in BYPASSES {
        assert!(names.contains(*test), "{way}: there is no test '{test}'");
    }
}
