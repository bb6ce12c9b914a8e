use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalog::{Asked, BUILTIN};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
const ZERO: &str = "0000000000000000000000000000000000000000";
const SAID: &str = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.47.3";
const PACK: &[u8] = b"PACK\0\0\0\x02\0\0\0\0";

fn line(data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    lines::write(&mut out, data.as_ref());
    out
}

/// A push of commands with what follows their flush.
fn push(commands: &[String], rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let said = if index == 0 { format!("\0{SAID}") } else { String::new() };
        out.extend(line(format!("{command}{said}")));
    }
    out.extend_from_slice(b"0000");
    out.extend_from_slice(rest);
    out
}

fn request(method: Method, target: &str, kind: Option<&str>, body: Vec<u8>) -> Request {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
    }
    Request {
        method,
        host: "github.com".to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers,
        body: body.into(),
        partial: false,
    }
}

fn ask(request: Request) -> Result<Vec<Operation>, Refusal> {
    let pack = BUILTIN.pack("github").unwrap();
    BUILTIN.classify(pack, request).map(|understood| understood.operations)
}

fn pushed(body: Vec<u8>) -> Result<Vec<(String, Class)>, Refusal> {
    let asked = ask(request(Method::POST, "/Atlas/API.git/git-receive-pack", Some(RECEIVE), body))?;
    Ok(asked.into_iter().map(|one| (one.operation, one.class)).collect())
}

fn judged(command: String, rest: &[u8]) -> (String, Class) {
    pushed(push(&[command], rest)).unwrap().remove(0)
}

fn refused(body: Vec<u8>) -> &'static str {
    pushed(body).unwrap_err().code
}

/// A pack of commits: their ids, and the pack.
fn packed(commits: &[&str]) -> (Vec<String>, Vec<u8>) {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&u32::try_from(commits.len()).unwrap().to_be_bytes());
    let mut ids = Vec::new();
    for commit in commits {
        let size = commit.len();
        pack.push(0x80 | 0x10 | u8::try_from(size & 15).unwrap());
        pack.push(u8::try_from(size >> 4).unwrap());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(commit.as_bytes()).unwrap();
        pack.extend(zlib.finish().unwrap());
        let mut context = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(format!("commit {size}\0{commit}").as_bytes());
        ids.push(crate::model::digest_hex(context.finish()));
    }
    (ids, pack)
}

fn commit(parent: &str, text: &str) -> String {
    format!("tree {ZERO}\nparent {parent}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{text}\n")
}

#[test]
fn fetching_reads_and_names_the_repository_in_one_spelling() {
    for target in
        ["/Atlas/API/info/refs?service=git-upload-pack", "/atlas/api.git/info/refs?service=git-upload-pack"]
    {
        let asked = ask(request(Method::GET, target, None, vec![])).unwrap();
        assert_eq!(asked[0].operation, "github:fetch/list-refs");
        assert_eq!(asked[0].class, Class::Read);
        assert_eq!(asked[0].resources, [Resource::new("repository", "atlas/api")]);
    }
    let fetch = request(Method::POST, "/atlas/api/git-upload-pack", Some(UPLOAD), b"whatever".to_vec());
    assert_eq!(ask(fetch).unwrap()[0].operation, "github:fetch/objects");
}

#[test]
fn each_command_is_an_operation_of_its_own() {
    let all = [
        format!("{ZERO} {NEW} refs/heads/topic"),
        format!("{OLD} {NEW} refs/heads/main"),
        format!("{OLD} {ZERO} refs/heads/old"),
        format!("{ZERO} {NEW} refs/tags/v2"),
        format!("{OLD} {NEW} refs/tags/v1"),
        format!("{OLD} {ZERO} refs/tags/v0"),
        format!("{ZERO} {NEW} refs/pull/1/head"),
    ];
    let names: Vec<(String, Class)> = pushed(push(&all, PACK)).unwrap();
    let expected = [
        ("create-branch", Class::Write),
        ("rewrite-branch", Class::Destroy),
        ("delete-branch", Class::Destroy),
        ("create-tag", Class::Write),
        ("move-tag", Class::Destroy),
        ("delete-tag", Class::Destroy),
        ("change-other-ref", Class::Unknown),
    ];
    let expected = expected.map(|(name, class)| (format!("github:push/{name}"), class));
    assert_eq!(names, expected);
    let asked =
        ask(request(Method::POST, "/atlas/api/git-receive-pack", Some(RECEIVE), push(&all[1..2], PACK)));
    let resources = asked.unwrap().remove(0).resources;
    assert_eq!(resources[1], Resource::new("ref", "atlas/api:refs/heads/main"));
}

