//! The keys held, without their private halves, and which of them is used for an address.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::{NoneUsable, Purpose};
use super::sealed::KeyId;
use super::token::TokenName;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::{Certificate, Fingerprint, Fitness, NameMatch};

/// Which key to open. Comes from a [`HeldKey`] or a candidate for decryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHandle(pub(super) KeyId);

/// A certificate whose private key is held here, sealed, or on a token that is known here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldKey {
    /// The address that the key was made or imported for.
    pub address: EmailAddress,
    /// The certificate.
    pub certificate: Certificate,
    /// The certificates above it, as far as they came along, its issuer first.
    pub chain: Vec<Certificate>,
    /// Kept for old mail, used for nothing new.
    pub retired: bool,
    /// When it will be, where that has been settled.
    pub retires: Option<UnixTime>,
    /// The one that signs for [`HeldKey::address`].
    pub selected_sign: bool,
    /// The one that mail from [`HeldKey::address`] is encrypted to beside its recipients.
    pub selected_encrypt: bool,
    /// The token that has the private key, if one has.
    pub token: Option<TokenName>,
    /// Opens the private key.
    pub handle: KeyHandle,
}

impl HeldKey {
    /// Whether the key is one of this address: made for it, or its certificate names it.
    pub fn serves(&self, address: &EmailAddress) -> bool {
        self.address == *address || self.certificate.names_address(address) == NameMatch::Names
    }

    pub(super) fn fitness(&self, purpose: Purpose) -> Fitness {
        match purpose {
            Purpose::Encrypt => self.certificate.encryption_fitness(),
            Purpose::Sign => self.certificate.signing_fitness(),
        }
    }
}

/// What a choice between keys rests on: a held key, or the facts that the index keeps of one.
pub(super) trait Candidate {
    /// The address that it was made or imported for.
    fn own_address(&self) -> &EmailAddress;
    /// Whether it is one of this address: made for it, or its certificate names it.
    fn is_of(&self, address: &EmailAddress) -> bool;
    /// The addresses that its certificate names.
    fn named(&self) -> &[EmailAddress];
    /// Whether its certificate is made for this.
    fn is_fit(&self, purpose: Purpose) -> bool;
    /// First and last moment.
    fn period(&self) -> (UnixTime, UnixTime);
    /// Kept for old mail only.
    fn is_retired(&self) -> bool;
    /// Its certificate.
    fn fingerprint(&self) -> Fingerprint;
    /// Notes what it is used for at its own address.
    fn mark(&mut self, sign: bool, encrypt: bool);

    /// What stands against using it now, if anything does.
    fn obstacle(&self, purpose: Purpose, now: UnixTime) -> Option<NoneUsable> {
        let (first, last) = self.period();
        if self.is_retired() {
            Some(NoneUsable::Retired)
        } else if !self.is_fit(purpose) {
            Some(NoneUsable::NotFit)
        } else if now > last {
            Some(NoneUsable::Expired)
        } else {
            (now < first).then_some(NoneUsable::NotYetValid)
        }
    }
}

impl Candidate for HeldKey {
    fn own_address(&self) -> &EmailAddress {
        &self.address
    }

    fn is_of(&self, address: &EmailAddress) -> bool {
        self.serves(address)
    }

    fn named(&self) -> &[EmailAddress] {
        self.certificate.email_addresses()
    }

    fn is_fit(&self, purpose: Purpose) -> bool {
        self.fitness(purpose).is_fit()
    }

    fn period(&self) -> (UnixTime, UnixTime) {
        (self.certificate.not_before(), self.certificate.not_after())
    }

    fn is_retired(&self) -> bool {
        self.retired
    }

    fn fingerprint(&self) -> Fingerprint {
        self.certificate.sha256()
    }

    fn mark(&mut self, sign: bool, encrypt: bool) {
        (self.selected_sign, self.selected_encrypt) = (sign, encrypt);
    }
}

/// All keys held, and what is used for which address: with their certificates, or the facts alone.
#[derive(Clone, Debug)]
pub struct Overview<K = HeldKey> {
    /// Sorted by address, the newest first.
    pub keys: Vec<K>,
    pub(super) choices: Choices,
}

#[expect(private_bounds, reason = "keys with and without their certificates, and nothing else")]
impl<K: Candidate> Overview<K> {
    /// The key that is used for an address now.
    ///
    /// # Errors
    /// Why none will do; of several reasons, that of the key which came closest.
    pub fn in_use(&self, address: &EmailAddress, purpose: Purpose, now: UnixTime) -> Result<&K, NoneUsable> {
        let good = usable(&self.keys, &self.choices, address, purpose, now).map_err(|(why, _)| why)?;
        good.into_iter().next().ok_or(NoneUsable::NoneHeld)
    }

