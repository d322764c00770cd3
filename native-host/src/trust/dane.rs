//! The sender's domain as voucher: SMIMEA records against the signer's certificate (RFC 8162
//! section 2, RFC 7671 section 5), and local authorities where the domain says nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::anchors::Purpose;
use super::rules::{Paths, Rules};
use super::{Anchors, Binding, Bound, Judge, Unbound};
use crate::clock::UnixTime;
use crate::config::Profile;
use crate::directory::{Directory, Finding, Outcome};
use crate::mime::EmailAddress;
use crate::x509::{Certificate, NameMatch, Validity};

/// Asks the directory, once for each address and message, and judges as of one moment.
pub struct Vouchers {
    directory: Arc<dyn Directory>,
    anchors: Arc<Anchors>,
    profile: Profile,
    now: UnixTime,
    deadline: Duration,
    found: RefCell<HashMap<EmailAddress, Option<Rc<Finding>>>>,
    paths: Paths,
}

impl Vouchers {
    /// For one message. A look-up may take `deadline`.
    pub fn new(
        directory: Arc<dyn Directory>,
        anchors: Arc<Anchors>,
        profile: Profile,
        now: UnixTime,
        deadline: Duration,
    ) -> Self {
        Self {
            directory,
            anchors,
            profile,
            now,
            deadline,
            found: RefCell::default(),
            paths: Paths::default(),
        }
    }

    /// What the directory says; `None` where no record can exist for this address.
    fn finding(&self, address: &EmailAddress) -> Option<Rc<Finding>> {
        if let Some(known) = self.found.borrow().get(address) {
            return known.clone();
        }
        let finding = self.directory.find(address, self.now, self.deadline).ok().map(Rc::new);
        self.found.borrow_mut().insert(address.clone(), finding.clone());
        finding
    }

    fn rules(&self) -> Rules<'_> {
        Rules { anchors: &self.anchors, purpose: Purpose::Signing, now: self.now, paths: &self.paths }
    }

    fn by_anchor(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        names: NameMatch,
        otherwise: Unbound,
    ) -> Result<Bound, Unbound> {
        let by_authority = self.rules().by_authority(&self.anchors, certificate, carried);
        let bound = names == NameMatch::Names && by_authority;
        if bound {
            Ok(Bound { binding: Binding::Anchor, record: None })
        } else {
            Err(self.or_revoked(certificate, carried, otherwise))
        }
    }

    /// Where an authority would vouch had it not revoked the certificate, that is the reason.
    fn or_revoked(&self, certificate: &Certificate, carried: &[Certificate], otherwise: Unbound) -> Unbound {
        let is_revoked = self.rules().by_authority_but_revoked(certificate, carried);
        if is_revoked { Unbound::Revoked } else { otherwise }
    }
}

impl Judge for Vouchers {
    fn bind(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        address: &EmailAddress,
    ) -> Result<Bound, Unbound> {
        if !certificate.may_have_signed() {
            return Err(Unbound::NotForSigning);
        }
        let names = certificate.names_address(address);
        if names == NameMatch::NamesOthers {
            return Err(Unbound::NamesOther);
        }
        let finding = self.finding(address);
        let bound = match finding.as_ref().map(|finding| &finding.outcome) {
            Some(Outcome::Secure(published)) => {
                let bound = self.rules().by_records(published.records(), certificate, carried, names);
                bound.map_err(|unbound| self.or_revoked(certificate, carried, unbound))?
            }
            None | Some(Outcome::Absent(_)) if self.profile.is_guide() => {
                return Err(Unbound::NoRecordFits); // the guide: no record, no valid signature
            }
            None | Some(Outcome::Absent(_)) => {
                self.by_anchor(certificate, carried, names, Unbound::Absent)?
            }
            Some(Outcome::Unreachable(_))
                if finding.as_ref().is_some_and(|finding| finding.is_outside_dns()) =>
            {
                self.by_anchor(certificate, carried, names, Unbound::Absent)?
            }
            Some(Outcome::Insecure(_)) => self.by_anchor(certificate, carried, names, Unbound::Insecure)?,
            Some(Outcome::Bogus(_)) => self.by_anchor(certificate, carried, names, Unbound::Bogus)?,
            Some(Outcome::Unreachable(_)) => {
                self.by_anchor(certificate, carried, names, Unbound::Unreachable)?
            }
        };
        match certificate.validity_at(self.now) {
            Validity::Good => Ok(bound),
            Validity::Expired => Err(Unbound::Expired(certificate.not_after())),
            Validity::NotYet => Err(Unbound::NotYetValid(certificate.not_before())),
        }
    }

    fn published(&self, address: &EmailAddress) -> Vec<Certificate> {
        let finding = self.finding(address);
        let certificates = finding.as_ref().map(|finding| finding.certificates()).unwrap_or_default();
        certificates.iter().map(|found| found.certificate.clone()).collect()
    }

    fn asked(&self, address: &EmailAddress) -> Option<Rc<Finding>> {
        self.found.borrow().get(address).cloned().flatten()
    }
}
