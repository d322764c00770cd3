//! The keys held, as the wire's `keys` and `dane-smime key list --json` show them.

use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::keys::{HeldKey, KeyError, KeyFacts, KeyStore};

/// One row for each key. Needs no keyring.
///
/// # Errors
/// As [`KeyStore::facts`].
pub fn rows(store: &KeyStore, now: UnixTime) -> Result<Vec<Value>, KeyError> {
    Ok(store.facts(now)?.iter().map(row_of_facts).collect())
}

/// One key.
pub fn row(key: &HeldKey) -> Value {
    row_of_facts(&key.into())
}

/// The same, of its facts.
pub fn row_of_facts(key: &KeyFacts) -> Value {
    json!({
        "address": key.address.to_string(),
        "addresses": key.serves().map(ToString::to_string).collect::<Vec<_>>(),
        "sha256": key.sha256.to_string(),
        "algorithm": key.algorithm,
        "not_before": key.not_before.to_string(),
        "not_after": key.not_after.to_string(),
        "can_sign": key.can_sign,
        "can_encrypt": key.can_encrypt,
        "selected_sign": key.selected_sign,
        "selected_encrypt": key.selected_encrypt,
        "retired": key.retired,
        "token": key.token,
    })
}
