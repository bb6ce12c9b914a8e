use serde_json::{Map, Value};

use crate::catalog::refusal::{Refusal, code};

/// One JSON-RPC 2.0 message from a client.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// A request, or a notification where there is no id.
    Call { method: String, params: Map<String, Value> },
    /// To a request of the server's: an error or an empty object, or more than that.
    Answer { empty: bool },
}

impl Message {
    pub fn parse(value: Value) -> Result<Self, Refusal> {
        let Value::Object(mut members) = value else { return Err(wrong("a message is not an object")) };
        let known = ["jsonrpc", "id", "method", "params", "result", "error"];
        if members.keys().any(|key| !known.contains(&key.as_str())) {
            return Err(wrong("a message has a member that JSON-RPC does not know"));
        }
        if members.get("jsonrpc") != Some(&Value::from("2.0")) {
            return Err(wrong("a message is not of JSON-RPC 2.0"));
        }
        match members.get("id") {
            None | Some(Value::String(_)) => {}
            Some(Value::Number(number)) if number.is_i64() => {}
            Some(_) => return Err(wrong("the id of a message is a text or a whole number")),
        }
        let answers = members.contains_key("result") || members.contains_key("error");
        match members.remove("method") {
            Some(Value::String(method)) if !answers => {
                let params = match members.remove("params") {
                    None => Map::new(),
                    Some(Value::Object(params)) => params,
                    Some(_) => return Err(wrong("the parameters of a message are not an object")),
                };
                Ok(Message::Call { method, params })
            }
            None if answers && members.contains_key("id") && !members.contains_key("params") => {
                let empty = match (members.get("result"), members.get("error")) {
                    (Some(Value::Object(result)), None) => result.is_empty(),
                    (None, Some(Value::Object(_))) => true,
                    (Some(_), None) => false,
                    _ => return Err(wrong("an answer has a result or an error")),
                };
                Ok(Message::Answer { empty })
            }
            _ => Err(wrong("a message is neither a call nor an answer")),
        }
    }

    pub fn params(&self) -> &Map<String, Value> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self {
            Message::Call { params, .. } => params,
            Message::Answer { .. } => &NONE,
        }
    }

    /// Name and arguments of the tool that is called.
    pub fn tool(&self) -> Result<(&str, &Map<String, Value>), Refusal> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let params = self.params();
        if params.keys().any(|key| !matches!(key.as_str(), "name" | "arguments" | "_meta")) {
            return Err(wrong("a call of a tool has a parameter that is not known"));
        }
        let Some(Value::String(name)) = params.get("name") else {
            return Err(wrong("a call of a tool does not name it"));
        };
        match params.get("arguments") {
            None => Ok((name, &NONE)),
            Some(Value::Object(arguments)) => Ok((name, arguments)),
            Some(_) => Err(wrong("the arguments of a tool are not an object")),
        }
    }
}

fn wrong(detail: &str) -> Refusal {
    Refusal::new(code::MALFORMED_BODY, detail)
}
