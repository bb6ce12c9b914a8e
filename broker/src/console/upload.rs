//! A form with a file in it (`multipart/form-data`, RFC 7578), read strictly.

use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt, Limited};
use stint_api::Code;

use super::answer::Failure;
use super::parts::Fields;
use crate::app::Error;

/// Bytes of a whole form: the largest secret is 64 KiB, and a certificate may stand beside it.
const LIMIT: usize = 256 * 1024;
const PARTS: usize = 32;

/// The fields of a form; a file counts as a field with its content, or as an empty one where none was chosen.
pub(super) struct Upload(pub(super) Fields);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let wrong = |detail: &str| Failure(Error::new(Code::InvalidInput, detail));
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.filter(|kind| boundary(kind).is_some()).map(str::to_owned);
        let kind = kind.ok_or_else(|| wrong("the form is not multipart/form-data"))?;
        let bytes = Limited::new(request.into_body(), LIMIT).collect().await;
        let bytes = bytes.map_err(|_| wrong("the form is larger than 256 KiB or broke off"))?.to_bytes();
        uploaded(&kind, &bytes)
            .map(|fields| Upload(Fields(fields)))
            .ok_or_else(|| wrong("the form cannot be read, or holds a file that is not text"))
    }
}

/// Names and contents of a form of this content type, in order; `None` where it is not exactly such a form.
pub fn uploaded(kind: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    fields(body, &boundary(kind)?)
}

fn boundary(kind: &str) -> Option<String> {
    let (own, rest) = kind.split_once(';')?;
    if !own.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let text = rest.trim().strip_prefix("boundary=")?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=?".contains(c);
    ((1..=70).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
}

fn fields(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes())?;
    let delimiter = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    loop {
        if rest.strip_prefix(b"--").is_some_and(|end| end.is_empty() || end == b"\r\n") {
            return Some(fields);
        }
        if fields.len() >= PARTS {
            return None;
        }
        // A part without headers has no name.
        rest = rest.strip_prefix(b"\r\n")?;
        let (part, after) = cut(rest, delimiter.as_bytes())?;
        let (head, content) = cut(part, b"\r\n\r\n")?;
        fields.push((name(std::str::from_utf8(head).ok()?)?, String::from_utf8(content.to_vec()).ok()?));
        rest = after;
    }
}

/// The name in `Content-Disposition: form-data; name="secret"; filename="key.pem"`, whose first parameter it is.
fn name(head: &str) -> Option<String> {
    let value = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    })?;
    let rest = value.strip_prefix("form-data;")?.trim_start().strip_prefix("name=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}

fn cut<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = memchr::memmem::find(text, at)?;
    Some((text.get(..place)?, text.get(place + at.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nrailway\r\n\
        --x\r\nContent-Disposition: form-data; name=\"secret_file\"; filename=\"name=\"\r\nContent-Type: text/plain\r\n\r\na\r\n--y\r\n\r\nb\n\r\n--x--\r\n";

    #[test]
    fn fields_and_files_are_read() {
        let read = fields(BODY.as_bytes(), "x").unwrap();
        assert_eq!(
            read,
            [
                ("name".to_owned(), "railway".to_owned()),
                ("secret_file".to_owned(), "a\r\n--y\r\n\r\nb\n".to_owned())
            ]
        );
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\""), None);
        assert_eq!(
            boundary("multipart/form-data; boundary=----WebKitFormBoundaryA1").as_deref(),
            Some("----WebKitFormBoundaryA1")
        );
    }

    #[test]
    fn a_form_that_breaks_off_is_none() {
        for end in 0..BODY.len() - 2 {
            assert_eq!(fields(&BODY.as_bytes()[..end], "x"), None, "{end}");
        }
        for body in ["", "--x", "--x--junk", "--x\r\n\r\n\r\n--x--", "--y--"] {
            assert_eq!(fields(body.as_bytes(), "x"), None, "{body:?}");
        }
        let many =
            format!("{}--x--", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(40));
        assert_eq!(fields(many.as_bytes(), "x"), None);
        assert_eq!(boundary("application/x-www-form-urlencoded"), None);
    }
}
