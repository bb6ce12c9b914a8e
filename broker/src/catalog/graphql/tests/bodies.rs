//! The forms of a body.

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::json;

use super::super::code;
use super::*;

#[test]
fn the_incidents_request_is_a_volume_delete_under_the_form_content_type() {
    let body = format!(r#"{{"query":"mutation {{ volumeDelete(volumeId: \"{VOLUME}\") }}"}}"#);
    let mut incident = request(FORM, body);
    incident.host = "backboard.railway.app".to_owned();
    assert_deletes_the_volume(incident.clone());
    let sent = judge(incident).unwrap().request;
    assert_eq!(
        std::str::from_utf8(&sent.body).unwrap(),
        format!(r#"{{"query":"mutation {{ volumeDelete(volumeId: \"{VOLUME}\") }}"}}"#)
    );
}

#[test]
fn i12_every_body_form_is_understood_or_refused() {
    let text = format!("mutation {{ volumeDelete(volumeId: \"{VOLUME}\") }}");
    let json = json!({ "query": text }).to_string();
    let form = format!("query={}", text.replace(' ', "+").replace('"', "%22"));
    for media in [JSON, FORM, Some("text/plain"), None, Some("application/json; charset=utf-8")] {
        assert_deletes_the_volume(request(media, json.clone()));
    }
    assert_deletes_the_volume(request(FORM, form.clone()));
    assert_deletes_the_volume(request(
        FORM,
        format!("operationName=D&{}", form.replace("mutation", "mutation+D")),
    ));
    assert_deletes_the_volume(request(Some("application/graphql"), text.clone()));
    assert_eq!(refused(request(Some("application/graphql"), json.clone())), code::MALFORMED_DOCUMENT);
    for media in ["multipart/form-data; boundary=x", "multipart/mixed; boundary=x"] {
        assert_eq!(refused(request(Some(media), json.clone())), code::MULTIPART);
    }
    assert_eq!(refused(request(JSON, form)), code::MALFORMED_BODY);
}

#[test]
fn i21_a_content_type_that_does_not_fit_the_body_is_refused() {
    let json = json!({ "query": "{ me { id } }" }).to_string();
    for media in ["application/xml", "text/html", "application/octet-stream", "application/cbor", "json"] {
        assert_eq!(refused(request(Some(media), json.clone())), code::UNKNOWN_CONTENT_TYPE);
    }
    assert_eq!(refused(request(Some("text/plain"), "{me{id}}")), code::MALFORMED_BODY);
    assert_eq!(refused(request(Some("text/plain"), "query { me { id } }")), code::UNKNOWN_CONTENT_TYPE);
    for media in [
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json, text/plain",
    ] {
        assert_eq!(refused(request(Some(media), json.clone())), code::CHARSET_REFUSED);
    }
    let mut twice = request(JSON, json.clone());
    twice.headers.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    assert_eq!(refused(twice), code::CHARSET_REFUSED);
    let mut coded = request(JSON, json);
    coded.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert_eq!(refused(coded), code::ENCODED_BODY);
}

#[test]
fn i21_a_body_that_reads_as_json_and_as_a_form_is_refused() {
    for inner in
        ["&query=mutation{x}&", "&%71uery=x", "&Query=x", "&operationName=B", "&variables[a]=b", ";query=x"]
    {
        let body =
            json!({ "query": "query($n: String!) { project(id: $n) { id } }", "variables": { "n": inner } });
        assert_eq!(refused(request(FORM, body.to_string())), code::AMBIGUOUS_BODY, "{inner}");
    }
    // Under its own content type there is only one reading.
    let body = json!({ "query": "query($n: String!) { serviceDomainAvailable(domain: $n) { available } }", "variables": { "n": "a&query=b" } });
    judge(request(JSON, body.to_string())).unwrap();
}

#[test]
fn i2_every_part_of_a_batch_is_judged_and_the_batch_stays_one() {
    let read = json!({ "query": "{ me { id } }" });
    let delete = json!({ "query": format!("mutation {{ volumeDelete(volumeId: \"{VOLUME}\") }}") });
    let batch = request(JSON, json!([read, delete]).to_string());
    assert_eq!(operations(batch.clone()).len(), 2);
    assert_deletes_the_volume(batch.clone());
    assert!(judge(batch).unwrap().request.body.starts_with(b"["));
    for items in [json!([]), json!(vec![read.clone(); 11]), json!([read, [delete]]), json!([1])] {
        assert_eq!(refused(request(JSON, items.to_string())), code::BATCH, "{items}");
    }
}

#[test]
fn i10_a_document_that_is_not_sent_is_refused() {
    let hash = json!({ "persistedQuery": { "version": 1, "sha256Hash": "00" } });
    for body in [
        json!({ "extensions": hash }),
        json!({ "query": "{ me { id } }", "extensions": hash }),
        json!({ "documentId": "x" }),
        json!({ "query": "{ me { id } }", "id": "x" }),
        json!({ "doc_id": "1", "variables": {} }),
    ] {
        assert_eq!(refused(request(JSON, body.to_string())), code::PERSISTED_QUERY, "{body}");
    }
    let other = json!({ "query": "{ me { id } }", "extensions": { "trace": true } });
    assert_eq!(refused(request(JSON, other.to_string())), code::EXTENSIONS);
    let empty =
        json!({ "query": "{ me { id } }", "extensions": {}, "variables": null, "operationName": null });
    judge(request(JSON, empty.to_string())).unwrap();
}

#[test]
fn i11_i20_nothing_is_read_from_the_url() {
    let mut get = document("{ me { id } }");
    get.method = Method::GET;
    assert_eq!(refused(get.clone()), code::METHOD_REFUSED);
    get.query = Some("query=mutation%7BuserDelete%7D".to_owned());
    assert_eq!(refused(get), code::METHOD_REFUSED);
    let mut both = document("{ me { id } }");
    both.query = Some("query=mutation%7BuserDelete%7D".to_owned());
    assert_eq!(refused(both), code::QUERY_IN_URL);
    for path in ["/graphql", "/graphql/v2/", "/graphql/internal", "/", "/api/v1/agent"] {
        let mut other = document("{ me { id } }");
        other.path = path.to_owned();
        assert_eq!(refused(other), code::UNKNOWN_ENDPOINT);
    }
}

#[test]
fn i13_a_key_twice_or_a_look_alike_is_refused() {
    let read = "{ me { id } }";
    let delete = "mutation { userDelete }";
    for second in ["query", "\\u0071uery", "qu\\u0065ry"] {
        let body = format!(r#"{{"query":"{read}","{second}":"{delete}"}}"#);
        assert_eq!(refused(request(JSON, body)), code::DUPLICATE_KEY, "{second}");
    }
    for key in [
        "Query",
        "QUERY",
        "query ",
        "operationname",
        "OperationName",
        "variable\u{17f}",
        "_query",
        "mutation",
    ] {
        let body = json!({ "query": read, key: delete }).to_string();
        assert_eq!(refused(request(JSON, body)), code::UNKNOWN_KEY, "{key}");
    }
    let form = "query=%7Bme%7Bid%7D%7D&query=mutation%7BuserDelete%7D";
    assert_eq!(refused(request(FORM, form)), code::DUPLICATE_KEY);
    let nested = r#"{"query":"{ me { id } }","variables":{"a":1,"\u0061":2}}"#;
    assert_eq!(refused(request(JSON, nested)), code::DUPLICATE_KEY);
}

#[test]
fn i14_byte_order_marks_and_bytes_that_are_not_utf8_are_refused() {
    let marked = format!("\u{feff}{}", json!({ "query": "{ me { id } }" }));
    assert_eq!(refused(request(JSON, marked)), code::BYTE_ORDER_MARK);
    assert_eq!(refused(document("\u{feff}{ me { id } }")), code::BYTE_ORDER_MARK);
    let escaped = r#"{"query":"\ufeff{ me { id } }"}"#;
    assert_eq!(refused(request(JSON, escaped)), code::BYTE_ORDER_MARK);
    assert_eq!(refused(request(FORM, "query=%EF%BB%BF%7Bme%7Bid%7D%7D")), code::BYTE_ORDER_MARK);
    assert_eq!(refused(request(JSON, &b"{\"query\":\"\xff\"}"[..])), code::NOT_UTF8);
    let utf16: Vec<u8> = "{\"query\":\"{me{id}}\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused(request(JSON, utf16)), code::MALFORMED_BODY);
}

#[test]
fn bodies_that_are_too_large_or_empty_are_refused_before_they_are_parsed() {
    assert_eq!(refused(request(JSON, vec![b' '; 128 * 1024 + 1])), code::BODY_TOO_LARGE);
    assert_eq!(refused(request(JSON, "")), code::EMPTY_BODY);
    assert_eq!(refused(request(JSON, " \n")), code::EMPTY_BODY);
    let members = [
        (json!({ "query": 1 }), code::MALFORMED_BODY),
        (json!({}), code::MALFORMED_BODY),
        (json!({ "query": "{ me { id } }", "variables": "{}" }), code::MALFORMED_BODY),
        (json!({ "query": "{ me { id } }", "operationName": 1 }), code::MALFORMED_BODY),
    ];
    for (body, expected) in members {
        assert_eq!(refused(request(JSON, body.to_string())), expected, "{body}");
    }
    for form in ["query", "query=%7", "query=%zz", "query=%ff", "a=b&query=%7Bme%7Bid%7D%7D", "query=x&&"] {
        let code = refused(request(FORM, form));
        assert!(matches!(code, code::MALFORMED_BODY | code::UNKNOWN_KEY), "{form}: {code}");
    }
}
