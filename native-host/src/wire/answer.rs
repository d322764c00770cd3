//! What the host says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::CHUNK;

/// `hello`: the version chosen.
pub fn hello(id: u64, protocol: u32, features: &[&str]) -> Value {
    json!({
        "type": "hello",
        "id": id,
        "protocol": protocol,
        "host": env!("CARGO_PKG_VERSION"),
        "features": features,
    })
}

/// `progress`: work goes on.
pub fn progress(id: u64, stage: &str, done: Option<u64>, total: Option<u64>) -> Value {
    let mut fields = Map::new();
    fields.insert("type".into(), json!("progress"));
    fields.insert("id".into(), json!(id));
    fields.insert("stage".into(), json!(stage));
    for (name, number) in [("done", done), ("total", total)] {
        if let Some(number) = number {
            fields.insert(name.into(), json!(number));
        }
    }
    Value::Object(fields)
}

/// The chunks of an answer's body, in order.
pub fn chunks(id: u64, body: &[u8]) -> impl Iterator<Item = Value> + '_ {
    (0..).zip(body.chunks(CHUNK)).map(move |(seq, piece)| chunk(id, seq, piece))
}

/// One chunk.
pub fn chunk(id: u64, seq: u64, piece: &[u8]) -> Value {
    json!({ "type": "chunk", "id": id, "seq": seq, "data": STANDARD.encode(piece) })
}

/// `result`: the good end of a request.
pub fn result(id: u64, mut fields: Map<String, Value>, body_length: Option<usize>) -> Value {
    fields.insert("type".into(), json!("result"));
    fields.insert("id".into(), json!(id));
    if let Some(length) = body_length {
        fields.insert("body_length".into(), json!(length));
    }
    Value::Object(fields)
}

/// `error`: the other end of a request. `failure` has at least `code` and `message`.
pub fn error(id: u64, failure: Value) -> Value {
    let mut fields = match failure {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("type".into(), json!("error"));
    fields.insert("id".into(), json!(id));
    Value::Object(fields)
}
