//! JSON that can be read in one way only.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::code;
use crate::catalog::Refusal;

/// Parses strict JSON (RFC 8259) and refuses a key that stands twice in one object, however it is escaped.
///
/// What readers do with a repeated key differs (RFC 8259 s4), so there is no safe meaning to choose.
pub(super) fn parse(text: &str) -> Result<Value, Refusal> {
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(value)) => Ok(value),
        Err(error) if error.to_string().starts_with(DUPLICATE) => {
            Err(Refusal::new(code::DUPLICATE_KEY, "a JSON object has a key twice"))
        }
        Err(error) => Err(Refusal::new(
            code::MALFORMED_BODY,
            format!("not strict JSON at line {}, column {}", error.line(), error.column()),
        )),
    }
}

const DUPLICATE: &str = "repeated key";

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if map.insert(key, value).is_some() {
                return Err(de::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i13_a_key_twice_is_refused_at_any_depth_and_however_escaped() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"b":{"c":1,"\u0063":1}}]}"#] {
            assert_eq!(parse(text).unwrap_err().code, code::DUPLICATE_KEY, "{text}");
        }
    }

    #[test]
    fn what_is_not_strict_json_is_refused() {
        for text in [
            "",
            "{",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":1} {}",
            "NaN",
            "01",
            "\"\\ud800\"",
            "\"\u{1}\"",
            "// x\n1",
        ] {
            assert_eq!(parse(text).unwrap_err().code, code::MALFORMED_BODY, "{text}");
        }
        assert_eq!(parse(&"[".repeat(100_000)).unwrap_err().code, code::MALFORMED_BODY);
    }
}