#[test]
fn a_bare_flush_asks_whether_one_may_push() {
    assert_eq!(pushed(b"0000".to_vec()).unwrap(), [("github:push/nothing".to_owned(), Class::Read)]);
}

#[test]
fn commits_of_the_pack_prove_that_a_branch_keeps_what_it_held() {
    let first = commit(OLD, "one");
    let (ids, _) = packed(&[&first]);
    let second = commit(&ids[0], "two");
    let (ids, pack) = packed(&[&second, &first]);
    let update = |old: &str, new: &str, pack: &[u8]| judged(format!("{old} {new} refs/heads/main"), pack).1;
    assert_eq!(update(OLD, &ids[0], &pack), Class::Write);
    assert_eq!(update(NEW, &ids[0], &pack), Class::Destroy, "another old tip");
    assert_eq!(update(OLD, NEW, &pack), Class::Destroy, "a tip that the pack does not bring");
    assert_eq!(update(OLD, &ids[0], &packed(&[&second]).1), Class::Destroy, "a gap");
    let forged = format!("tree {ZERO}\nauthor a <a> 1 +0000\nparent {OLD}\n\nparent {OLD}\n");
    let (ids, pack) = packed(&[&forged]);
    assert_eq!(update(OLD, &ids[0], &pack), Class::Destroy, "a parent that git does not read as one");
}

#[test]
fn a_pack_may_break_off_anywhere() {
    let (ids, pack) = packed(&[&commit(OLD, "one")]);
    for end in 0..pack.len() {
        let commits = pack::Commits::read(&pack[..end], false);
        assert!(!commits.lead(&ids[0], OLD) || end + 2 > pack.len());
    }
}

#[test]
fn what_git_would_not_write_is_refused() {
    let create = |name: &str| push(&[format!("{ZERO} {NEW} {name}")], PACK);
    for name in [
        "HEAD",
        "refs/main",
        "refs/heads/",
        "refs/heads//x",
        "refs/heads/.x",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/x.lock",
        "refs/heads/x.",
        "refs/heads/a~1",
        "refs/heads/a@{1}",
        "refs/heads/a\\b",
        "main",
    ] {
        assert_eq!(refused(create(name)), "malformed_body", "{name}");
    }
    let good = format!("{ZERO} {NEW} refs/heads/x");
    for (what, body) in [
        ("nothing", vec![]),
        ("no flush", line(format!("{good}\0{SAID}"))),
        ("a length in capitals", [b"003F".as_slice(), &[b'x'; 59], b"0000"].concat()),
        ("a delimiter", b"00010000".to_vec()),
        ("an empty line", b"00040000".to_vec()),
        ("a line beyond the end", b"fff0abc".to_vec()),
        ("no pack", push(std::slice::from_ref(&good), b"")),
        ("another thing than a pack", push(std::slice::from_ref(&good), b"PUCK\0\0\0\x02")),
        ("a pack behind a removal", push(&[format!("{OLD} {ZERO} refs/heads/x")], PACK)),
        ("a second list", push(&[format!("{OLD} {ZERO} refs/heads/x")], b"0000")),
        ("one name twice", push(&[good.clone(), format!("{OLD} {NEW} refs/heads/x")], PACK)),
        ("nothing to nothing", push(&[format!("{ZERO} {ZERO} refs/heads/x")], PACK)),
        ("a short id", push(&[format!("{ZERO} 2222 refs/heads/x")], PACK)),
        ("an id in capitals", push(&[format!("{ZERO} {} refs/heads/x", "A".repeat(40))], PACK)),
        ("a later NUL", push(&[good.clone(), format!("{OLD} {ZERO} refs/heads/y\0 delete-refs")], PACK)),
        ("shallow behind commands", push(&[good.clone(), format!("shallow {OLD}")], PACK)),
    ] {
        assert_eq!(refused(body), "malformed_body", "{what}");
    }
    let with = |said: &str| [line(format!("{good}\0{said}")), b"0000".to_vec(), PACK.to_vec()].concat();
    assert_eq!(refused(with("report-status push-cert=1")), "unknown_operation");
    assert_eq!(refused(with("report-status novelty")), "unknown_operation");
    assert_eq!(refused([line("push-cert\0x"), b"0000".to_vec()].concat()), "unknown_operation");
    let option = [
        line(format!("{good}\0push-options")),
        b"0000".to_vec(),
        line("ci.skip"),
        b"0000".to_vec(),
        PACK.to_vec(),
    ];
    assert_eq!(refused(option.concat()), "unknown_operation", "github takes no push options");
}

