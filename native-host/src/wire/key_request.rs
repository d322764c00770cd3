//! What the add-on asks about the user's own keys: making, choosing, publishing them, and the
//! host's settings. No field of these holds a secret: passwords are asked for by the host.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::{Nothing, RequestError, read};

/// What to do with keys.
#[derive(Debug)]
pub enum KeyCall {
    /// How each account stands.
    Accounts(Accounts),
    /// All keys into one file.
    Backup(Asking),
    /// Compare what the DNS serves with the keys held.
    Check(OneAddress),
    /// Change the host's settings.
    Configure(Configure),
    /// Destroy a key.
    Delete(OneKey),
    /// A key as PKCS#12.
    Export(Export),
    /// Make a key.
    Generate(Generate),
    /// Take over a key from a file.
    Import(Import),
    /// Take the certificate in that an authority made.
    Install,
    /// Put the records into the DNS with `nsupdate`.
    Publish(Publish),
    /// The lines that publish a certificate.
    Record(Record),
    /// Make a key and a certificate request.
    Request(NewRequest),
    /// Keys out of a backup.
    Restore(Asking),
    /// Use a key for nothing new.
    Retire(OneKey),
    /// Choose the keys of an address.
    Select(Select),
    /// The host's settings.
    Settings,
}

/// Fields of `accounts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// The senders' addresses.
    pub addresses: Vec<String>,
    /// Whether to ask the DNS what is published.
    #[serde(default)]
    pub dns: bool,
}

/// Fields of `backup` and `restore`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// The words of the password window.
    #[serde(default)]
    pub prompt: Prompt,
}

/// Words for the window that asks for a password, in the user's language; what is left out is
/// said in English.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// What the password is for.
    pub description: Option<String>,
    /// Before the field.
    pub label: Option<String>,
    /// Before the second field of a new password.
    pub repeat: Option<String>,
    /// Said where the two differ.
    pub mismatch: Option<String>,
    /// Said where it is wrong.
    pub wrong: Option<String>,
}

/// Fields of `check`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneAddress {
    /// The address.
    pub address: String,
}

/// Fields of `delete` and `retire`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneKey {
    /// SHA-256 of the certificate, in hex.
    pub sha256: String,
}

/// Fields of `configure`: `null` takes a setting back, one that is left out stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// Where DNS questions go.
    #[serde(default, deserialize_with = "present")]
    pub resolver: Option<Option<String>>,
    /// A file of DNSSEC anchors.
    #[serde(default, deserialize_with = "present")]
    pub trust_anchor: Option<Option<String>>,
    /// A PEM file of certificate authorities.
    #[serde(default, deserialize_with = "present")]
    pub ca_file: Option<Option<String>>,
    /// Whether to try other spellings of an address.
    #[serde(default, deserialize_with = "present")]
    pub other_spellings: Option<Option<bool>>,
}

/// Fields of `export`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// SHA-256 of the certificate, in hex.
    pub sha256: String,
    /// So that old programs can read it.
    #[serde(default)]
    pub legacy: bool,
    /// The words of the password window.
    #[serde(default)]
    pub prompt: Prompt,
}

/// Fields of `generate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// The address that the certificate names.
    pub address: String,
    /// The name in it.
    #[serde(default)]
    pub name: Option<String>,
    /// `rsa-3072`, `p-256` …
    #[serde(default)]
    pub algorithm: Option<String>,
    /// For how many days it is valid.
    #[serde(default)]
    pub days: Option<u16>,
    /// Make the key that follows the one in use.
    #[serde(default)]
    pub next: bool,
    /// With `next`: after how many days the present one is retired.
    #[serde(default)]
    pub retire_after_days: Option<u16>,
}

/// Fields of `import`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Whose key it is; else the address that the certificate names.
    #[serde(default)]
    pub address: Option<String>,
    /// The words of the password window.
    #[serde(default)]
    pub prompt: Prompt,
}

/// Fields of `publish`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The address.
    pub address: String,
    /// The name server that takes updates, with a port if it is not 53; else the one in the
    /// settings, else the zone's own primary.
    #[serde(default)]
    pub server: Option<String>,
    /// The file of the TSIG key, on this computer; else the one in the settings.
    #[serde(default)]
    pub key_file: Option<String>,
    /// Take the records of retired keys away.
    #[serde(default)]
    pub remove_retired: bool,
}

/// Fields of `record`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The address.
    pub address: String,
    /// SHA-256 of a held certificate; else those in use and next.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// Fields of `request`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The address that the certificate is to name.
    pub address: String,
    /// The name to ask for.
    #[serde(default)]
    pub name: Option<String>,
    /// `rsa-3072`, `p-256` …
    #[serde(default)]
    pub algorithm: Option<String>,
}

/// Fields of `select`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The address to choose for.
    pub address: String,
    /// SHA-256 of the certificate to sign with.
    #[serde(default)]
    pub sign: Option<String>,
    /// SHA-256 of the certificate to encrypt own copies to.
    #[serde(default)]
    pub encrypt: Option<String>,
}

impl KeyCall {
    /// The types of these requests, in the order in which they are announced.
    pub const TYPES: [&'static str; 16] = [
        "accounts",
        "backup",
        "check",
        "configure",
        "delete",
        "export",
        "generate",
        "import",
        "install",
        "publish",
        "record",
        "request",
        "restore",
        "retire",
        "select",
        "settings",
    ];

    /// Reads the fields of a request of type `kind`; `None` if the type is none of these.
    pub(super) fn parse(
        kind: &str,
        id: u64,
        fields: Map<String, Value>,
    ) -> Result<Option<Self>, RequestError> {
        Ok(Some(match kind {
            "accounts" => Self::Accounts(read(id, fields)?),
            "backup" => Self::Backup(read(id, fields)?),
            "check" => Self::Check(read(id, fields)?),
            "configure" => Self::Configure(read(id, fields)?),
            "delete" => Self::Delete(read(id, fields)?),
            "export" => Self::Export(read(id, fields)?),
            "generate" => Self::Generate(read(id, fields)?),
            "import" => Self::Import(read(id, fields)?),
            "install" => read::<Nothing>(id, fields).map(|_| Self::Install)?,
            "publish" => Self::Publish(read(id, fields)?),
            "record" => Self::Record(read(id, fields)?),
            "request" => Self::Request(read(id, fields)?),
            "restore" => Self::Restore(read(id, fields)?),
            "retire" => Self::Retire(read(id, fields)?),
            "select" => Self::Select(read(id, fields)?),
            "settings" => read::<Nothing>(id, fields).map(|_| Self::Settings)?,
            _ => return Ok(None),
        }))
    }
}

/// Tells `null` from a field that is left out.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, fields: &str) -> Result<Option<KeyCall>, RequestError> {
        KeyCall::parse(kind, 1, serde_json::from_str(fields).unwrap())
    }

    #[test]
    fn every_announced_type_is_known_and_none_takes_what_it_does_not_know() {
        for kind in KeyCall::TYPES {
            assert!(!matches!(parse(kind, r#"{"passphrase": "x"}"#), Ok(Some(_) | None)), "{kind}");
        }
        assert!(matches!(parse("dance", "{}"), Ok(None)));
    }

    #[test]
    fn null_takes_a_setting_back_and_absence_leaves_it() {
        let Ok(Some(KeyCall::Configure(wish))) = parse("configure", r#"{"resolver": null}"#) else {
            panic!("no configure")
        };
        assert_eq!((wish.resolver, wish.ca_file), (Some(None), None));
    }
}
