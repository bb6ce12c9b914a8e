//! What an agent says for itself, to the person who may have to decide. Nothing here is believed.

use http::HeaderMap;
use percent_encoding::percent_decode;
use stint_api::{Code, HEADER_REASON};

use super::send::placeholders;
use super::{App, Error, LiveSession, Result};
use crate::catalog::Parts;

/// Characters that are kept.
const MOST: usize = 500;

impl App {
    /// The reason that came with a request, if any. A credential in it is refused like one anywhere else.
    pub fn reason(&self, session: &LiveSession, headers: &HeaderMap) -> Result<Option<String>> {
        let mut values = headers.get_all(HEADER_REASON).iter();
        let (value, None) = (values.next(), values.next()) else {
            return Err(Error::new(Code::AmbiguousRequest, "there is more than one Stint-Reason header"));
        };
        let Some(reason) = value.map(|value| decoded(value.as_bytes())).filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        // The header as sent is searched with the others; what its escapes say is searched here.
        let none = HeaderMap::new();
        let parts = Parts { headers: &none, path: "", query: None, body: reason.as_bytes() };
        match self.packs().catalog.carried(&parts, &placeholders(session)).foreign.first() {
            Some(foreign) => Err(self.foreign(session, foreign)),
            None => Ok(Some(reason.chars().take(MOST).collect())),
        }
    }
}

fn decoded(bytes: &[u8]) -> String {
    percent_decode(bytes).decode_utf8_lossy().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn escapes_are_undone_and_what_is_no_text_is_marked() {
        assert_eq!(decoded(b" the cache is 100% full "), "the cache is 100% full");
        assert_eq!(decoded("der %C3%BCberfl%C3%BCssige Rest".as_bytes()), "der überflüssige Rest");
        assert_eq!(decoded(b"a%FFb"), "a\u{FFFD}b");
    }
}