#[test]
fn shallow_lines_and_long_ids_are_git_too() {
    let shallow =
        [line(format!("shallow {OLD}")), push(&[format!("{ZERO} {NEW} refs/heads/x")], PACK)].concat();
    assert_eq!(pushed(shallow).unwrap()[0].1, Class::Write);
    let (zero, new) = ("0".repeat(64), "2".repeat(64));
    let long =
        [line(format!("{zero} {new} refs/heads/x\0 object-format=sha256")), b"0000".to_vec(), PACK.to_vec()];
    assert_eq!(pushed(long.concat()).unwrap()[0].1, Class::Write);
    let mixed =
        [line(format!("{zero} {new} refs/heads/x\0 object-format=sha1")), b"0000".to_vec(), PACK.to_vec()];
    assert_eq!(refused(mixed.concat()), "malformed_body");
}

#[test]
fn commands_of_a_partial_body_are_whole_or_refused() {
    let body = push(&[format!("{ZERO} {NEW} refs/heads/x")], PACK);
    let ask_part = |body: &[u8]| {
        let mut part = request(Method::POST, "/atlas/api/git-receive-pack", Some(RECEIVE), body.to_vec());
        part.partial = true;
        ask(part).map(|asked| asked[0].class).map_err(|refusal| refusal.code)
    };
    assert_eq!(ask_part(&body), Ok(Class::Write));
    assert_eq!(ask_part(&body[..60]), Err("body_too_large"));
    let delete = push(&[format!("{OLD} {ZERO} refs/heads/x")], b"");
    assert_eq!(ask_part(&delete), Err("malformed_body"), "more follows where nothing may");
}

#[test]
fn other_paths_methods_and_types_are_unknown() {
    let code = |request: Request| ask(request).unwrap_err().code;
    let get = |target: &str| code(request(Method::GET, target, None, vec![]));
    for target in [
        "/atlas/api/info/refs",
        "/atlas/api/info/refs?service=git-upload-archive",
        "/atlas/api/HEAD",
        "/atlas/api/info/refs?service=git-upload-pack&x=1",
        "/atlas/api/objects/info/packs",
        "/atlas/api",
        "/login",
        "/atlas/api/git-upload-pack",
        "/atlas/api/raw/main/README.md",
        "/atlas/api/info/lfs/objects/batch",
    ] {
        assert_eq!(get(target), "unknown_operation", "{target}");
    }
    for target in
        ["/api/info/refs", "/atlas/x/api/info/refs", "/atlas/api.git.git/info/refs", "/atlas/a%20b/info/refs"]
    {
        assert_eq!(get(&format!("{target}?service=git-upload-pack")), "bad_parameter", "{target}");
    }
    let post = |target: &str, kind: &str| code(request(Method::POST, target, Some(kind), b"0000".to_vec()));
    assert_eq!(post("/atlas/api/git-receive-pack", UPLOAD), "unknown_operation");
    assert_eq!(post("/atlas/api/git-receive-pack?x=1", RECEIVE), "unknown_operation");
    assert_eq!(post("/atlas/api/git-receive-pack", "application/json"), "unknown_operation");
    let mut elsewhere = request(Method::GET, "/atlas/api/info/refs?service=git-upload-pack", None, vec![]);
    elsewhere.host = "api.github.com".to_owned();
    assert_eq!(code(elsewhere), "unknown_operation");
}

