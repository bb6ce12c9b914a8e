//! JSON that two readers cannot read differently (RFC 8259 s4, RFC 7493).
//!
//! Refuses what `serde_json` forgives: a member twice in one object, compared after unescaping, and nesting beyond a
//! bound. What it refuses by itself stays refused: trailing bytes, a byte order mark, bytes that are not UTF-8, lone
//! surrogates, comments. Integers beyond 64 bits become floats, so a caller that wants an integer asks for one.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Depth that suits tokens and small API bodies: `[]` has depth 1.
pub const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    #[error("not JSON")]
    Malformed,
    #[error("a member appears twice in one object")]
    DuplicateMember,
    #[error("nested too deeply")]
    TooDeep,
}

/// Parse one value and nothing after it but white space.
///
/// `max_depth` counts arrays and objects inside each other; beyond 126 `serde_json` itself refuses, as `Malformed`.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, Error> {
    let reason = Cell::new(Error::Malformed);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value =
        Node { depth: max_depth, reason: &reason }.deserialize(&mut json).map_err(|_| reason.get())?;
    json.end().map_err(|_| Error::Malformed)?;
    Ok(value)
}

/// One value; `depth` is how many more levels may open.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    /// What the failure was, since `serde_json`'s error carries only text.
    reason: &'a Cell<Error>,
}

impl<'a> Node<'a> {
    fn refuse<E: de::Error>(self, reason: Error) -> E {
        self.reason.set(reason);
        E::custom(reason)
    }

    fn deeper<E: de::Error>(self) -> Result<Node<'a>, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Node { depth, ..self }),
            None => Err(self.refuse(Error::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(Error::Malformed))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(self.refuse(Error::DuplicateMember));
            }
            map.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Error, MAX_DEPTH, parse};

    fn read(text: &str) -> Result<Value, Error> {
        parse(text.as_bytes(), MAX_DEPTH)
    }

    #[test]
    fn reads_what_json_is() {
        assert_eq!(
            read(r#" {"a":[1,-2,2.5,"\u0061",true,null,{}],"b":18446744073709551615} "#),
            Ok(json!({"a": [1, -2, 2.5, "a", true, null, {}], "b": u64::MAX}))
        );
    }

    #[test]
    fn a20_a_member_twice_is_refused_at_any_level_and_however_it_is_escaped() {
        for text in [
            r#"{"aud":1,"aud":1}"#,
            r#"{"aud":1,"\u0061ud":2}"#,
            r#"{"\u0061ud":1,"aud":2}"#,
            r#"{"a":{"b":[{"c":1,"\u0063":1}]}}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(read(text), Err(Error::DuplicateMember), "{text}");
        }
        assert!(read(r#"{"a":{"x":1},"b":{"x":1},"A":1}"#).is_ok());
    }

    #[test]
    fn a27_depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(Error::TooDeep));
        assert_eq!(read(&nested(100_000)), Err(Error::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(100_000)), Err(Error::TooDeep));
        assert!(parse(nested(100_000).as_bytes(), usize::MAX).is_err());
    }

    #[test]
    fn a28_other_encodings_are_refused() {
        assert_eq!(parse(b"\xef\xbb\xbf{}", MAX_DEPTH), Err(Error::Malformed));
        assert_eq!(parse(b"{\0}\0", MAX_DEPTH), Err(Error::Malformed));
        assert_eq!(parse(b"\xff\xfe{\0}\0", MAX_DEPTH), Err(Error::Malformed));
        assert_eq!(parse(b"{\"a\":\"\xff\"}", MAX_DEPTH), Err(Error::Malformed));
        assert_eq!(parse(b"{\"\xc0\xae\":1}", MAX_DEPTH), Err(Error::Malformed));
        for text in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#"{"\ud800":1}"#,
            "{} {}",
            "{},",
            "[1,]",
            "//\n{}",
            "NaN",
            "1e999",
            "",
        ] {
            assert_eq!(read(text), Err(Error::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_where_no_member_is_doubled(text in r#"[\[\]{}",:0-9a\\ ]{0,24}"#) {
            if let Ok(value) = read(&text) {
                prop_assert_eq!(Some(value), serde_json::from_str::<Value>(&text).ok());
            }
        }
    }
}
