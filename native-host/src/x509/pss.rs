//! Keys that are restricted to RSASSA-PSS signatures, and perhaps to one digest (RFC 4055 section 3).

use const_oid::ObjectIdentifier;
use der::Tagged;
use der::asn1::AnyRef;

use super::asn1::children;

const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// A digest that signatures are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureDigest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl SignatureDigest {
    /// Its name in the `micalg` parameter (RFC 8551 section 3.5.3.2).
    pub const fn micalg(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    const fn octets(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn of(oid: ObjectIdentifier) -> Option<Self> {
        match oid.to_string().as_str() {
            "2.16.840.1.101.3.4.2.1" => Some(Self::Sha256),
            "2.16.840.1.101.3.4.2.2" => Some(Self::Sha384),
            "2.16.840.1.101.3.4.2.3" => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// How such a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PssRules {
    /// The digest, of the content and in the mask.
    pub digest: SignatureDigest,
    /// Octets of salt: those of the digest, or more where the key asks for more.
    pub salt: u8,
}

impl PssRules {
    /// What the parameters of a key with a modulus of so many bits allow, SHA-256 where they leave it open. `None` where
    /// that is nothing that is done here: SHA-1, another digest in the mask, a salt that has no room.
    pub(super) fn read(parameters: Option<AnyRef<'_>>, bits: u32) -> Option<Self> {
        let Some(parameters) = parameters else {
            return Some(Self { digest: SignatureDigest::Sha256, salt: SignatureDigest::Sha256.octets() });
        };
        let (mut digest, mut mask, mut least) = (None, None, 20_u32);
        for field in children(parameters)? {
            let inside = *children(field)?.first()?;
            match field.tag().number().value() {
                0 => digest = SignatureDigest::of(oid(inside)?),
                1 if oid(inside)? == MGF1 => {
                    mask = SignatureDigest::of(oid(*children(inside)?.get(1)?)?);
                }
                2 => least = inside.decode_as().ok()?,
                3 if inside.decode_as::<u8>().ok()? == 1 => {}
                _ => return None,
            }
        }
        let digest = digest.filter(|digest| Some(*digest) == mask)?; // what is left out is SHA-1
        let octets = digest.octets();
        let salt = u8::try_from(least).ok()?.max(octets);
        // RFC 8017 section 9.1.1
        let needed = u32::from(salt).saturating_add(u32::from(octets)).saturating_add(2);
        (needed <= bits.saturating_sub(1) / 8).then_some(Self { digest, salt })
    }
}

/// The object identifier of an AlgorithmIdentifier.
fn oid(algorithm: AnyRef<'_>) -> Option<ObjectIdentifier> {
    children(algorithm)?.first()?.decode_as().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignatureDigest::{Sha256, Sha512};
    use der::Decode;

    #[test]
    fn what_a_key_asks_for_is_what_it_gets_or_nothing() {
        let read = |hex: &str| {
            let der = hex::decode(hex.replace(' ', "")).unwrap();
            PssRules::read(Some(AnyRef::from_der(&der).unwrap()), 2048)
        };
        assert_eq!(PssRules::read(None, 2048), Some(PssRules { digest: Sha256, salt: 32 }));
        let sha256 = "a0 0d 300b 0609608648016503040201";
        let mask_256 = "a1 1a 3018 06092a864886f70d010108 300b 0609608648016503040201";
        let sha512 = "a0 0d 300b 0609608648016503040203";
        let mask_512 = "a1 1a 3018 06092a864886f70d010108 300b 0609608648016503040203";
        let salt = |octets: &str| format!("a2 03 0201 {octets}");
        let rules = |digest, salt| Some(PssRules { digest, salt });
        assert_eq!(read(&format!("3030 {sha256} {mask_256} {}", salt("20"))), rules(Sha256, 32));
        assert_eq!(read(&format!("3030 {sha256} {mask_256} {}", salt("00"))), rules(Sha256, 32));
        assert_eq!(read(&format!("3030 {sha256} {mask_256} {}", salt("40"))), rules(Sha256, 64));
        assert_eq!(read(&format!("302b {sha512} {mask_512}")), rules(Sha512, 64));
        assert_eq!(read(&format!("3030 {sha512} {mask_512} a3 03 0201 01")), rules(Sha512, 64));
        for (what, hex) in [
            ("SHA-1", "3000".to_owned()),
            ("SHA-1 in the mask", format!("300f {sha256}")),
            ("another digest in the mask", format!("302b {sha256} {mask_512}")),
            ("a salt without room", format!("3031 {sha256} {mask_256} a2 04 0202 00ff")),
            ("another trailer", format!("3030 {sha256} {mask_256} a3 03 0201 02")),
            ("something else", format!("3030 {sha256} {mask_256} a4 03 0201 02")),
        ] {
            assert_eq!(read(&hex), None, "{what}");
        }
    }
}