#[test]
fn large_files_are_judged_by_what_is_asked() {
    let ask_lfs = |path: &str, body: serde_json::Value| {
        let target = format!("/atlas/api.git/info/lfs/{path}");
        let kind = Some("application/vnd.git-lfs+json");
        let asked = ask(request(Method::POST, &target, kind, body.to_string().into_bytes()));
        asked.map(|asked| (asked[0].operation.clone(), asked[0].class)).map_err(|refusal| refusal.code)
    };
    let ok = |name: &str, class| Ok((format!("github:{name}"), class));
    assert_eq!(ask_lfs("objects/batch", json!({"operation": "download"})), ok("lfs/download", Class::Read));
    assert_eq!(ask_lfs("objects/batch", json!({"operation": "upload"})), ok("lfs/upload", Class::Write));
    assert_eq!(ask_lfs("objects/batch", json!({"operation": "delete"})), Err("unknown_operation"));
    assert_eq!(
        ask_lfs("objects/batch", json!({"Operation": "upload", "operation": "download"})),
        Err("ambiguous_body")
    );
    assert_eq!(ask_lfs("locks", json!({"path": "x"})), ok("lfs/lock", Class::Write));
    assert_eq!(ask_lfs("locks/7/unlock", json!({})), ok("lfs/unlock", Class::Write));
    assert_eq!(ask_lfs("locks/7/unlock", json!({"force": true})), ok("lfs/unlock", Class::Grant));
    assert_eq!(ask_lfs("objects/x", json!({})), Err("unknown_operation"));
}

#[test]
fn a_compressed_fetch_is_read_within_bounds() {
    let packed = |text: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    let open = |headers: &HeaderMap, path: &str, body: Vec<u8>, partial| {
        decoded(headers, path, &body.into(), partial, 1000)
            .map(|found| found.map(|(_, body)| body))
            .map_err(|r| r.code)
    };
    let fetch = "/a/b/git-upload-pack";
    assert_eq!(open(&headers, fetch, packed(b"0032want"), false), Ok(Some("0032want".into())));
    assert_eq!(open(&headers, fetch, packed(&[0; 1001]), false), Err("body_too_large"));
    assert_eq!(open(&headers, fetch, packed(&vec![0; 10_000_000]), false), Err("body_too_large"));
    assert_eq!(open(&headers, fetch, packed(b"x"), true), Err("body_too_large"));
    assert_eq!(open(&headers, fetch, b"no gzip".to_vec(), false), Err("malformed_body"));
    assert_eq!(open(&headers, fetch, [packed(b"x"), packed(b"y")].concat(), false), Err("ambiguous_body"));
    assert_eq!(open(&headers, "/a/b/git-receive-pack", packed(b"x"), false), Ok(None));
    assert_eq!(open(&HeaderMap::new(), fetch, packed(b"x"), false), Ok(None));
}

#[test]
fn a_refusal_of_a_push_names_each_reference() {
    let body = push(&[format!("{OLD} {ZERO} refs/heads/main")], b"");
    let request = request(Method::POST, "/atlas/api/git-receive-pack", Some(RECEIVE), body);
    let asked = Asked {
        method: &request.method,
        host: &request.host,
        path: &request.path,
        content_type: RECEIVE,
        body: &request.body,
        partial: false,
    };
    let reply = Reply::to(&asked).unwrap();
    let body = reply.body("stint: denied", &["stint: because\nof this".to_owned()]);
    let text = String::from_utf8(body).unwrap();
    assert!(text.starts_with("001b\u{2}stint: becauseof this\n"), "{text:?}");
    assert!(text.contains("000eunpack ok\n0025ng refs/heads/main stint: denied\n0000"), "{text:?}");
    assert!(text.ends_with("00000000"), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn nothing_panics_and_only_whole_commands_are_judged(
        body in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..400, at in 0usize..400, byte in any::<u8>(),
    ) {
        let _ = pushed(body.clone());
        let _ = pack::Commits::read(&[PACK, &body].concat(), false);
        let (ids, pack) = packed(&[&commit(OLD, "one")]);
        let mut whole = push(&[format!("{OLD} {} refs/heads/main", ids[0])], &pack);
        if let Some(place) = whole.get_mut(at) { *place = byte; }
        whole.truncate(cut.max(1));
        let _ = pushed(whole);
    }
}
