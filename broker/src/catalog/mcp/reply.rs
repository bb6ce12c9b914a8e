use http::Method;
use serde_json::{Value, json};

use crate::catalog::reply::Asked;

/// How a refusal is told to an MCP client: an error for each request of the body that has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    ids: Vec<Value>,
    batch: bool,
}

/// Of those that JSON-RPC leaves to servers.
const REFUSED: i64 = -32003;

impl Reply {
    /// `None` where nobody waits for an answer.
    pub fn to(asked: &Asked<'_>) -> Option<Reply> {
        if *asked.method != Method::POST || asked.partial {
            return None;
        }
        let body: Value = serde_json::from_slice(asked.body).ok()?;
        let batch = body.is_array();
        let messages = if let Value::Array(all) = body { all } else { vec![body] };
        let id = |message: Value| {
            let id = message.get("id").filter(|id| id.is_string() || id.is_i64())?;
            message.get("method").map(|_| id.clone())
        };
        let ids: Vec<Value> = messages.into_iter().take(50).filter_map(id).collect();
        (!ids.is_empty()).then_some(Reply { ids, batch })
    }

    /// `data` is the problem document.
    pub fn body(&self, message: &str, data: &Value) -> Vec<u8> {
        let error = json!({ "code": REFUSED, "message": message, "data": data });
        let mut all = self.ids.iter().map(|id| json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        let body = if self.batch { all.collect() } else { all.next().unwrap_or_default() };
        body.to_string().into_bytes()
    }
}
