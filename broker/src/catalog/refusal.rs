use std::fmt;

use stint_api::Code;

/// Why a request was not understood. `code` is stable and part of the contract; `detail` is for people and holds
/// nothing of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub detail: String,
}

impl Refusal {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Refusal { code, detail: detail.into() }
    }

    /// The problem that the gateway answers with: `not_understood` for a code that the tables do not list.
    pub fn problem(&self) -> Code {
        let listed = code::ALL.iter().find(|row| row.code == self.code);
        listed.map_or_else(|| graphql_problem(self.code), |row| row.problem)
    }
}

/// For the codes that only the GraphQL side has.
fn graphql_problem(text: &str) -> Code {
    use super::graphql::code;
    match text {
        code::EMPTY_BODY | code::BYTE_ORDER_MARK | code::MALFORMED_DOCUMENT | code::MALFORMED_ID => {
            Code::MalformedRequest
        }
        code::QUERY_IN_URL | code::DUPLICATE_KEY | code::DUPLICATE_NAME | code::MULTIPLE_OPERATIONS => {
            Code::AmbiguousRequest
        }
        _ => Code::NotUnderstood,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Refusal {}

/// The stable refusal codes. A code never changes its meaning; new ones may appear.
pub mod code {
    use stint_api::Code;

    /// One row of the table.
    #[derive(Debug, Clone, Copy)]
    pub struct Row {
        pub code: &'static str,
        pub problem: Code,
        /// One line for people.
        pub meaning: &'static str,
    }

    macro_rules! codes {
        ($($name:ident = $text:literal, $problem:ident, $meaning:literal;)*) => {
            $(#[doc = $meaning] pub const $name: &str = $text;)*
            pub const ALL: &[Row] = &[$(Row { code: $text, problem: Code::$problem, meaning: $meaning },)*];
        };
    }

    codes! {
        // The line and the address.
        MALFORMED_LINE = "malformed_line", MalformedRequest, "the line of JSON is not a request";
        NOT_HTTPS = "not_https", NotCanonical, "the URL does not start with https://";
        UNKNOWN_HOST = "unknown_host", NotCanonical, "the host is not exactly a host of the pack: lower case, no port, no user, no final dot";
        UNKNOWN_PACK = "unknown_pack", NotUnderstood, "no pack has this name";
        // Method and target.
        METHOD_REFUSED = "method_refused", MethodNotAllowed, "not one of GET HEAD POST PUT PATCH DELETE OPTIONS in upper case";
        METHOD_OVERRIDE = "method_override", AmbiguousRequest, "a header, query or body member asks for another method";
        TARGET_TOO_LONG = "target_too_long", NotCanonical, "path and query are longer than 8 KiB";
        MALFORMED_TARGET = "malformed_target", MalformedRequest, "the target does not start with '/', has a fragment, or holds bytes that no URL may hold";
        BAD_ESCAPE = "bad_escape", NotCanonical, "an escape is not '%' and two upper-case hexadecimal digits";
        NEEDLESS_ESCAPE = "needless_escape", NotCanonical, "a character is escaped that needs no escape";
        DOUBLE_ENCODING = "double_encoding", AmbiguousRequest, "an escape decodes to another escape";
        ENCODED_CONTROL = "encoded_control", NotCanonical, "a control character or NUL is escaped";
        ENCODED_DELIMITER = "encoded_delimiter", AmbiguousRequest, "a slash, backslash, semicolon, '?' or '#' is escaped where it could be read as the real one";
        NOT_UTF8 = "not_utf8", NotCanonical, "escapes do not decode to UTF-8";
        DOT_SEGMENT = "dot_segment", NotCanonical, "a path segment is '.' or '..', plain or escaped";
        EMPTY_SEGMENT = "empty_segment", NotCanonical, "a path segment is empty: '//' or a slash at the end";
        PATH_PARAMETER = "path_parameter", AmbiguousRequest, "there is a ';' in path or query";
        REPEATED_QUERY_KEY = "repeated_query_key", AmbiguousRequest, "a query key appears twice";
        // Headers and body.
        HEADERS_TOO_LARGE = "headers_too_large", HeadersTooLarge, "more than 100 headers or 64 KiB of them";
        MALFORMED_HEADER = "malformed_header", MalformedRequest, "a header name or value holds bytes that it may not hold";
        REPEATED_HEADER = "repeated_header", AmbiguousRequest, "a header appears twice that may appear once";
        AMBIGUOUS_FRAMING = "ambiguous_framing", AmbiguousRequest, "the length of the body is given in two ways or wrongly";
        HOST_MISMATCH = "host_mismatch", AmbiguousRequest, "the Host header is not the host of the URL";
        UPGRADE_REFUSED = "upgrade_refused", UpgradeRefused, "the connection is asked to become something else";
        EXPECTATION_REFUSED = "expectation_refused", MalformedRequest, "an Expect header is not 100-continue";
        ENCODED_BODY = "encoded_body", NotCanonical, "the body has a content coding";
        CHARSET_REFUSED = "charset_refused", AmbiguousRequest, "the content type has a charset other than UTF-8, or cannot be read";
        BODY_REFUSED = "body_refused", AmbiguousRequest, "this method takes no body";
        BODY_TOO_LARGE = "body_too_large", BodyTooLarge, "the body is larger than what is read of it, and its members decide";
        MALFORMED_BODY = "malformed_body", MalformedRequest, "the body is not strict JSON: malformed, or a member appears twice";
        AMBIGUOUS_BODY = "ambiguous_body", AmbiguousRequest, "the body can be read in two ways";
        // The meaning.
        UNKNOWN_OPERATION = "unknown_operation", UnknownOperation, "the pack does not know this method and path";
        BAD_PARAMETER = "bad_parameter", NotCanonical, "a path parameter is not in the one form that this resource has";
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Refusal, code};

    #[test]
    fn malformed_and_ambiguous_requests_are_400_and_unknown_ones_403() {
        for (code, status) in [
            (code::DOUBLE_ENCODING, 400),
            (code::MALFORMED_BODY, 400),
            (code::HEADERS_TOO_LARGE, 431),
            (code::METHOD_REFUSED, 405),
            ("duplicate_key", 400),
            ("body_too_large", 413),
            ("persisted_query", 403),
            (code::UNKNOWN_OPERATION, 403),
            ("never_heard_of", 403),
        ] {
            assert_eq!(Refusal::new(code, "").problem().status(), status, "{code}");
        }
        assert_eq!(Refusal::new("never_heard_of", "").problem(), Code::NotUnderstood);
    }
}