    /// Every key of an address, retired ones too.
    pub fn of(&self, address: &EmailAddress) -> impl Iterator<Item = &K> {
        self.keys.iter().filter(move |key| key.is_of(address))
    }

    /// The key that will follow those in use: the newest that could be used and is younger.
    pub fn next(&self, address: &EmailAddress, now: UnixTime) -> Option<&K> {
        let both = [Purpose::Sign, Purpose::Encrypt];
        let used: Vec<&K> =
            both.iter().filter_map(|purpose| self.in_use(address, *purpose, now).ok()).collect();
        let youngest = used.iter().map(|key| key.period().0).max()?;
        self.of(address).find(|key| {
            let usable = both.iter().any(|purpose| key.obstacle(*purpose, now).is_none());
            let young = key.period().0 > youngest;
            usable && young && !used.iter().any(|other| other.fingerprint() == key.fingerprint())
        })
    }
}

/// What the user chose, as it is kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choices {
    /// By address, in its normal form.
    #[serde(default)]
    pub(super) selected: BTreeMap<String, Selected>,
    /// Fingerprints of certificates kept for old mail only.
    #[serde(default)]
    pub(super) retired: BTreeSet<String>,
    /// Fingerprints of those that will be, with the moment (RFC 3339).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) retires: BTreeMap<String, String>,
}

/// Fingerprints of the certificates chosen for one address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selected {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sign: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) encrypt: Option<String>,
}

impl Choices {
    /// Forgets everything about a certificate.
    pub(super) fn forget(&mut self, certificate: Fingerprint) {
        let text = certificate.to_string();
        self.retired.remove(&text);
        self.retires.remove(&text);
        for selected in self.selected.values_mut() {
            selected.sign.take_if(|chosen| *chosen == text);
            selected.encrypt.take_if(|chosen| *chosen == text);
        }
        self.selected.retain(|_, selected| *selected != Selected::default());
    }

    /// When the certificate is or will be retired; a moment that cannot be read is long past.
    pub(super) fn retires(&self, certificate: Fingerprint) -> Option<UnixTime> {
        let text = certificate.to_string();
        if self.retired.contains(&text) {
            return Some(UnixTime::from_seconds(0));
        }
        let moment = self.retires.get(&text)?;
        Some(UnixTime::parse_rfc3339(moment).unwrap_or(UnixTime::from_seconds(0)))
    }

    /// Forgets everything about all certificates but these.
    pub(super) fn keep_only(&mut self, certificates: &[Fingerprint]) {
        let known: BTreeSet<String> = certificates.iter().map(ToString::to_string).collect();
        self.retired.retain(|text| known.contains(text));
        self.retires.retain(|text, _| known.contains(text));
        for selected in self.selected.values_mut() {
            selected.sign.take_if(|chosen| !known.contains(chosen));
            selected.encrypt.take_if(|chosen| !known.contains(chosen));
        }
        self.selected.retain(|_, selected| *selected != Selected::default());
    }

    /// Adds what another store has chosen; what stands here stays.
    pub(super) fn take_over(&mut self, other: Self) {
        self.retired.extend(other.retired);
        for (fingerprint, moment) in other.retires {
            self.retires.entry(fingerprint).or_insert(moment);
        }
        for (address, selected) in other.selected {
            self.selected.entry(address).or_insert(selected);
        }
    }

    fn chosen(&self, address: &EmailAddress, purpose: Purpose) -> Option<&String> {
        let selected = self.selected.get(&address.to_string())?;
        match purpose {
            Purpose::Encrypt => selected.encrypt.as_ref(),
            Purpose::Sign => selected.sign.as_ref(),
        }
    }
}

/// The keys of an address that may be used now, the best first: the one that was chosen, then by
/// age, the newest first. A choice that has expired or was retired is passed over: that is how
/// the next certificate takes its turn.
///
/// # Errors
/// Where there is none: why, and the key that came closest.
pub(super) fn usable<'a, T: Candidate>(
    held: impl IntoIterator<Item = &'a T>,
    choices: &Choices,
    address: &EmailAddress,
    purpose: Purpose,
    now: UnixTime,
) -> Result<Vec<&'a T>, (NoneUsable, Option<&'a T>)> {
    let mut good = Vec::new();
    let mut closest = (NoneUsable::NoneHeld, None);
    for key in held.into_iter().filter(|key| key.is_of(address)) {
        match key.obstacle(purpose, now) {
            None => good.push(key),
            Some(why) if why > closest.0 => closest = (why, Some(key)),
            Some(_) => {}
        }
    }
    let chosen = choices.chosen(address, purpose);
    good.sort_by_key(|key| {
        let fingerprint = key.fingerprint();
        let is_chosen = chosen.is_some_and(|chosen| *chosen == fingerprint.to_string());
        std::cmp::Reverse((is_chosen, key.period().0, fingerprint))
    });
    if good.is_empty() { Err(closest) } else { Ok(good) }
}

