//! Which record names a certificate, and what its usage asks besides (RFC 6698 section 2.1.1,
//! RFC 7671 section 5, RFC 8162 section 2). Verifying and encrypting go by the same rules.

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
}

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
        anchors.vouch_for(certificate, carried, self.purpose, self.within(certificate))
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
