//! Whether a certificate is the one that a record means (RFC 6698 sections 2.1.2 and 2.1.3).

use super::record::{Matching, Selector, SmimeaRecord};
use crate::sha256::sha256;
use crate::x509::Certificate;

impl SmimeaRecord {
    /// Whether the record names `certificate`: for usages 1 and 3 as the user's own, for 0 and 2
    /// as an authority's.
    ///
    /// Checks selector and matching type only. Not checked: dates, names, key usage, and for
    /// usages 0 and 1 the ordinary CA path.
    pub fn names(&self, certificate: &Certificate) -> bool {
        let Ok(association) = self.meaning else { return false };
        let part = match association.selector {
            Selector::Certificate => certificate.der(),
            Selector::PublicKey => certificate.spki_der(),
        };
        match association.matching {
            Matching::Exact => part == self.data,
            Matching::Sha256 => sha256(part).as_slice() == self.data,
            Matching::Sha512 => openssl::sha::sha512(part).as_slice() == self.data,
        }
    }

    /// The association data that names `certificate` in this way.
    pub fn data_for(certificate: &Certificate, selector: Selector, matching: Matching) -> Vec<u8> {
        let part = match selector {
            Selector::Certificate => certificate.der(),
            Selector::PublicKey => certificate.spki_der(),
        };
        match matching {
            Matching::Exact => part.to_vec(),
            Matching::Sha256 => sha256(part).to_vec(),
            Matching::Sha512 => openssl::sha::sha512(part).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;

    fn certificate(common_name: &str) -> Certificate {
        use openssl::{asn1::Asn1Time, bn::BigNum, ec, hash::MessageDigest, nid::Nid, pkey::PKey, x509};
        let group = ec::EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(ec::EcKey::generate(&group).unwrap()).unwrap();
        let mut name = x509::X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", common_name).unwrap();
        let name = name.build();
        let mut builder = x509::X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
    }

    #[test]
    fn each_selector_and_matching_type_names_its_certificate_and_no_other() {
        let (one, other) = (certificate("one"), certificate("other"));
        let selectors = [(0, Selector::Certificate), (1, Selector::PublicKey)];
        let kinds = [(0, Matching::Exact), (1, Matching::Sha256), (2, Matching::Sha512)];
        for (selector, part) in selectors {
            for (matching, kind) in kinds {
                let mut rdata = vec![3, selector, matching];
                rdata.extend(SmimeaRecord::data_for(&one, part, kind));
                let record = SmimeaRecord::parse(&rdata, 300, Profile::Rfc8162);
                assert!(record.names(&one), "{selector} {matching}");
                assert!(!record.names(&other), "{selector} {matching}");
                assert_eq!(record.certificate().is_some(), (selector, matching) == (0, 0));
                rdata[0] = 9;
                assert!(!SmimeaRecord::parse(&rdata, 300, Profile::Rfc8162).names(&one));
            }
        }
    }
}
