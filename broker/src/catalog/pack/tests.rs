use super::{Pack, PackError};

const MANIFEST: &str = include_str!("../../../../policies/packs/github/pack.toml");
const HEADER: &str = "method\tpath\toperation\tclass\tresources\tscope\tmarks";
const ASSET: &str = "POST\t/repos/{owner}/{repo}/releases/{id}/assets\trepos/upload-release-asset\twrite\trepository={owner}/{repo}\tresources\t";

fn load(
    manifest: &str,
    rows: &[&str],
    payload: Option<&str>,
    overrides: Option<&str>,
) -> Result<Pack, PackError> {
    let table = [&[HEADER, ASSET], rows].concat().join("\n");
    Pack::load("test", &|file| match file {
        // Without what stands beside REST.
        "pack.toml" => Some(manifest.replace("endpoints = [\"/graphql\"]\n", "")),
        "operations.tsv" => Some(table.clone()),
        "payload.toml" => payload.map(str::to_owned),
        "overrides.toml" => overrides.map(str::to_owned),
        _ => None,
    })
}

#[test]
fn a_wrong_row_is_named_with_file_row_and_reason() {
    for (row, reason) in [
        ("GET\t/x\ta\tread\t\tshared", "6 cells"),
        ("FETCH\t/x\ta\tread\t\tshared\t", "method"),
        ("GET\tx\ta\tread\t\tshared\t", "template"),
        ("GET\t/x/{a*}/b\ta\tread\t\tshared\t", "template"),
        ("GET\t/x/{a}/{a}\ta\tread\t\tshared\t", "twice"),
        ("GET\t/x/%20\ta\tread\t\tshared\t", "template"),
        ("GET\t/x\ta b\tread\t\tshared\t", "name"),
        ("GET\t/x\ta\tharmless\t\tshared\t", "unknown class"),
        ("GET\t/x\ta\tread\t\teverywhere\t", "scope"),
        ("GET\t/x\ta\tread\t\tresources\t", "without a resource"),
        ("DELETE\t/x\ta\tdestroy\t\tshared\t", "for reads"),
        ("GET\t/x\ta\tread\trepository={owner}\tresources\t", "names 'owner'"),
        ("GET\t/x\ta\tread\trepository\tresources\t", "KIND=ID"),
        ("GET\t/x/{a}\ta\tread\tthing={}\tresources\t", "payload.toml"),
        ("GET\t/x\ta\tread\t\tshared\tprecious", "mark"),
        ("GET\t/x\trepos/upload-release-asset\tread\t\tshared\t", "there twice"),
        ("POST\t/repos/{a}/{b}/releases/{c}/assets\ta\twrite\t\taccount\t", "there twice"),
    ] {
        let error = load(MANIFEST, &[row], None, None).unwrap_err();
        assert_eq!((error.file.as_str(), error.row), ("test/operations.tsv", Some(3)), "{row}");
        assert!(error.reason.contains(reason), "{row}: {error}");
    }
}

#[test]
fn a_wrong_manifest_is_named() {
    for (from, to, reason) in [
        ("title = \"GitHub\"", "titel = \"GitHub\"", "unknown field"),
        ("\"api.github.com\"", "\"API.github.com\"", "lower case"),
        ("\"api.github.com\"", "\"api.github.com:443\"", "without port"),
        ("default = true", "default = false", "default"),
        ("Bearer {}", "Bearer", "'{}' once"),
        ("carriers = [\"authorization\"]", "carriers = [\"x-api-key\"]", "does not list"),
        ("[host-operations]\n\"uploads", "[host-operations]\n\"other", "no host"),
        ("[\"repos/upload-release-asset\"]", "[\"repos/nothing\"]", "repos/nothing"),
    ] {
        assert!(MANIFEST.contains(from), "{from}");
        let error = load(&MANIFEST.replacen(from, to, 1), &[], None, None).unwrap_err();
        assert_eq!(error.file, "test/pack.toml");
        assert!(error.reason.contains(reason), "{to}: {error}");
    }
}

#[test]
fn a_payload_rule_only_ever_raises() {
    let raise = |class: &str, operation: &str| {
        let text = format!(
            "[[raise]]\noperations = [\"{operation}\"]\nmembers = [\"/a\"]\nwhen = \"present\"\nclass = \"{class}\"\nreason = \"r\"\n"
        );
        load(MANIFEST, &[], Some(&text), None).map(|_| ())
    };
    assert_eq!(raise("grant", "repos/upload-release-asset"), Ok(()));
    assert!(raise("write", "repos/upload-release-asset").unwrap_err().reason.contains("already"));
    assert!(raise("read", "repos/upload-release-asset").is_err());
    assert!(raise("grant", "repos/nothing").unwrap_err().reason.contains("not known"));
}

#[test]
fn an_override_needs_a_reason_and_an_operation_of_its_class() {
    let entry = |class: &str, reason: &str, operation: &str| {
        let text = format!(
            "[[override]]\nclass = \"{class}\"\nreason = \"{reason}\"\noperations = [\"{operation}\"]\n"
        );
        load(MANIFEST, &[], None, Some(&text)).map(|_| ())
    };
    assert_eq!(entry("write", "why", "repos/upload-release-asset"), Ok(()));
    assert!(entry("write", " ", "repos/upload-release-asset").is_err());
    assert!(entry("read", "why", "repos/upload-release-asset").is_err());
    assert!(entry("write", "why", "repos/nothing").is_err());
}

#[test]
fn missing_files_are_named() {
    let error = Pack::load("test", &|_| None).unwrap_err();
    assert_eq!(error.to_string(), "test/pack.toml: the file is missing");
    let error = Pack::load("test", &|file| (file == "pack.toml").then(|| MANIFEST.to_owned())).unwrap_err();
    assert_eq!(error.to_string(), "test/operations.tsv: the file is missing");
}

#[test]
fn one_name_has_one_meaning_whichever_way_it_is_asked_for() {
    let row = "POST\t/repos/{a}/{b}/push\tpush/create-branch\twrite\trepository={a}/{b}\tresources\t";
    let error = load(MANIFEST, &[row], None, None).unwrap_err();
    assert!(error.reason.contains("'push/create-branch' also is"), "{error}");
}

#[test]
fn a_door_for_git_is_held_against_the_pack() {
    for (from, to, reason) in [
        ("[git]\nhosts = [\"github.com\"]", "[git]\nhosts = [\"git.example\"]", "no host of the pack"),
        ("x-access-token:{}", "x-access-token", "'{}' once"),
        ("resource = \"repository\"", "resource = \"thing\"", "environment-kinds"),
    ] {
        let error = load(&MANIFEST.replace(from, to), &[], None, None).unwrap_err();
        assert!(error.reason.contains(reason), "{to}: {error}");
    }
}
