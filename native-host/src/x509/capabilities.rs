//! SMIMECapabilities (RFC 8551 section 2.5.2): which algorithms a correspondent can read. The
//! same structure stands in a certificate's extension (RFC 4262) and in a signed attribute.

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Decode, Encode, Sequence};

/// An algorithm that matters for what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// AES-128 CBC EnvelopedData.
    Aes128Cbc,
    /// AES-128 GCM AuthEnvelopedData (RFC 5084).
    Aes128Gcm,
    /// AES-256 CBC EnvelopedData.
    Aes256Cbc,
    /// AES-256 GCM AuthEnvelopedData (RFC 5084): the one that lets us leave CBC behind.
    Aes256Gcm,
    /// RSAES-OAEP key transport with SHA-256 (RFC 3560).
    RsaesOaep,
}

/// RSAES-OAEP-params: SHA-256, and MGF1 with SHA-256 (RFC 3560 section 5).
const OAEP_SHA256_PARAMETERS: [u8; 45] = [
    0x30, 0x2b, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
];

impl Capability {
    /// Every one there is.
    pub const ALL: [Self; 5] =
        [Self::Aes128Cbc, Self::Aes128Gcm, Self::Aes256Cbc, Self::Aes256Gcm, Self::RsaesOaep];

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Aes128Cbc => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"),
            Self::Aes128Gcm => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"),
            Self::Aes256Cbc => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"),
            Self::Aes256Gcm => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"),
            Self::RsaesOaep => ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7"),
        }
    }

    /// Whether these parameters are ones we could send with. OAEP with any other hash is not
    /// what [`Capability::RsaesOaep`] promises.
    fn fits(self, parameters: Option<&AnyRef<'_>>) -> bool {
        match self {
            Self::RsaesOaep => {
                parameters.and_then(|any| any.to_der().ok()).is_some_and(|der| der == OAEP_SHA256_PARAMETERS)
            }
            _ => true,
        }
    }
}

/// What a correspondent says they can read, in their order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<Capability>);

#[derive(Sequence)]
struct Entry<'a> {
    id: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

impl Capabilities {
    /// Reads the value of the extension or attribute. Algorithms that nothing here asks about
    /// are passed over.
    ///
    /// # Errors
    /// Where the octets are no `SEQUENCE OF SMIMECapability`.
    pub fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let entries = Vec::<Entry<'_>>::from_der(der)?;
        let known = |entry: Entry<'_>| {
            Capability::ALL.into_iter().find(|c| c.oid() == entry.id && c.fits(entry.parameters.as_ref()))
        };
        Ok(Self(entries.into_iter().filter_map(known).collect()))
    }

    /// These capabilities, most preferred first.
    pub fn new(list: impl IntoIterator<Item = Capability>) -> Self {
        Self(list.into_iter().collect())
    }

    /// Whether this one is among them.
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// The DER of `SMIMECapabilities`.
    ///
    /// # Errors
    /// None that a list of known algorithms can cause; the encoder's own type says it may.
    pub fn to_der(&self) -> Result<Vec<u8>, der::Error> {
        let entries = self.0.iter().map(|capability| {
            let parameters = match capability {
                Capability::RsaesOaep => Some(AnyRef::from_der(&OAEP_SHA256_PARAMETERS)?),
                _ => None,
            };
            Ok(Entry { id: capability.oid(), parameters })
        });
        entries.collect::<Result<Vec<_>, der::Error>>()?.to_der()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oaep_entry_is_that_of_rfc_3560() {
        let der = Capabilities::new([Capability::RsaesOaep]).to_der().unwrap();
        assert_eq!(
            hex::encode(&der[2..]),
            "303806092a864886f70d010107302b300d06096086480165030402010500301a06092a864886f70d010108\
             300d06096086480165030402010500"
        );
    }

    #[test]
    fn reads_back_what_it_writes() {
        let all = Capabilities::new(Capability::ALL);
        assert_eq!(Capabilities::from_der(&all.to_der().unwrap()).unwrap(), all);
    }

    #[test]
    fn oaep_with_sha1_and_unknown_algorithms_are_passed_over() {
        // { rsaesOaep, SEQUENCE {} }, { des-ede3-cbc }, { aes256-CBC }
        let der = hex::decode(
            "3029300d06092a864886f70d0101073000300a06082a864886f70d0307300b060960864801650304012a",
        )
        .map(|mut der| {
            der[1] = u8::try_from(der.len() - 2).unwrap();
            der
        })
        .unwrap();
        let found = Capabilities::from_der(&der).unwrap();
        assert!(found.has(Capability::Aes256Cbc));
        assert!(!found.has(Capability::RsaesOaep));
        assert!(Capabilities::from_der(b"\x30\x03\x02").is_err());
    }
}
