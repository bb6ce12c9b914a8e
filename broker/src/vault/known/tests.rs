use proptest::prelude::*;
use ring::hmac;

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

fn id(n: usize) -> (CredentialId, i64) {
    (CredentialId::parse(&format!("crd_{n:032x}")).unwrap(), 1)
}

fn known(secrets: &[&str]) -> Known {
    let none = Known::none([7; 8], hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]));
    let versions: Vec<_> = (0..secrets.len()).map(id).collect();
    let open = |version: &(CredentialId, i64)| {
        let at = versions.iter().position(|own| own == version).ok_or(())?;
        Ok::<_, ()>(Secret::from(secrets[at].to_owned()))
    };
    none.with(versions.iter(), open, |_, ()| panic!("it opens"))
}

const SECRETS: [&str; 4] = [
    "sk-ant-api03-canary-one-0123456789",
    "sk-ant-api03-canary-two-0123456789abcdef",
    "p%40ss/w\"ord+with=everything",
    "3d2c42fb-1111-4222-8333-944455566677",
];

#[test]
fn every_common_encoding_of_every_secret_is_found_where_it_is() {
    let known = known(&SECRETS);
    for secret in SECRETS {
        let percent: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(secret).unwrap();
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [
            secret.to_owned(),
            percent,
            json.trim_matches('"').to_owned(),
            json.trim_matches('"').replace('/', "\\/"),
            hex.clone(),
            hex.to_uppercase(),
        ] {
            let whole = format!("before {text} after");
            assert_eq!(known.find(whole.as_bytes(), 0), Some(7..7 + text.len()), "{whole}");
            assert_eq!(known.find(whole.as_bytes(), 8), None, "{whole}");
        }
        for before in ["", "x", "xy"] {
            for coded in [
                STANDARD.encode(format!("{before}{secret}:tail")),
                URL_SAFE_NO_PAD.encode(format!("{before}{secret}:tail")),
            ] {
                let found = known.find(coded.as_bytes(), 0).unwrap_or_else(|| panic!("{coded}"));
                // What is left of it is shared with its neighbours.
                assert!(found.start <= 4 && coded.len() - found.end <= 9, "{coded} {found:?}");
            }
        }
    }
}

#[test]
fn what_begins_like_one_is_none_and_nothing_is_held_beyond_a_line() {
    let known = known(&SECRETS);
    for text in ["sk-ant-api03-canary-six-0123456789", "sk-ant-", "3d2c42fb-1111-4222-8333-944455566678"] {
        assert_eq!(known.find(text.as_bytes(), 0), None, "{text}");
    }
    for (text, held) in [
        ("data: sk-ant-api03-can", Some(6)),
        ("data: sk-ant-api03-can\n", None),
        ("data: sk-ant-api03-can\n\ndata: 3d2", Some(30)),
        ("data: {\"done\":true}\n\n", None),
        ("x 3d2c42fb-1111-4222-8333-94445556667", Some(2)),
        // Its middle is another's already.
        ("x 3d2c42fb-1111-4222-9999-9", None),
    ] {
        assert_eq!(known.unfinished(text.as_bytes(), 0), held, "{text}");
    }
}

#[test]
fn nothing_of_a_secret_is_kept_and_debug_says_how_many() {
    let known = known(&SECRETS);
    assert_eq!(format!("{known:?}"), "Known { secrets: 4, .. }");
    assert!(known.each.values().all(|needles| !needles.is_empty()));
}

#[test]
fn what_was_known_is_not_opened_again_and_what_went_is_not_looked_for() {
    let first = known(&SECRETS);
    assert!(first.is_of((0..4).map(id).collect::<Vec<_>>().iter()));
    assert!(!first.is_of((0..3).map(id).collect::<Vec<_>>().iter()));
    assert!(!first.is_of((0..5).map(id).collect::<Vec<_>>().iter()));
    let left = [id(1)];
    let next = first.with(left.iter(), |_| Err::<Secret, _>("opened"), |_, why| panic!("{why}"));
    assert!(next.find(SECRETS[1].as_bytes(), 0).is_some() && next.find(SECRETS[0].as_bytes(), 0).is_none());
}

proptest! {
    /// However an answer is cut, what goes on holds no secret, and everything else does.
    #[test]
    fn however_it_is_cut_no_secret_goes_on(cuts in prop::collection::vec(1usize..9, 1..60), which in 0usize..4, line in any::<bool>()) {
        let known = Arc::new(known(&SECRETS));
        let end = if line { "\n\n" } else { " sk-ant-a" };
        let text = format!("data: [{}] and {}{end}", SECRETS[which], SECRETS[3 - which]);
        let mut screen = crate::vault::Screen::new(b"another-secret-entirely", Some(known));
        let (mut rest, mut out) = (text.as_bytes(), Vec::new());
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            out.extend_from_slice(&screen.push(bytes::Bytes::copy_from_slice(now)));
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        if line {
            // What ends a line is out before more comes.
            prop_assert!(out.ends_with(b"\n\n"));
        }
        out.extend_from_slice(&screen.finish());
        let out = String::from_utf8(out).unwrap();
        prop_assert_eq!(out, format!("data: [[stint:redacted]] and [stint:redacted]{end}"));
        prop_assert!(screen.found());
    }
}
