//! Protecting mail for its recipients: who they are, whether each can be encrypted to, and which
//! of the sender's keys serve. Used by the wire's `protect` and by `dane-smime protect`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Engine;
use super::failure::dns as words;
use super::recipients::{find_all, recipient_state};
use super::{Code, Failure};
use crate::clock::UnixTime;
use crate::keys::SigningKey;
use crate::message::outgoing::{Plan, Protected, SigningIdentity, protect_entity, protect_message};
use crate::mime::EmailAddress;
use crate::x509::Certificate;

/// What the sender asks for.
pub struct Wish {
    /// The sender.
    pub from: EmailAddress,
    /// Everybody whom a reader of the mail may see named in its envelope.
    pub recipients: Vec<EmailAddress>,
    /// Whether to sign.
    pub sign: bool,
    /// Whether to encrypt.
    pub encrypt: bool,
}

/// Everything that is needed, found and proven.
pub struct Prepared {
    signer: Option<SigningKey>,
    encrypt_to: Vec<Certificate>,
    addresses: Vec<EmailAddress>,
    sign_time: UnixTime,
}

/// Parses addresses as a user or an add-on gives them.
///
/// # Errors
/// `invalid-address`, naming the first bad one.
pub fn parse_addresses(texts: &[String]) -> Result<Vec<EmailAddress>, Failure> {
    texts.iter().map(|text| parse_address(text)).collect()
}

/// Parses one address.
///
/// # Errors
/// `invalid-address`.
pub fn parse_address(text: &str) -> Result<EmailAddress, Failure> {
    EmailAddress::parse(text).map_err(|error| {
        Failure::new(Code::InvalidAddress, format!("“{text}” is not a mail address: {error}."))
            .with("address", json!(text))
    })
}

/// Finds the sender's keys and every recipient's certificates. The sender always gets a copy that
/// they can read.
///
/// # Errors
/// `recipient-without-certificate` with all who stand in the way; `no-own-certificate`,
/// `no-signing-key`, and what the keyring says.
pub fn prepare(engine: &Engine, wish: &Wish, deadline: Duration) -> Result<Prepared, Failure> {
    if !wish.sign && !wish.encrypt {
        let words = "Neither signing nor encrypting was asked for.";
        return Err(Failure::new(Code::BadRequest, words));
    }
    let now = engine.now();
    let mut encrypt_to = Vec::new();
    let mut addresses = BTreeSet::new();
    if wish.encrypt {
        encrypt_to = engine.keys().own_certificates_for(&wish.from, now)?;
        addresses.insert(wish.from.clone());
        let others: BTreeSet<_> = wish.recipients.iter().filter(|a| **a != wish.from).cloned().collect();
        let others: Vec<_> = others.into_iter().collect();
        encrypt_to.extend(certificates_of(engine, &others, deadline)?);
        addresses.extend(others);
    }
    // The key is unsealed last: a locked keyring is not asked about when nothing will be made.
    let signer = if wish.sign { Some(engine.keys().signer_for(&wish.from, now)?) } else { None };
    Ok(Prepared { signer, encrypt_to, addresses: addresses.into_iter().collect(), sign_time: now })
}

/// All or nothing: mail is encrypted to every recipient or not sent.
fn certificates_of(
    engine: &Engine,
    addresses: &[EmailAddress],
    deadline: Duration,
) -> Result<Vec<Certificate>, Failure> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let directory = engine.directory()?;
    let findings = find_all(&*directory, addresses, engine.now(), deadline);
    let mut found = Vec::new();
    let mut in_the_way: Vec<Value> = Vec::new();
    for (address, finding) in addresses.iter().zip(findings) {
        match finding {
            Ok(finding) if recipient_state(&finding) == "ready" => {
                found.extend(finding.encryption_certificates().cloned());
            }
            Ok(finding) => in_the_way.push(json!({
                "address": address.to_string(),
                "status": finding.status().word(),
                "reason": words::reason(&finding),
            })),
            Err(_) => in_the_way.push(json!({
                "address": address.to_string(),
                "status": "absent",
                "reason": "The domain of this address is too long to hold certificates in the DNS.",
            })),
        }
    }
    if in_the_way.is_empty() { Ok(found) } else { Err(refusal(in_the_way)) }
}

fn refusal(in_the_way: Vec<Value>) -> Failure {
    let names: Vec<&str> = in_the_way.iter().filter_map(|r| r.get("address")?.as_str()).collect();
    let words = format!(
        "There is no certificate that may be used for {}. Nothing was sent: remove them, or decide \
         whether the mail may go unencrypted.",
        names.join(", ")
    );
    Failure::new(Code::RecipientWithoutCertificate, words).with("recipients", Value::Array(in_the_way))
}

impl Prepared {
    /// Protects an entity.
    ///
    /// # Errors
    /// What the layer beneath says.
    pub fn entity(&self, entity: &[u8]) -> Result<Protected, Failure> {
        self.with_plan(|plan, unique| Ok(protect_entity(entity, plan, unique)?))
    }

    /// Protects a whole message.
    ///
    /// # Errors
    /// What the layer beneath says.
    pub fn message(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.with_plan(|plan, unique| Ok(protect_message(message, plan, unique)?))
    }

    /// The addresses encrypted to, the sender's included.
    pub fn addresses(&self) -> &[EmailAddress] {
        &self.addresses
    }

    /// Whether the result is signed.
    pub fn signs(&self) -> bool {
        self.signer.is_some()
    }

    /// Whether the result is encrypted.
    pub fn encrypts(&self) -> bool {
        !self.encrypt_to.is_empty()
    }

    fn with_plan<T>(&self, make: impl FnOnce(Plan<'_>, &str) -> Result<T, Failure>) -> Result<T, Failure> {
        let unique = unique_boundary()?;
        let recipients: Vec<&Certificate> = self.encrypt_to.iter().collect();
        let identity = self.signer.as_ref().map(|signer| SigningIdentity {
            certificate: &signer.certificate,
            chain: &signer.chain,
            key: signer.private.pkey(),
            at: self.sign_time,
        });
        let plan = match (&identity, recipients.is_empty()) {
            (Some(identity), true) => Plan::Sign(identity),
            (Some(identity), false) => Plan::SignAndEncrypt(identity, &recipients),
            (None, _) => Plan::Encrypt(&recipients),
        };
        make(plan, &unique)
    }
}

/// 16 octets from OpenSSL's generator: a boundary that no content holds but by design.
fn unique_boundary() -> Result<String, Failure> {
    let mut octets = [0_u8; 16];
    openssl::rand::rand_bytes(&mut octets)
        .map_err(|_| Failure::new(Code::CryptoFailed, "The machine gives no random numbers."))?;
    Ok(format!("=_dane_{}", hex::encode(octets)))
}