/// Sets the flags that say which key is used for its own address now.
pub(super) fn mark_selected<T: Candidate>(held: &mut [T], choices: &Choices, now: UnixTime) {
    // An organisation's store holds many: each address is looked at once, beside its own keys only.
    let near = |address: &EmailAddress| (address.local().to_ascii_lowercase(), address.domain().to_owned());
    let mut groups: BTreeMap<_, Vec<&T>> = BTreeMap::new();
    for key in &*held {
        let names: BTreeSet<_> = key.named().iter().chain([key.own_address()]).map(near).collect();
        for name in names {
            groups.entry(name).or_default().push(key);
        }
    }
    let mut selected = BTreeMap::new();
    for key in &*held {
        selected.entry(key.own_address().clone()).or_insert_with_key(|address| {
            let group = groups.get(&near(address)).map(Vec::as_slice).unwrap_or_default();
            [Purpose::Sign, Purpose::Encrypt].map(|purpose| {
                let usable = usable(group.iter().copied(), choices, address, purpose, now).ok()?;
                usable.first().map(|key| key.fingerprint())
            })
        });
    }
    for key in held {
        let own = Some(key.fingerprint());
        let [sign, encrypt] = selected.get(key.own_address()).copied().unwrap_or_default();
        key.mark(sign == own, encrypt == own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::samples::{Sample, p256};

    fn key(not_before: i64, not_after: i64, extensions: &[(&str, bool, &[u8])]) -> HeldKey {
        let certificate =
            Sample { not_before, not_after, extensions, ..Sample::default() }.signed_by(&p256());
        HeldKey {
            address: alice(),
            token: None,
            handle: KeyHandle(KeyId::of_spki(certificate.spki_der())),
            certificate,
            chain: Vec::new(),
            retired: false,
            retires: None,
            selected_sign: false,
            selected_encrypt: false,
        }
    }

    fn alice() -> EmailAddress {
        EmailAddress::parse("alice@example.test").unwrap()
    }

    fn best(held: &[HeldKey], choices: &Choices, now: i64) -> Result<Fingerprint, NoneUsable> {
        usable(held, choices, &alice(), Purpose::Sign, UnixTime::from_seconds(now))
            .map(|good| good[0].certificate.sha256())
            .map_err(|(why, _)| why)
    }

    #[test]
    fn the_newest_good_one_unless_another_was_chosen() {
        let held = [key(100, 300, &[]), key(200, 400, &[]), key(350, 500, &[])];
        let name = |index: usize| held[index].certificate.sha256();
        let none = Choices::default();
        assert_eq!(best(&held, &none, 250), Ok(name(1)));
        assert_eq!(best(&held, &none, 360), Ok(name(2)));
        let selected = Selected { sign: Some(name(0).to_string()), encrypt: None };
        let mut choices =
            Choices { selected: [(alice().to_string(), selected)].into(), ..Choices::default() };
        assert_eq!(best(&held, &choices, 250), Ok(name(0)));
        assert_eq!(best(&held, &choices, 350), Ok(name(2)), "the chosen one has expired");
        choices.forget(name(0));
        assert_eq!(choices, Choices::default());
    }

    #[test]
    fn the_closest_reason_is_told() {
        let none = Choices::default();
        let encrypt_only: (&str, bool, &[u8]) = ("2.5.29.15", true, b"\x03\x02\x03\x08");
        let mut held = vec![key(100, 200, &[encrypt_only])];
        assert_eq!(best(&[], &none, 150), Err(NoneUsable::NoneHeld));
        assert_eq!(best(&held, &none, 150), Err(NoneUsable::NotFit));
        held.push(key(100, 140, &[]));
        assert_eq!(best(&held, &none, 150), Err(NoneUsable::Expired));
        held[1].retired = true;
        held.remove(0);
        assert_eq!(best(&held, &none, 120), Err(NoneUsable::Retired));
    }
}
