//! The stable refusal codes of this room. A code never changes its meaning; new ones may appear.

use stint_api::Code;

pub use crate::catalog::refusal::code::BODY_TOO_LARGE;

macro_rules! codes {
    ($($name:ident = $text:literal, $problem:ident, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*
        /// Code, the problem that the gateway answers with, and one line for people.
        pub const ALL: &[(&str, Code, &str)] = &[$(($text, Code::$problem, $meaning),)*];
    };
}

codes! {
    // The envelope.
    METHOD_REFUSED = "method_refused", MethodNotAllowed, "a document travels by POST: what a GET means, two servers can read in two ways";
    UNKNOWN_ENDPOINT = "unknown_endpoint", UnknownOperation, "the path is not one of the pack's GraphQL endpoints";
    QUERY_IN_URL = "query_in_url", AmbiguousRequest, "the URL has a query string, which could replace what the body says";
    ENCODED_BODY = "encoded_body", NotCanonical, "the body has a content coding";
    CHARSET_REFUSED = "charset_refused", AmbiguousRequest, "the content type has a charset other than UTF-8, or cannot be read";
    UNKNOWN_CONTENT_TYPE = "unknown_content_type", NotUnderstood, "the body is not in a form that carries a GraphQL document";
    MULTIPART = "multipart", NotUnderstood, "multipart bodies are not judged";
    EMPTY_BODY = "empty_body", MalformedRequest, "there is no body";
    NOT_UTF8 = "not_utf8", MalformedRequest, "the body is not UTF-8";
    BYTE_ORDER_MARK = "byte_order_mark", AmbiguousRequest, "there is a byte order mark, which some readers skip and others do not";
    MALFORMED_BODY = "malformed_body", MalformedRequest, "the body is not strict JSON, or not a strict form";
    DUPLICATE_KEY = "duplicate_key", AmbiguousRequest, "a JSON object or form has a key twice";
    UNKNOWN_KEY = "unknown_key", AmbiguousRequest, "the body has a member other than query, variables, operationName and an empty extensions";
    AMBIGUOUS_BODY = "ambiguous_body", AmbiguousRequest, "the body can be read in two ways";
    PERSISTED_QUERY = "persisted_query", NotUnderstood, "the document is named by a hash or id instead of being sent";
    EXTENSIONS = "extensions", NotUnderstood, "protocol extensions are not judged";
    BATCH = "batch", NotUnderstood, "a batch is empty, too long, or holds something that is not a request";
    // The document.
    MALFORMED_DOCUMENT = "malformed_document", MalformedRequest, "the document is not GraphQL";
    TOO_COMPLEX = "too_complex", NotUnderstood, "the document has too many tokens, selections, levels or operations to be judged";
    NOT_EXECUTABLE = "not_executable", MalformedRequest, "the document defines types or has no operation";
    DUPLICATE_NAME = "duplicate_name", AmbiguousRequest, "two operations, fragments, variables or arguments have one name";
    MULTIPLE_OPERATIONS = "multiple_operations", AmbiguousRequest, "there are several operations and the request does not say which one";
    UNKNOWN_OPERATION_NAME = "unknown_operation_name", MalformedRequest, "operationName is not the name of an operation of the document";
    UNKNOWN_FRAGMENT = "unknown_fragment", MalformedRequest, "a fragment is used that the document does not define";
    FRAGMENT_CYCLE = "fragment_cycle", MalformedRequest, "a fragment uses itself";
    UNKNOWN_DIRECTIVE = "unknown_directive", NotUnderstood, "a directive other than @include and @skip, or one of these used wrongly";
    // The meaning.
    UNKNOWN_OPERATION = "unknown_operation", UnknownOperation, "the pack does not know this root field";
    UNKNOWN_ARGUMENT = "unknown_argument", NotUnderstood, "the pack does not know this argument or input field";
    UNKNOWN_FIELD = "unknown_field", NotUnderstood, "the pack does not know this nested field";
    UNKNOWN_TYPE = "unknown_type", NotUnderstood, "the pack does not know this type, or it cannot stand here";
    UNKNOWN_VARIABLE = "unknown_variable", MalformedRequest, "a variable is used that the operation does not declare";
    MISSING_ARGUMENT = "missing_argument", MalformedRequest, "an argument or input field that is required is missing or null";
    INVALID_VALUE = "invalid_value", MalformedRequest, "a value is not of the type that its place has";
    MALFORMED_ID = "malformed_id", NotCanonical, "an id is empty, too long, or holds characters that no id has";
}
