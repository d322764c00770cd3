//! The one place that says valid or invalid.
//!
//! [`decide`] sees everything that is known about a message's signature and answers with one
//! [`Signature`]. No other code makes a `Valid`.

use crate::clock::UnixTime;
use crate::cms::{CmsError, Signer, Weakness};
use crate::mime::EmailAddress;
use crate::mime::header::HeaderError;
use crate::mime::split::SplitError;
use crate::mime::transfer::TransferError;
use crate::smimea::SmimeaRecord;
use crate::trust::{Binding, Bound, Judge, Memory, Recollection, Seal, Unbound};
use crate::x509::Certificate;

/// What is said of a message as a whole.
#[derive(Debug)]
pub struct Verdict {
    /// The one address in From; `None` where there is not exactly one.
    pub from: Option<EmailAddress>,
    /// Whether it was encrypted, and whether that could be undone.
    pub encryption: Encryption,
    /// Whether it was signed, and who vouches for it.
    pub signature: Signature,
    /// What was known of the signature before, this time included where it was proven now.
    pub history: Recollection,
    /// The decoded subject: the protected one (RFC 9788) where there is one.
    pub subject: Option<String>,
    /// Whether the sender hid the subject from those on the way: an answer must not bare it.
    pub subject_hidden: bool,
    /// The names of all fields that the sender hid so, as spelled; each once.
    pub hidden_fields: Vec<String>,
    /// Another address that the sender's display name shows, to pass for its owner.
    pub display_name_claims: Option<EmailAddress>,
    /// The date of the mail, where an intact signature says another time.
    pub date_differs: Option<UnixTime>,
    /// An address in the protected From field that is another than the one in From, where there is one.
    pub other_sender_inside: Option<EmailAddress>,
}

/// Encryption of the shown content.
#[derive(Debug)]
pub enum Encryption {
    /// It came in the clear.
    None,
    /// It was decrypted, whole.
    Decrypted {
        /// `aes-256-gcm` and the like.
        algorithm: String,
        /// Whether changes on the way would have been noticed (AuthEnvelopedData).
        authenticated: bool,
        /// Whether its signature does not fit: without authentication the content may then be an
        /// attacker's own composition.
        doubt: Option<Doubt>,
        /// The address that the key is for.
        recipient: Option<EmailAddress>,
    },
    /// The S/MIME part holds certificates and nothing else: there is nothing to be shown.
    CertificatesOnly,
    /// A further encrypted part lies inside more than one signature; it is not opened.
    LeftShut,
    /// Nothing may be shown.
    Failed(EncryptionFault),
}

/// What is done with decrypted content that may be an attacker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is kept back.
    Withheld,
    /// The reader asked for it.
    ShownOnRequest,
}

/// Why an encrypted message is not shown.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncryptionFault {
    /// The ciphertext was changed, or the key does not fit after all.
    CannotDecrypt,
    /// Compressed data: we do not unpack what strangers packed.
    Compressed,
    /// A CMS object of a kind that is no mail.
    NotMail,
    /// It is not encrypted to any key held here.
    NotForUs,
    /// The octets are no CMS object, or their encoding is damaged.
    Malformed,
    /// It is encrypted with an algorithm that is not done here: its name or number.
    NotSupported(String),
    /// It is encrypted to more recipients than are read.
    TooManyRecipients(usize),
    /// It has more signers than are read.
    TooManySigners(usize),
    /// There are more layers than honest mail has.
    TooDeep,
}

/// The signature over the shown content.
#[derive(Debug)]
pub enum Signature {
    /// There is none.
    None,
    /// Whole, intact, and the signer is bound to the address in From.
    Valid {
        /// The signer.
        signer: Box<Signer>,
        /// Whose address it is.
        address: EmailAddress,
        /// The certificates that came with the mail, unchecked: the signer's authorities, and perhaps
        /// another to encrypt to.
        carried: Vec<Certificate>,
        /// Who vouches.
        binding: Binding,
        /// The record by which the domain vouches; `None` for a local authority, and where nobody
        /// vouches any more.
        record: Option<SmimeaRecord>,
        /// Where nobody vouches now: when somebody did, for this very mail.
        first_seen: Option<FirstSeen>,
    },
    /// It is no signature of the shown content by the one in From.
    Invalid(InvalidReason, Option<Box<Signer>>),
    /// It is intact, and nobody vouches for the signer.
    Unknown(UnknownReason, Box<Signer>),
}

