//! The stable refusal codes of this room. A code never changes its meaning; new ones may appear.

macro_rules! codes {
    ($($name:ident = $text:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*
        /// Code and one line for people.
        pub const ALL: &[(&str, &str)] = &[$(($text, $meaning),)*];
    };
}

codes! {
    // The envelope.
    METHOD_REFUSED = "method_refused", "a document travels by POST: what a GET means, two servers can read in two ways";
    UNKNOWN_ENDPOINT = "unknown_endpoint", "the path is not one of the pack's GraphQL endpoints";
    QUERY_IN_URL = "query_in_url", "the URL has a query string, which could replace what the body says";
    ENCODED_BODY = "encoded_body", "the body has a content coding";
    CHARSET_REFUSED = "charset_refused", "the content type has a charset other than UTF-8, or cannot be read";
    UNKNOWN_CONTENT_TYPE = "unknown_content_type", "the body is not in a form that carries a GraphQL document";
    MULTIPART = "multipart", "multipart bodies are not judged";
    BODY_TOO_LARGE = "body_too_large", "the body is larger than 128 KiB";
    EMPTY_BODY = "empty_body", "there is no body";
    NOT_UTF8 = "not_utf8", "the body is not UTF-8";
    BYTE_ORDER_MARK = "byte_order_mark", "there is a byte order mark, which some readers skip and others do not";
    MALFORMED_BODY = "malformed_body", "the body is not strict JSON, or not a strict form";
    DUPLICATE_KEY = "duplicate_key", "a JSON object or form has a key twice";
    UNKNOWN_KEY = "unknown_key", "the body has a member other than query, variables, operationName and an empty extensions";
    AMBIGUOUS_BODY = "ambiguous_body", "the body can be read in two ways";
    PERSISTED_QUERY = "persisted_query", "the document is named by a hash or id instead of being sent";
    EXTENSIONS = "extensions", "protocol extensions are not judged";
    BATCH = "batch", "a batch is empty, too long, or holds something that is not a request";
    // The document.
    MALFORMED_DOCUMENT = "malformed_document", "the document is not GraphQL";
    TOO_COMPLEX = "too_complex", "the document has too many tokens, selections, levels or operations to be judged";
    NOT_EXECUTABLE = "not_executable", "the document defines types or has no operation";
    DUPLICATE_NAME = "duplicate_name", "two operations, fragments, variables or arguments have one name";
    MULTIPLE_OPERATIONS = "multiple_operations", "there are several operations and the request does not say which one";
    UNKNOWN_OPERATION_NAME = "unknown_operation_name", "operationName is not the name of an operation of the document";
    UNKNOWN_FRAGMENT = "unknown_fragment", "a fragment is used that the document does not define";
    FRAGMENT_CYCLE = "fragment_cycle", "a fragment uses itself";
    UNKNOWN_DIRECTIVE = "unknown_directive", "a directive other than @include and @skip, or one of these used wrongly";
    // The meaning.
    UNKNOWN_OPERATION = "unknown_operation", "the pack does not know this root field";
    UNKNOWN_ARGUMENT = "unknown_argument", "the pack does not know this argument or input field";
    UNKNOWN_FIELD = "unknown_field", "the pack does not know this nested field";
    UNKNOWN_TYPE = "unknown_type", "the pack does not know this type, or it cannot stand here";
    UNKNOWN_VARIABLE = "unknown_variable", "a variable is used that the operation does not declare";
    MISSING_ARGUMENT = "missing_argument", "an argument or input field that is required is missing or null";
    INVALID_VALUE = "invalid_value", "a value is not of the type that its place has";
    MALFORMED_ID = "malformed_id", "an id is empty, too long, or holds characters that no id has";
}
