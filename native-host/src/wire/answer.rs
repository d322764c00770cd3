//! What the host says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::file_name::FileName;

/// `hello`: the version chosen, and where bodies may be handed over by a file, if anywhere.
pub fn hello(id: u64, protocol: u32, features: &[&str], bodies_folder: Option<&str>) -> Value {
    let mut hello = json!({
        "type": "hello",
        "id": id,
        "protocol": protocol,
        "host": env!("CARGO_PKG_VERSION"),
        "features": features,
    });
    if let (Some(folder), Some(fields)) = (bodies_folder, hello.as_object_mut()) {
        fields.insert("bodies_folder".into(), json!(folder));
    }
    hello
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

/// One chunk of the answer's body.
pub fn chunk(id: u64, seq: u64, piece: &[u8]) -> Value {
    json!({ "type": "chunk", "id": id, "seq": seq, "data": STANDARD.encode(piece) })
}

/// The body that belongs to a `result`.
#[derive(Clone, Copy, Debug)]
pub enum BodySent<'a> {
    /// There is none.
    Nothing,
    /// So many octets, in the chunks before it.
    Chunks(usize),
    /// So many octets, in this file of the folder for bodies.
    File(&'a FileName, usize),
}

/// `result`: the good end of a request.
pub fn result(id: u64, mut fields: Map<String, Value>, body: BodySent<'_>) -> Value {
    fields.insert("type".into(), json!("result"));
    fields.insert("id".into(), json!(id));
    match body {
        BodySent::Nothing => {}
        BodySent::Chunks(length) => {
            fields.insert("body_length".into(), json!(length));
        }
        BodySent::File(name, length) => {
            fields.insert("body_length".into(), json!(length));
            fields.insert("body_file".into(), json!(name.as_str()));
        }
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