/// A signature that was proven once, and is not today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// When it was proven.
    pub at: UnixTime,
    /// Whether that it is no more is certain: else nobody could be asked, or no answer could be trusted.
    pub is_over: bool,
}

/// Why a signature is `invalid`.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidReason {
    /// Content or signature was changed.
    Altered,
    /// What is shown is not what was signed.
    ShownDiffers,
    /// The object carries other content than what stands beside it.
    ContentDiffers,
    /// The certificate of a signer is neither in the mail nor in the DNS.
    CertificateMissing,
    /// The certificate of a signer is there, and is not as the standard has it.
    CertificateUnreadable,
    /// The structure of the signed message is broken.
    Malformed(Malformation),
    /// Signatures lie round one another in a way that mail programs read differently.
    NestedSignatures,
    /// From is missing, stands several times, or names several people.
    FromNotSingle,
    /// The certificate does not name the address in From.
    NamesOther,
    /// The certificate is not for signing mail.
    NotForSigning,
    /// The domain publishes records, and none fits the signer.
    NoRecordFits,
    /// It was made with an algorithm that is not done here: its name or number.
    NotSupported(String),
    /// There are more signers than are read.
    TooManySigners(usize),
    /// Digest or key is too weak to prove anything.
    Weak(Weakness),
}

/// What is broken in a signed message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Malformation {
    /// A header field.
    Header(HeaderError),
    /// The parts.
    Split(SplitError),
    /// The encoding of the signature.
    Transfer(TransferError),
    /// The signature object.
    Cms,
}

/// Why a signature is `unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownReason {
    /// The domain proves that it publishes nothing for the sender.
    NoRecord,
    /// The domain is provably not signed.
    DnsInsecure,
    /// The answer failed validation.
    DnsBogus,
    /// No answer that proves anything.
    DnsUnreachable,
    /// The signer's certificate had expired.
    CertificateExpired(UnixTime),
    /// The signer's certificate was not valid yet.
    CertificateNotYetValid(UnixTime),
    /// A trusted authority revoked the signer's certificate.
    CertificateRevoked,
    /// The domain names another certificate today; it vouched for this one until then at least.
    CertificateReplaced(UnixTime),
    /// There are proven records, and none can be used (unknown usage, damaged).
    NoUsableRecord,
}

/// What was found out about the innermost signature before anybody was asked to vouch.
pub(super) enum Checked {
    /// There is no signature.
    Unsigned,
    /// It is broken.
    Broken(InvalidReason),
    /// Every SignerInfo fits exactly the shown content.
    Intact { signers: Vec<Signer>, carried: Vec<Certificate> },
}

impl From<CmsError> for InvalidReason {
    fn from(error: CmsError) -> Self {
        match error {
            CmsError::BadSignature => Self::Altered,
            CmsError::ContentDiffers => Self::ContentDiffers,
            CmsError::SignerCertificateMissing => Self::CertificateMissing,
            CmsError::SignerCertificateUnreadable => Self::CertificateUnreadable,
            CmsError::NotSupported(algorithm) => Self::NotSupported(algorithm),
            CmsError::TooManySigners(count) => Self::TooManySigners(count),
            _ => Self::Malformed(Malformation::Cms),
        }
    }
}

/// Who is asked about a signer, what is remembered, and when this is.
pub(super) struct Bench<'a> {
    pub(super) judge: &'a dyn Judge,
    pub(super) memory: &'a dyn Memory,
    pub(super) now: UnixTime,
}

