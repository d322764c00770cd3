//! Whether a certificate may be used to sign or to encrypt mail (RFC 8550 section 4.4).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ANY_EXTENDED_KEY_USAGE, ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS,
    ID_CE_CERTIFICATE_POLICIES, ID_CE_CRL_DISTRIBUTION_POINTS, ID_CE_EXT_KEY_USAGE, ID_CE_INHIBIT_ANY_POLICY,
    ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS, ID_CE_POLICY_CONSTRAINTS, ID_CE_POLICY_MAPPINGS,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER, ID_KP_EMAIL_PROTECTION,
};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::KeyAlgorithm;

/// RSA keys below this are used for nothing new (RFC 8551 section 4.1).
const RSA_MIN_BITS: u32 = 2048;

/// Extensions whose meaning is honoured here or in path validation.
const UNDERSTOOD: [ObjectIdentifier; 12] = [
    ID_CE_AUTHORITY_KEY_IDENTIFIER,
    ID_CE_BASIC_CONSTRAINTS,
    ID_CE_CERTIFICATE_POLICIES,
    ID_CE_CRL_DISTRIBUTION_POINTS,
    ID_CE_EXT_KEY_USAGE,
    ID_CE_INHIBIT_ANY_POLICY,
    ID_CE_KEY_USAGE,
    ID_CE_NAME_CONSTRAINTS,
    ID_CE_POLICY_CONSTRAINTS,
    ID_CE_POLICY_MAPPINGS,
    ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
];

/// Whether a certificate may be used for one purpose, and if not, the first reason against it.
///
/// Says nothing about dates, names, revocation or trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fitness {
    /// It may.
    Fit,
    /// An extension marked critical is not understood, or one stands twice or cannot be read
    /// (RFC 5280 section 4.2).
    ForeignExtension,
    /// Its extendedKeyUsage allows neither e-mail protection nor any purpose.
    NotForMail,
    /// Its keyUsage forbids this.
    NotThisUsage,
    /// OpenSSL, which would have to use it, cannot read it.
    Unreadable,
    /// The kind of key cannot do this, or OpenSSL cannot do it with this kind of key.
    UnsupportedKey(KeyAlgorithm),
    /// An RSA key of fewer than 2048 bits.
    WeakKey(u32),
}

impl Fitness {
    /// Whether this is [`Fitness::Fit`].
    pub const fn is_fit(self) -> bool {
        matches!(self, Self::Fit)
    }
}

/// What the certificate's extensions say about its use.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended: Option<ExtendedKeyUsage>,
    /// A critical extension is unknown, or one that matters is doubled or unreadable.
    pub(super) foreign: bool,
}

impl Usage {
    pub(super) fn understands(oid: &ObjectIdentifier) -> bool {
        UNDERSTOOD.contains(oid)
    }

    /// RFC 8550 section 4.4.2: digitalSignature or nonRepudiation.
    pub(super) fn signing(&self, key: KeyAlgorithm) -> Fitness {
        let allowed = self.key_usage.is_none_or(|usage| usage.digital_signature() || usage.non_repudiation());
        self.judge(allowed, key_may_sign(key))
    }

    /// The same for signatures that others made: kinds of keys that can be checked and not used are
    /// among them.
    pub(super) fn having_signed(&self, key: KeyAlgorithm) -> Fitness {
        match (self.signing(key), key) {
            (Fitness::UnsupportedKey(_), KeyAlgorithm::Ed25519) => Fitness::Fit,
            (fitness, _) => fitness,
        }
    }

    /// RFC 8550 section 4.4.2, RFC 5753 section 2, RFC 8418 section 5: keyEncipherment for RSA,
    /// keyAgreement for the others, and then not for deciphering only.
    pub(super) fn encryption(&self, key: KeyAlgorithm) -> Fitness {
        let allowed = self.key_usage.is_none_or(|usage| match key {
            KeyAlgorithm::Rsa(_) => usage.key_encipherment(),
            _ => usage.key_agreement() && !usage.decipher_only(),
        });
        self.judge(allowed, key_may_encrypt(key))
    }

