//! Forms (`application/x-www-form-urlencoded`, WHATWG URL s5) with brackets, read as the members that they stand for.
//!
//! `a[b]=1&c[]=2&d[0][e]=3` is `{"a":{"b":"1"},"c":["2"],"d":{"0":{"e":"3"}}}`: every value is a text. A name twice, a name that is
//! a value and holds names, and brackets that do not close are refused, because providers read them in different ways.

use serde_json::{Map, Value};

use crate::catalog::refusal::{Refusal, code};

const DEPTH: usize = 16;
const FIELDS: usize = 4096;

pub(super) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    let malformed = |detail: &str| Refusal::new(code::MALFORMED_BODY, detail);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the form is not UTF-8"))?;
    // A byte order mark is part of the first name to one reader, and nothing to another.
    if text.starts_with('\u{feff}') || text.contains("%EF%BB%BF") {
        return Err(malformed("the form has a byte order mark"));
    }
    if text.contains(['\r', '\n', '\0']) {
        return Err(malformed("the form holds line ends"));
    }
    let mut root = Map::new();
    for (count, piece) in text.split('&').filter(|piece| !piece.is_empty()).enumerate() {
        if count >= FIELDS {
            return Err(malformed("the form has too many fields"));
        }
        let pair = form_urlencoded::parse(piece.as_bytes()).next();
        let (name, value) = pair.ok_or_else(|| malformed("a field of the form has no name"))?;
        // Bytes that are no text became one replacement letter, and two names could become one.
        if name.contains('\u{FFFD}') || name.contains('\0') {
            return Err(malformed("the name of a field is not UTF-8"));
        }
        let path = path(&name).ok_or_else(|| malformed("the brackets of a field's name do not match"))?;
        put(&mut root, &path, &value)?;
    }
    Ok(Value::Object(root))
}

/// `a[b][]` is `a`, `b`, and the empty text.
fn path(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = match name.find('[') {
        Some(at) => name.split_at_checked(at)?,
        None => (name, ""),
    };
    if first.is_empty() || first.contains(']') {
        return None;
    }
    let mut path = vec![first];
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
        if inner.contains('[') || path.len() >= DEPTH {
            return None;
        }
        path.push(inner);
        rest = after;
    }
    Some(path)
}

fn put(members: &mut Map<String, Value>, path: &[&str], value: &str) -> Result<(), Refusal> {
    let twice = || {
        Refusal::new(
            code::AMBIGUOUS_BODY,
            "a field of the form is there twice, or is both a value and a group",
        )
    };
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    match rest {
        [] => match members.insert((*name).to_owned(), Value::from(value)) {
            None => Ok(()),
            Some(_) => Err(twice()),
        },
        // `a[]`: one more of a list. Groups in such a list (`a[][b]`) are told apart by their order alone.
        [""] => match members.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => {
                items.push(Value::from(value));
                Ok(())
            }
            _ => Err(twice()),
        },
        ["", ..] => match members.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => {
                let mut group = Map::new();
                put(&mut group, rest.get(1..).unwrap_or_default(), value)?;
                items.push(Value::Object(group));
                Ok(())
            }
            _ => Err(twice()),
        },
        _ => match members.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => put(inner, rest, value),
            _ => Err(twice()),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::parse;

    #[test]
    fn brackets_are_members() {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        assert_eq!(
            read("a[b]=1&c[]=2&c[]=3&d[0][e]=x+y"),
            json!({"a":{"b":"1"},"c":["2","3"],"d":{"0":{"e":"x y"}}})
        );
        assert_eq!(read("a%5Bb%5D=1"), json!({"a":{"b":"1"}}));
        assert_eq!(read("items[][price]=p&items[][price]=q"), json!({"items":[{"price":"p"},{"price":"q"}]}));
        assert_eq!(read(""), json!({}));
        assert_eq!(read("a"), json!({"a":""}));
    }

    #[test]
    fn what_two_readers_read_differently_is_refused() {
        for text in [
            "a=1&a=2",
            "a=1&a[b]=2",
            "a[b]=1&a=2",
            "a[]=1&a[b]=2",
            "a[b=1",
            "a]=1",
            "[a]=1",
            "a[b]c=1",
            "%FF=1",
            "a%00=1",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = format!("a{}=1", "[b]".repeat(40));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse("a=1&".repeat(2).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body);
        }
    }
}
