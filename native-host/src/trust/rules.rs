//! Which record names a certificate, and what its usage asks besides (RFC 6698 section 2.1.1,
//! RFC 7671 section 5, RFC 8162 section 2). Verifying and encrypting go by the same rules.

use std::cell::Cell;

use super::anchors::Purpose;
use super::{Anchors, Binding, Bound, Unbound};
use crate::clock::UnixTime;
use crate::smimea::{SmimeaRecord, Usage};
use crate::x509::{Certificate, NameMatch};

/// The rules for one purpose at one moment, with the user's own authorities for usages 0 and 1.
pub(super) struct Rules<'a> {
    pub(super) anchors: &'a Anchors,
    pub(super) purpose: Purpose,
    pub(super) now: UnixTime,
    pub(super) paths: &'a Paths,
}

/// How many more paths are looked for, over all signers of a message or certificates of a correspondent. A stranger
/// chooses keys, certificates and records: 32 signers, and 99 authorities in a row that records name in four ways, took
/// an hour and a half.
pub(super) struct Paths(Cell<u32>);

impl Default for Paths {
    fn default() -> Self {
        Self(Cell::new(MOST_PATHS))
    }
}

impl Paths {
    /// Whether there is one more.
    fn take(&self) -> bool {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Some domains name a few authorities, and some people have a few certificates.
const MOST_PATHS: u32 = 100;

impl Rules<'_> {
    /// Which record vouches, whatever the certificate's dates. `names` is how the certificate's
    /// addresses compare with the one asked about; `carried` help to build a path and prove nothing.
    ///
    /// # Errors
    /// [`Unbound::NoUsableRecord`], [`Unbound::NoRecordFits`].
    pub(super) fn by_records(
        &self,
        records: &[SmimeaRecord],
        certificate: &Certificate,
        carried: &[Certificate],
        names: NameMatch,
    ) -> Result<Bound, Unbound> {
        if records.iter().all(|record| record.meaning.is_err()) {
            return Err(Unbound::NoUsableRecord);
        }
        let fitting = records.iter().filter_map(|record| {
            let binding = self.by_record(record, certificate, carried, names)?;
            Some(Bound { binding, record: Some(record.clone()) })
        });
        // Usage 3 names the certificate and asks nothing else: the plainest answer first.
        fitting.min_by_key(|bound| bound.binding != Binding::DaneEe).ok_or(Unbound::NoRecordFits)
    }

    fn by_record(
        &self,
        record: &SmimeaRecord,
        certificate: &Certificate,
        carried: &[Certificate],
        names: NameMatch,
    ) -> Option<Binding> {
        let usage = record.meaning.ok()?.usage;
        let by_authority = |anchors: &Anchors| self.by_authority(anchors, certificate, carried);
        let by_named_authority = || {
            // An authority vouches for many: the certificate itself must name the address.
            let named = carried.iter().chain(self.anchors.certificates()).filter(|ca| record.names(ca));
            let authorities: Vec<_> = named.cloned().chain(record.certificate()).collect();
            names == NameMatch::Names && by_authority(&Anchors::of(authorities))
        };
        match usage {
            Usage::DaneEe => record.names(certificate).then_some(Binding::DaneEe),
            Usage::PkixEe => {
                (record.names(certificate) && by_authority(self.anchors)).then_some(Binding::PkixEe)
            }
            Usage::DaneTa => by_named_authority().then_some(Binding::DaneTa),
            Usage::PkixTa => (by_named_authority() && by_authority(self.anchors)).then_some(Binding::PkixTa),
        }
    }

    /// Whether a path leads to one of `anchors`. The certificate's own dates do not break it: they
    /// are judged apart, because an expired signer is `unknown` and a foreign one `invalid`.
    pub(super) fn by_authority(
        &self,
        anchors: &Anchors,
        certificate: &Certificate,
        carried: &[Certificate],
    ) -> bool {
        !anchors.certificates().is_empty()
            && self.paths.take()
            && anchors.vouch_for(certificate, carried, self.purpose, self.within(certificate))
    }

    /// Whether the user's own authorities would vouch, had not one of them revoked a certificate.
    pub(super) fn by_authority_but_revoked(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
    ) -> bool {
        self.anchors.revoke(certificate, carried, self.purpose, self.within(certificate))
    }

    fn within(&self, certificate: &Certificate) -> UnixTime {
        // OpenSSL takes the last second for one too late, RFC 5280 section 4.1.2.5 and we do not.
        self.now.max(certificate.not_before()).min(certificate.not_after().plus(-1))
    }
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::{PKey, Private};
    use openssl::x509::extension::BasicConstraints;
    use openssl::x509::{X509, X509NameBuilder};

    use super::*;
    use crate::config::Profile;
    use crate::smimea::{Matching, Selector};
    use crate::x509::samples::p256;

    const NOW: UnixTime = UnixTime::from_seconds(1_500_000_000);

    /// A certificate with this number, by the one with the next.
    fn issued(number: u32, key: &PKey<Private>) -> Certificate {
        let name = |number: u32| {
            let mut name = X509NameBuilder::new().unwrap();
            name.append_entry_by_text("CN", &number.to_string()).unwrap();
            name.build()
        };
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name(number)).unwrap();
        builder.set_issuer_name(&name(number + 1)).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_000_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(2_000_000_000).unwrap()).unwrap();
        builder.set_pubkey(key).unwrap();
        builder.append_extension(BasicConstraints::new().ca().build().unwrap()).unwrap();
        builder.sign(key, MessageDigest::sha256()).unwrap();
        Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
    }

    /// The record by which a domain names an authority.
    fn naming(authority: &Certificate) -> SmimeaRecord {
        let data = SmimeaRecord::data_for(authority, Selector::Certificate, Matching::Sha256);
        SmimeaRecord::parse(&[vec![2, 0, 1], data].concat(), 300, Profile::Rfc8162)
    }

    /// What one check costs is bounded, and how many there are: a stranger chooses both.
    #[test]
    fn authorities_are_believed_a_few_steps_away_and_a_few_times_in_a_message() {
        let key = p256();
        let mut carried: Vec<_> = (0..30).map(|number| issued(number, &key)).collect();
        let leaf = carried.remove(0);
        let mut forged = leaf.der().to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let forged = Certificate::from_der(&forged).unwrap();
        let (none, paths) = (Anchors::none(), Paths::default());
        let rules = Rules { anchors: &none, purpose: Purpose::Signing, now: NOW, paths: &paths };
        let binding = |certificate: &Certificate, records: &[SmimeaRecord]| {
            let bound = rules.by_records(records, certificate, &carried, NameMatch::Names);
            bound.map(|bound| bound.binding)
        };
        for (steps, expected) in
            [(1, Ok(Binding::DaneTa)), (8, Ok(Binding::DaneTa)), (20, Err(Unbound::NoRecordFits))]
        {
            assert_eq!(binding(&leaf, &[naming(&carried[steps - 1])]), expected, "{steps}");
        }
        let near = naming(&carried[0]);
        let [honest, hostile] = [20, 100].map(|count| vec![near.clone(); count]);
        assert_eq!(binding(&forged, &honest), Err(Unbound::NoRecordFits));
        assert_eq!(binding(&leaf, &honest[..1]), Ok(Binding::DaneTa));
        assert_eq!(binding(&forged, &hostile), Err(Unbound::NoRecordFits));
        assert_eq!(binding(&leaf, &honest[..1]), Err(Unbound::NoRecordFits));
        // The certificate itself, which needs no path.
        let mut own = naming(&leaf).rdata();
        own[0] = 3;
        let own = SmimeaRecord::parse(&own, 300, Profile::Rfc8162);
        assert_eq!(binding(&leaf, &[near, own]), Ok(Binding::DaneEe));
    }
}
