//! Protecting mail for its recipients: who they are, whether each can be encrypted to, and which
//! of the sender's keys serve. Used by the wire's `protect` and by `dane-smime protect`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Engine;
use super::failure::dns as words;
use super::failure::hindrance::Hindrance;
use super::recipients::{find_all_telling, recipient_state};
use super::{Code, Failure};
use crate::clock::UnixTime;
use crate::cms::{Reader, Recipient, SigningIdentity};
use crate::keys::{HeldKey, KeyError, KeyStore, SigningKey};
use crate::message::outgoing::{Made, Manner, Plan, Source, protect};
use crate::mime::EmailAddress;
use crate::mime::protecting::Hiding;
use crate::x509::{Capabilities, Capability, Certificate, Fingerprint};

/// What the sender asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The sender.
    pub from: EmailAddress,
    /// The certificate to sign with and to encrypt the sender's own copy to, where it must be a certain
    /// one; else the one that is selected.
    pub certificate: Option<Fingerprint>,
    /// Who is to read it.
    pub audience: Audience,
    /// What is done to it.
    pub layers: WishedLayers,
    /// Whether the signed text goes inside the object.
    pub opaque: bool,
    /// Whether the signature carries no certificates.
    pub nocerts: bool,
    /// Whether the whole message goes inside as `message/rfc822`.
    pub wrap: bool,
    /// Whether header fields go inside, and what is hidden outside.
    pub header_protection: Option<Hiding>,
}

/// Who is to read a mail.
#[derive(Clone, Debug)]
pub enum Audience {
    /// One blind recipient, and nobody else: not even the sender, whom the envelope would name.
    Blind(EmailAddress),
    /// The sender.
    Sender,
    /// The sender, and everybody whom the envelope may name.
    Named {
        /// Encrypted to.
        to: Vec<EmailAddress>,
        /// Not encrypted to, but nothing is made unless it could be: they get copies of their own.
        blind: Vec<EmailAddress>,
    },
}

/// What is done to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WishedLayers {
    /// Encrypt.
    Encrypt,
    /// Sign.
    Sign,
    /// Sign, then encrypt.
    SignAndEncrypt,
    /// Sign, encrypt, and sign the ciphertext.
    TripleWrap,
}

impl WishedLayers {
    /// From the switches of wire and command line.
    ///
    /// # Errors
    /// `bad-request` where nothing, or something contradictory, is asked for.
    pub fn from_switches(sign: bool, encrypt: bool, triple: bool) -> Result<Self, Failure> {
        match (sign, encrypt, triple) {
            (true, true, true) => Ok(Self::TripleWrap),
            (true, true, false) => Ok(Self::SignAndEncrypt),
            (true, false, false) => Ok(Self::Sign),
            (false, true, false) => Ok(Self::Encrypt),
            (false, false, false) => {
                Err(Failure::new(Code::BadRequest, "Neither signing nor encrypting was asked for."))
            }
            (_, _, true) => {
                let words = "Triple wrapping signs and encrypts: both must be asked for.";
                Err(Failure::new(Code::BadRequest, words))
            }
        }
    }

    /// Whether the text is signed.
    pub const fn signs(self) -> bool {
        !matches!(self, Self::Encrypt)
    }

    /// Whether it is encrypted.
    pub const fn encrypts(self) -> bool {
        !matches!(self, Self::Sign)
    }
}

/// Everything that is needed, found and proven.
pub struct Prepared {
    layers: WishedLayers,
    manner: Manner,
    with_certificates: bool,
    signer: Option<SigningKey>,
    /// What others are asked to encrypt to when they answer.
    reader: Option<HeldKey>,
    encrypt_to: Vec<Addressee>,
    blind: Vec<EmailAddress>,
    sign_time: UnixTime,
}

/// A certificate to encrypt to, whose it is, and what is known of its owner's program.
struct Addressee {
    address: EmailAddress,
    certificate: Certificate,
    known: Option<Capabilities>,
}

impl Addressee {
    fn recipient(&self) -> Recipient<'_> {
        Recipient { certificate: &self.certificate, known: self.known.as_ref() }
    }
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
/// they can read, but for the copies of blind recipients.
///
/// # Errors
/// `recipient-without-certificate` with all who stand in the way; `no-own-certificate`,
/// `no-signing-key`, `chosen-certificate-unusable`, and what the keyring says.
pub fn prepare(engine: &Engine, wish: &Wish, deadline: Duration) -> Result<Prepared, Failure> {
    prepare_telling(engine, engine.keys(), wish, deadline, &|_, _| true)
}

