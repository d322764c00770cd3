//! What the verdict rests on, for those who want to know more: layers, record, DNSSEC, certificate,
//! history, header fields. For display; nothing is to be concluded from it that the verdict does not
//! say.

use serde_json::{Value, json};

use super::failure::dns as words;
use super::verdict;
use crate::cms::Placement;
use crate::directory::Finding;
use crate::message::verdict::Signature;
use crate::message::{Layer, Opened, Verdict};
use crate::mime::protected::Intent;
use crate::smimea::SmimeaRecord;
use crate::trust::Recollection;
use crate::x509::Certificate;

/// `{"layers":[…],"record":…,"dnssec":…,"certificate":…,"history":…,"headers":…}`.
pub fn to_json(opened: &Opened) -> Value {
    let signed = !matches!(opened.verdict.signature, Signature::None);
    let finding = opened.finding.as_deref();
    json!({
        "layers": opened.layers.iter().map(layer).collect::<Vec<_>>(),
        "record": finding.and_then(|finding| record(&opened.verdict, finding)),
        "dnssec": finding.map(words::facts),
        "dns": finding.map(|finding| json!({
            "owner_name": finding.owner_name.to_string(),
            "status": finding.status().word(),
            "reason": words::reason(finding),
        })),
        "certificate": verdict::signer(&opened.verdict).map(|signer| certificate(&signer.certificate)),
        "history": signed.then(|| history(&opened.verdict.history)),
        "headers": headers(opened),
    })
}

fn layer(layer: &Layer) -> Value {
    match layer {
        Layer::Compressed => json!({ "type": "compressed-data" }),
        Layer::Encrypted { algorithm, authenticated, recipients } => json!({
            "type": if *authenticated { "auth-enveloped-data" } else { "enveloped-data" },
            "algorithm": algorithm, "recipients": recipients,
        }),
        Layer::Other => json!({ "type": "other" }),
        Layer::Signed { placement, intact, algorithms } => json!({
            "type": match placement {
                Placement::Detached => "multipart-signed",
                Placement::Embedded => "signed-data",
            },
            "algorithm": algorithms.first(), "algorithms": algorithms, "intact": intact,
        }),
    }
}

/// The record that made the signature valid.
fn record(verdict: &Verdict, finding: &Finding) -> Option<Value> {
    let Signature::Valid { record: Some(record), .. } = &verdict.signature else { return None };
    let SmimeaRecord { usage, selector, matching, ttl, .. } = record;
    Some(json!({
        "owner_name": finding.owner_name.to_string(),
        "usage": usage, "selector": selector, "matching": matching, "ttl": ttl,
    }))
}

fn certificate(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "serial": certificate.serial(),
        "addresses": certificate.email_addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "key": certificate.key_algorithm().to_string(),
        "sha256": certificate.sha256().to_string(),
    })
}

/// `first_seen`: when this very mail was first proven, and by what. `certificate_seen`: when the
/// signer's certificate was last proven for the sender, by whatever mail. `replaced`: whether another
/// certificate was proven for the sender later.
fn history(known: &Recollection) -> Value {
    json!({
        "first_seen": known.this.map(|(at, _)| at.to_string()),
        "binding": known.this.map(|(_, binding)| binding.word()),
        "certificate_seen": known.certificate.map(|at| at.to_string()),
        "replaced": known.replaced,
    })
}

fn headers(opened: &Opened) -> Value {
    let protected = opened.protected.as_ref();
    json!({
        "protection": protected.map(|protected| match protected.intent {
            Intent::Cipher => "cipher",
            Intent::Clear => "clear",
            Intent::Old => "v1",
        }),
        "protected": protected.map(|protected| &*protected.fields).unwrap_or_default(),
        "hidden": opened.verdict.hidden_fields,
    })
}
