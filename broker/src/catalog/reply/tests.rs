use http::Method;
use serde_json::{Value, json};
use stint_api::{Code, Problem};

use super::{Asked, Denial, Reply, Shape};
use crate::catalog::BUILTIN;

fn problem() -> Problem {
    let mut problem = Problem::new(Code::Denied, "it is <no> & \"never\" {code} {text}\u{7}");
    problem.policies = vec!["guardrail.destroy".to_owned()];
    problem.record = Some("r1".to_owned());
    problem.instead = Some("read at aws in staging".to_owned());
    problem.hint("ask a person")
}

fn denial(body: &str, types: &[&str]) -> Denial {
    Denial {
        body: body.to_owned(),
        kinds: [("4", "AccessDenied"), ("5", "ServiceUnavailable"), ("400", "MalformedInput")]
            .map(|(status, kind)| (status.to_owned(), kind.to_owned()))
            .into(),
        content_types: types.iter().map(|kind| (*kind).to_owned()).collect(),
        success: false,
    }
}

const SAID: &str = "stint: the request is denied: it is <no> & \"never\" {code} {text} ; decided by guardrail.destroy; \
    allowed instead: read at aws in staging; ask a person; on record as r1";

/// The XML of AWS's query and REST protocols, and its JSON: botocore and the SDKs read `Code` and `Message`, or `__type`
/// and `message`.
#[test]
fn aws_in_xml_and_in_json() {
    let xml = denial(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{kind}</Code><Message>{text}</Message></Error><RequestId>{record}</RequestId></ErrorResponse>",
        &[],
    );
    let told = Reply::Shape(Shape::read(&xml).unwrap()).told(&problem());
    let escaped = SAID.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!((told.status, told.content_type), (403, "text/xml"));
    assert_eq!(
        String::from_utf8(told.body).unwrap(),
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{escaped}</Message></Error><RequestId>r1</RequestId></ErrorResponse>"
        )
    );
    let json = denial(r#"{"__type": "{kind}", "message": "{text}"}"#, &["application/x-amz-json-1."]);
    let told = Reply::Shape(Shape::read(&json).unwrap()).told(&Problem { status: 400, ..problem() });
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((&body["__type"], &body["message"]), (&json!("MalformedInput"), &json!(SAID)));
    assert_eq!(body["code"], "denied", "the problem's members stand beside");
}

#[test]
fn the_first_shape_that_is_for_the_request_is_used() {
    let json = Shape::read(&denial(r#"{"message": "{text}"}"#, &["application/x-amz-json-1."])).unwrap();
    let asked = |content_type| Asked {
        method: &Method::POST,
        host: "sts.amazonaws.com",
        path: "/",
        content_type,
        body: b"",
        partial: false,
    };
    assert!(json.is_for(&asked("application/x-amz-json-1.1")));
    assert!(!json.is_for(&asked("application/x-www-form-urlencoded")));
    assert!(!json.is_for(&asked("")));
}

#[test]
fn a_shape_that_says_nothing_or_cannot_be_read_is_refused() {
    for (body, reason) in [
        ("", "a JSON object or XML"),
        ("[\"{text}\"]", "a JSON object or XML"),
        ("{\"message\": \"{text}\"", "EOF"),
        ("{\"message\": \"denied\"}", "nobody would read why"),
        ("<Error>{text}{problem}</Error>", "stands in JSON"),
    ] {
        let error = Shape::read(&denial(body, &[])).map(|_| ()).unwrap_err();
        assert!(error.contains(reason), "{body}: {error}");
    }
    let kinds =
        Denial { kinds: std::collections::BTreeMap::new(), ..denial("{\"a\": \"{text}{kind}\"}", &[]) };
    assert!(Shape::read(&kinds).unwrap_err().contains("for '4' and for '5'"));
}

/// Every REST pack says how its errors look, and whatever it says, the reason is in it once it is filled in.
#[test]
fn every_rest_pack_has_a_shape_and_every_shape_says_why() {
    for pack in BUILTIN.packs() {
        let asked = Asked {
            method: &Method::DELETE,
            host: pack.manifest.hosts.first().unwrap(),
            path: "/v9/nothing",
            content_type: "application/json",
            body: b"",
            partial: false,
        };
        let told = BUILTIN.reply(Some(pack), &asked).told(&problem());
        let body = String::from_utf8(told.body).unwrap();
        assert_ne!(told.content_type, stint_api::PROBLEM_MEDIA_TYPE, "{}: no shape", pack.name());
        assert!(
            body.contains("ask a person") && body.contains("guardrail.destroy"),
            "{}: {body}",
            pack.name()
        );
        assert!(serde_json::from_str::<Value>(&body).is_ok(), "{}: {body}", pack.name());
        assert!(!body.contains("{record}") && !body.contains("{kind}"), "{}: {body}", pack.name());
    }
}

#[test]
fn grpc_reads_the_status_of_the_head_alone() {
    let told = Reply::Grpc.told(&Problem { detail: "100% über\n".to_owned(), ..problem() });
    assert_eq!((told.status, told.content_type, told.body.len()), (200, "application/grpc", 0));
    assert_eq!(told.headers.first().unwrap(), &("grpc-status", "7".to_owned()));
    let message = &told.headers.get(1).unwrap().1;
    assert!(message.starts_with("stint: the request is denied: 100%25 %C3%BCber ;"), "{message}");
}