/// As [`prepare`], with the engine's keys that ask in another way; `told` hears how many recipients of how
/// many are known, and says whether anybody still waits.
///
/// # Errors
/// Also `cancelled`.
pub fn prepare_telling(
    engine: &Engine,
    keys: &KeyStore,
    wish: &Wish,
    deadline: Duration,
    told: &dyn Fn(usize, usize) -> bool,
) -> Result<Prepared, Failure> {
    let now = engine.now();
    let mut encrypt_to = Vec::new();
    let mut blind = Vec::new();
    if wish.layers.encrypts() {
        // Asked for even where the copy is for somebody else: who cannot read their own mail must not
        // find that out after half of the copies are gone.
        let own = keys.encrypting_keys_for(&wish.from, wish.certificate, now);
        let own = own.map_err(|error| no_own_key(error, wish.certificate))?;
        if !matches!(wish.audience, Audience::Blind(_)) {
            encrypt_to.extend(own.into_iter().map(|key| Addressee {
                address: wish.from.clone(),
                known: Some(reader(&key).reads()),
                certificate: key.certificate,
            }));
        }
        let everybody = match &wish.audience {
            Audience::Sender => BTreeSet::new(),
            Audience::Blind(address) => BTreeSet::from([address.clone()]),
            Audience::Named { to, blind: copies } => {
                let named: BTreeSet<_> = to.iter().chain([&wish.from]).collect();
                let unnamed: BTreeSet<_> = copies.iter().filter(|copy| !named.contains(copy)).collect();
                blind = unnamed.into_iter().cloned().collect();
                to.iter().chain(&blind).filter(|address| **address != wish.from).cloned().collect()
            }
        };
        let found = certificates_of(engine, &everybody, deadline, told)?;
        let named = found.into_iter().filter(|addressee| !blind.contains(&addressee.address));
        encrypt_to.extend(named);
    }
    // The key is opened last: nobody is asked for a keyring or a PIN when nothing will be made.
    let signer = if wish.layers.signs() {
        let signer = keys.signer_for(&wish.from, wish.certificate, now);
        Some(signer.map_err(|error| no_own_key(error, wish.certificate))?)
    } else {
        None
    };
    // Whoever has only a key to sign with says nothing about one to encrypt to.
    let reading = keys.encrypting_keys_for(&wish.from, wish.certificate, now);
    let reader = reading.ok().and_then(|keys| keys.into_iter().next()).filter(|_| wish.layers.signs());
    let manner = Manner {
        opaque: wish.opaque,
        wrap: wish.wrap,
        header_protection: wish.header_protection,
        legacy_display: encrypt_to.iter().any(|addressee| addressee.address != wish.from),
    };
    let (layers, with_certificates) = (wish.layers, !wish.nocerts);
    Ok(Prepared { layers, manner, with_certificates, signer, reader, encrypt_to, blind, sign_time: now })
}

fn reader(key: &HeldKey) -> Reader<'_> {
    Reader { certificate: &key.certificate, chain: &key.chain, on_token: key.token.is_some() }
}

/// Whoever fixed a certificate meant it: no other takes its place.
fn no_own_key(error: KeyError, named: Option<Fingerprint>) -> Failure {
    let about_it = matches!(
        error,
        KeyError::NoSuchKey(_) | KeyError::AddressDoesNotFit { .. } | KeyError::NoUsableKey { .. }
    );
    let failure = Failure::from(error);
    match named {
        Some(named) if about_it => {
            let code = Code::ChosenCertificateUnusable;
            Failure { code, ..failure }.with("sha256", json!(named.to_string()))
        }
        _ => failure,
    }
}