/// Says what the signature is worth. `from` is the one address in From, if there is one.
///
/// With several signers, all of whom signed the shown content, the one that is bound to From
/// decides; else the first one's reason is told. Also returned: what the memory knows of the signer
/// that the answer speaks of.
pub(super) fn decide(
    checked: Checked,
    from: Option<&EmailAddress>,
    bench: &Bench<'_>,
) -> (Signature, Recollection) {
    let nothing = Recollection::NOTHING;
    let (signers, carried) = match checked {
        Checked::Unsigned => return (Signature::None, nothing),
        Checked::Broken(reason) => return (Signature::Invalid(reason, None), nothing),
        Checked::Intact { signers, carried } => (signers, carried),
    };
    let Some(address) = from else {
        let signer = signers.into_iter().next().map(Box::new);
        return (Signature::Invalid(InvalidReason::FromNotSingle, signer), nothing);
    };
    let mut first_refusal = None;
    for signer in signers {
        let seal = Seal { address, certificate: &signer.certificate, signature: signer.signature_digest };
        let known = bench.memory.recall(&seal);
        match vouched(&signer, &carried, &seal, &known, bench) {
            Ok(Vouched::Now(Bound { binding, record })) => {
                if known.this.is_none() {
                    bench.memory.remember(&seal, binding, bench.now);
                }
                let this = known.this.or(Some((bench.now, binding)));
                let (signer, address) = (Box::new(signer), address.clone());
                let valid = Signature::Valid { signer, address, carried, binding, record, first_seen: None };
                return (valid, Recollection { this, ..known });
            }
            Ok(Vouched::Then(first_seen, binding)) => {
                let (signer, address, first_seen) = (Box::new(signer), address.clone(), Some(first_seen));
                let valid = Signature::Valid { signer, address, carried, binding, record: None, first_seen };
                return (valid, known);
            }
            Err(refusal) => {
                first_refusal.get_or_insert((refusal, signer, known));
            }
        }
    }
    match first_refusal {
        None => (Signature::None, nothing),
        Some((Refusal::Invalid(reason), signer, known)) => {
            (Signature::Invalid(reason, Some(Box::new(signer))), known)
        }
        Some((Refusal::Unknown(reason), signer, known)) => {
            (Signature::Unknown(reason, Box::new(signer)), known)
        }
    }
}

enum Vouched {
    /// By somebody, today.
    Now(Bound),
    /// Nobody does now; when somebody did for this very mail.
    Then(FirstSeen, Binding),
}

enum Refusal {
    Invalid(InvalidReason),
    Unknown(UnknownReason),
}

fn vouched(
    signer: &Signer,
    carried: &[Certificate],
    seal: &Seal<'_>,
    known: &Recollection,
    bench: &Bench<'_>,
) -> Result<Vouched, Refusal> {
    if let Some(weakness) = signer.weakness {
        return Err(Refusal::Invalid(InvalidReason::Weak(weakness)));
    }
    let unbound = match bench.judge.bind(&signer.certificate, carried, seal.address) {
        Ok(bound) => return Ok(Vouched::Now(bound)),
        Err(Unbound::NamesOther) => return Err(Refusal::Invalid(InvalidReason::NamesOther)),
        Err(Unbound::NotForSigning) => return Err(Refusal::Invalid(InvalidReason::NotForSigning)),
        Err(unbound) => unbound,
    };
    // Nobody vouches today. For the mail that was proven once, that stands: it is the same content by
    // the same signer. For another mail by a certificate that was proven once it does not, because
    // the record may have gone for a reason; but it is no forgery either.
    if let Some((at, binding)) = known.this {
        let is_over = !matches!(unbound, Unbound::Bogus | Unbound::Unreachable);
        return Ok(Vouched::Then(FirstSeen { at, is_over }, binding));
    }
    Err(match (unbound, known.certificate) {
        (Unbound::NoRecordFits | Unbound::Absent, Some(until)) => {
            Refusal::Unknown(UnknownReason::CertificateReplaced(until))
        }
        (Unbound::NoRecordFits, None) => Refusal::Invalid(InvalidReason::NoRecordFits),
        (Unbound::Absent, None) => Refusal::Unknown(UnknownReason::NoRecord),
        (Unbound::Insecure, _) => Refusal::Unknown(UnknownReason::DnsInsecure),
        (Unbound::Bogus, _) => Refusal::Unknown(UnknownReason::DnsBogus),
        (Unbound::Unreachable, _) => Refusal::Unknown(UnknownReason::DnsUnreachable),
        (Unbound::NoUsableRecord, _) => Refusal::Unknown(UnknownReason::NoUsableRecord),
        (Unbound::Expired(at), _) => Refusal::Unknown(UnknownReason::CertificateExpired(at)),
        (Unbound::NotYetValid(at), _) => Refusal::Unknown(UnknownReason::CertificateNotYetValid(at)),
        (Unbound::Revoked, _) => Refusal::Unknown(UnknownReason::CertificateRevoked),
        (Unbound::NamesOther, _) => Refusal::Invalid(InvalidReason::NamesOther),
        (Unbound::NotForSigning, _) => Refusal::Invalid(InvalidReason::NotForSigning),
    })
}
