//! The keys held, as the wire's `keys` and `dane-smime key list --json` show them.

use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::keys::{HeldKey, KeyError, KeyStore};

/// One row for each key. Needs no keyring.
///
/// # Errors
/// As [`KeyStore::list`].
pub fn rows(store: &KeyStore, now: UnixTime) -> Result<Vec<Value>, KeyError> {
    Ok(store.list(now)?.iter().map(row).collect())
}

/// One key.
pub fn row(key: &HeldKey) -> Value {
    json!({
        "address": key.address.to_string(),
        "sha256": key.certificate.sha256().to_string(),
        "algorithm": key.certificate.key_algorithm().to_string(),
        "not_before": key.certificate.not_before().to_string(),
        "not_after": key.certificate.not_after().to_string(),
        "can_sign": key.certificate.can_sign(),
        "can_encrypt": key.certificate.can_encrypt(),
        "selected_sign": key.selected_sign,
        "selected_encrypt": key.selected_encrypt,
        "retired": key.retired,
    })
}