/// All or nothing: mail is encrypted to every recipient or not sent.
fn certificates_of(
    engine: &Engine,
    addresses: &BTreeSet<EmailAddress>,
    deadline: Duration,
    told: &dyn Fn(usize, usize) -> bool,
) -> Result<Vec<Addressee>, Failure> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let addresses: Vec<_> = addresses.iter().cloned().collect();
    let directory = engine.directory()?;
    let told = |done| told(done, addresses.len());
    let findings = find_all_telling(&*directory, &addresses, engine.now(), deadline, &told);
    if findings.len() != addresses.len() {
        return Err(Failure::new(Code::Cancelled, "It was cancelled."));
    }
    let known = engine.programs().recall(&addresses);
    let mut found = Vec::new();
    let mut in_the_way: Vec<Value> = Vec::new();
    for ((address, known), finding) in addresses.iter().zip(known).zip(findings) {
        match finding {
            Ok(finding) if recipient_state(&finding) == "ready" => {
                found.extend(finding.encryption_certificates().cloned().map(|certificate| Addressee {
                    address: address.clone(),
                    certificate,
                    known: known.clone(),
                }));
            }
            Ok(finding) => {
                let mut one = json!({
                    "address": address.to_string(),
                    "status": finding.status().word(),
                    "recipient": recipient_state(&finding),
                    "reason": words::reason(&finding),
                });
                if let (Some(hindrance), Value::Object(fields)) = (Hindrance::of(&finding), &mut one) {
                    fields.insert("hindrance".into(), hindrance.describe());
                }
                in_the_way.push(one);
            }
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
    /// Protects what `input` holds, and writes it to `output`, which is worthless after an error.
    ///
    /// # Errors
    /// What the layer beneath says.
    pub fn protect(
        &self,
        input: &mut dyn Read,
        output: &mut dyn Write,
        source: Source<'_>,
    ) -> Result<Made, Failure> {
        let unique = unique_boundary()?;
        let recipients: Vec<_> = self.encrypt_to.iter().map(Addressee::recipient).collect();
        let identity = self.signer.as_ref().map(|signer| SigningIdentity {
            certificate: &signer.certificate,
            chain: &signer.chain,
            key: signer.private.for_cms(),
            reader: self.reader.as_ref().map(reader),
            at: self.sign_time,
            with_certificates: self.with_certificates,
        });
        let plan = match (self.layers, &identity) {
            (WishedLayers::Encrypt, _) => Plan::Encrypt(&recipients),
            (WishedLayers::Sign, Some(identity)) => Plan::Sign(identity),
            (WishedLayers::SignAndEncrypt, Some(identity)) => Plan::SignAndEncrypt(identity, &recipients),
            (WishedLayers::TripleWrap, Some(identity)) => Plan::TripleWrap(identity, &recipients),
            (_, None) => return Err(Failure::new(Code::NoSigningKey, "There is no key to sign with.")),
        };
        Ok(protect(input, output, source, plan, self.manner, &unique)?)
    }

    /// What a caller is told of the result, as the wire's `result` and the command line's `--json`.
    pub fn describe(&self, made: &Made) -> Value {
        let addresses: BTreeSet<_> = self.encrypt_to.iter().map(|a| a.address.to_string()).collect();
        json!({
            "signed": self.layers.signs(),
            "encrypted": self.layers.encrypts(),
            "signed_with": self.signer.as_ref().map(|signer| signer.certificate.sha256().to_string()),
            "content_type": made.media_type,
            "algorithm": made.cipher.map(|cipher| cipher.name()),
            "recipients": addresses,
            "encrypted_to": self.encrypt_to.iter().map(addressee).collect::<Vec<_>>(),
            "blind_copies": self.blind.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "outer_headers": made.outer_changes,
        })
    }

    /// The blind recipients who must get copies of their own.
    pub fn blind(&self) -> &[EmailAddress] {
        &self.blind
    }
}

/// One line of the details that a reader may look at: to whom, with which key, and how.
fn addressee(addressee: &Addressee) -> Value {
    let recipient = addressee.recipient();
    json!({
        "address": addressee.address.to_string(),
        "sha256": addressee.certificate.sha256().to_string(),
        "key": addressee.certificate.key_algorithm().to_string(),
        "transport": recipient.key_transport().ok().map(|transport| transport.word()),
        "reads_gcm": recipient.reads(Capability::Aes256Gcm),
    })
}

/// 16 octets from OpenSSL's generator: a boundary that no content holds but by design.
fn unique_boundary() -> Result<String, Failure> {
    let mut octets = [0_u8; 16];
    openssl::rand::rand_bytes(&mut octets)
        .map_err(|_| Failure::new(Code::CryptoFailed, "The machine gives no random numbers."))?;
    Ok(format!("=_dane_{}", hex::encode(octets)))
}