    fn judge(&self, allowed: bool, key: Fitness) -> Fitness {
        let for_mail = |usage: &ExtendedKeyUsage| {
            usage.0.iter().any(|oid| *oid == ID_KP_EMAIL_PROTECTION || *oid == ANY_EXTENDED_KEY_USAGE)
        };
        if self.foreign {
            Fitness::ForeignExtension
        } else if !allowed {
            Fitness::NotThisUsage
        } else if !self.extended.as_ref().is_none_or(for_mail) {
            Fitness::NotForMail
        } else {
            key
        }
    }
}

fn key_may_sign(key: KeyAlgorithm) -> Fitness {
    match key {
        KeyAlgorithm::Rsa(bits) | KeyAlgorithm::RsaPss(bits) if bits < RSA_MIN_BITS => Fitness::WeakKey(bits),
        KeyAlgorithm::Rsa(_)
        | KeyAlgorithm::RsaPss(_)
        | KeyAlgorithm::P256
        | KeyAlgorithm::P384
        | KeyAlgorithm::P521 => Fitness::Fit,
        // CMS with EdDSA came with OpenSSL 3.2.
        KeyAlgorithm::Ed25519 if openssl::version::number() >= 0x3020_0000 => Fitness::Fit,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::X25519 | KeyAlgorithm::Other => Fitness::UnsupportedKey(key),
    }
}

fn key_may_encrypt(key: KeyAlgorithm) -> Fitness {
    match key {
        KeyAlgorithm::Rsa(bits) if bits < RSA_MIN_BITS => Fitness::WeakKey(bits),
        KeyAlgorithm::Rsa(_)
        | KeyAlgorithm::P256
        | KeyAlgorithm::P384
        | KeyAlgorithm::P521
        | KeyAlgorithm::X25519 => Fitness::Fit,
        KeyAlgorithm::RsaPss(_) | KeyAlgorithm::Ed25519 | KeyAlgorithm::Other => Fitness::UnsupportedKey(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_cert::ext::pkix::KeyUsages;

    fn usage(flags: impl Into<der::flagset::FlagSet<KeyUsages>>) -> Usage {
        Usage { key_usage: Some(KeyUsage(flags.into())), ..Usage::default() }
    }

    #[test]
    fn absent_extensions_allow_both() {
        let usage = Usage::default();
        assert_eq!(usage.signing(KeyAlgorithm::Rsa(2048)), Fitness::Fit);
        assert_eq!(usage.encryption(KeyAlgorithm::P256), Fitness::Fit);
    }

    #[test]
    fn key_usage_is_judged_with_the_kind_of_key() {
        let agreement = usage(KeyUsages::KeyAgreement);
        assert_eq!(agreement.encryption(KeyAlgorithm::P256), Fitness::Fit);
        assert_eq!(agreement.encryption(KeyAlgorithm::Rsa(2048)), Fitness::NotThisUsage);
        assert_eq!(agreement.signing(KeyAlgorithm::P256), Fitness::NotThisUsage);
        let decipher = usage(KeyUsages::KeyAgreement | KeyUsages::DecipherOnly);
        assert_eq!(decipher.encryption(KeyAlgorithm::P256), Fitness::NotThisUsage);
        assert_eq!(usage(KeyUsages::NonRepudiation).signing(KeyAlgorithm::P384), Fitness::Fit);
    }

    #[test]
    fn reasons_against() {
        let server = Usage {
            extended: Some(ExtendedKeyUsage(vec![const_oid::db::rfc5280::ID_KP_SERVER_AUTH])),
            ..Usage::default()
        };
        assert_eq!(server.signing(KeyAlgorithm::P256), Fitness::NotForMail);
        let foreign = Usage { foreign: true, ..Usage::default() };
        assert_eq!(foreign.encryption(KeyAlgorithm::P256), Fitness::ForeignExtension);
        assert_eq!(Usage::default().signing(KeyAlgorithm::Rsa(1024)), Fitness::WeakKey(1024));
        assert_eq!(
            Usage::default().encryption(KeyAlgorithm::Ed25519),
            Fitness::UnsupportedKey(KeyAlgorithm::Ed25519)
        );
    }
}
