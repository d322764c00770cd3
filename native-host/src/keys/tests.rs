//! The store as a whole, over unlock files; the keyring itself is tested as a process.

use std::path::{Path, PathBuf};

use super::*;
use crate::clock::UnixTime;
use crate::mime::EmailAddress;
use crate::x509::samples::{Sample, p256};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(place.secret("unlock"), [b'a'; 40]).unwrap();
        std::fs::write(place.secret("other"), [b'b'; 40]).unwrap();
        place
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn store(&self) -> KeyStore {
        KeyStore::open(&self.data(), KekSource::UnlockFile(self.secret("unlock")))
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        super::files::with_extension(&self.data().join("keys"), extension).unwrap()
    }
}

fn alice() -> EmailAddress {
    EmailAddress::parse("alice@example.test").unwrap()
}

/// How many keys are held, each of which opens.
fn opened(store: &KeyStore) -> usize {
    let opened: Result<Vec<_>, _> =
        store.decryption_candidates().unwrap().map(|(_, handle)| store.unseal(handle)).collect();
    opened.unwrap().len()
}

fn new_key() -> NewKey {
    NewKey { address: alice(), name: None, algorithm: NewAlgorithm::P256, days: 30 }
}

#[test]
fn a_named_certificate_for_one_purpose_leaves_the_other_to_the_choice() {
    let place = Place::new();
    let store = place.store();
    let both = store.generate(&new_key(), NOW).unwrap().certificate;
    let sign_only: (&str, bool, &[u8]) = ("2.5.29.15", true, b"\x03\x02\x07\x80");
    let key = p256();
    let sample = Sample { extensions: &[sign_only], ..Sample::default() };
    let certificate = sample.signed_by(&key);
    let named = Some(certificate.sha256());
    let material =
        KeyMaterial { private: PrivateKey::new(key), certificate: certificate.clone(), chain: Vec::new() };
    store.import(&material, Some(&alice()), NOW).unwrap();
    assert_eq!(store.signer_for(&alice(), named, NOW).unwrap().certificate, certificate);
    let own = store.encrypting_keys_for(&alice(), named, NOW).unwrap();
    assert_eq!(own.into_iter().map(|key| key.certificate).collect::<Vec<_>>(), [both]);
}

#[test]
fn what_is_generated_can_be_used() {
    let place = Place::new();
    let held = place.store().generate(&new_key(), NOW).unwrap();
    assert!(held.selected_sign && held.selected_encrypt && !held.retired);
    // another store value: nothing is only in memory
    let store = place.store();
    let signer = store.signer_for(&alice(), None, NOW).unwrap();
    assert_eq!(signer.certificate, held.certificate);
    assert!(signer.private.unsealed().unwrap().belongs_to(&held.certificate));
    let own = store.encrypting_keys_for(&alice(), None, NOW).unwrap();
    assert_eq!(own.iter().map(|key| &key.certificate).collect::<Vec<_>>(), [&held.certificate]);
    let candidates: Vec<_> = store.decryption_candidates().unwrap().collect();
    assert_eq!(candidates, [(held.certificate.clone(), held.handle)]);
    assert!(store.unseal(held.handle).unwrap().belongs_to(&held.certificate));
}

#[test]
fn an_empty_store_lists_nothing_and_writes_nothing() {
    let place = Place::new();
    let store = place.store();
    assert!(store.list(NOW).unwrap().is_empty());
    assert!(matches!(
        store.signer_for(&alice(), None, NOW),
        Err(KeyError::NoUsableKey { why: NoneUsable::NoneHeld, purpose: Purpose::Sign, .. })
    ));
    assert!(!place.data().exists());
}

#[test]
fn listing_needs_no_secret_and_opening_does() {
    let place = Place::new();
    let held = place.store().generate(&new_key(), NOW).unwrap();
    let none = KeyStore::open(&place.data(), KekSource::UnlockFile(place.secret("none")));
    assert_eq!(none.list(NOW).unwrap().len(), 1);
    assert_eq!(none.encrypting_keys_for(&alice(), None, NOW).unwrap().len(), 1);
    assert!(matches!(none.unseal(held.handle), Err(KeyError::Unreadable { .. })));
    let other = KeyStore::open(&place.data(), KekSource::UnlockFile(place.secret("other")));
    assert!(matches!(other.unseal(held.handle), Err(KeyError::SealedOtherwise { .. })));
    // and nothing is sealed with it beside the others
    assert!(matches!(other.generate(&new_key(), NOW), Err(KeyError::SealedOtherwise { .. })));
    assert_eq!(place.files("key").len(), 1);
}

#[test]
fn the_index_is_never_made_anew_while_keys_need_it() {
    let place = Place::new();
    let store = place.store();
    store.generate(&new_key(), NOW).unwrap();
    std::fs::remove_file(place.data().join("keys/store.json")).unwrap();
    assert!(matches!(store.generate(&new_key(), NOW), Err(KeyError::Damaged { .. })));
    assert!(!place.data().join("keys/store.json").exists());
}

#[cfg(unix)]
#[test]
fn others_cannot_read_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::create_dir_all(place.data().join("keys")).unwrap();
    std::fs::set_permissions(place.data().join("keys"), std::fs::Permissions::from_mode(0o755)).unwrap();
    place.store().generate(&new_key(), NOW).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.data().join("keys")), 0o700);
    for file in place.files("key").iter().chain(&place.files("pem")).chain(&place.files("json")) {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_damaged_certificate_does_not_take_the_others_with_it() {
    let place = Place::new();
    let store = place.store();
    let first = store.generate(&new_key(), NOW).unwrap();
    let second = store.generate(&new_key(), NOW).unwrap();
    let file = place.data().join(format!("keys/{}.pem", first.certificate.sha256()));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("MII", "MIJ", 1)).unwrap();
    let listed = store.list(NOW).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].certificate, second.certificate);
}

#[test]
fn a_damaged_key_says_so_when_opened() {
    let place = Place::new();
    let store = place.store();
    let held = store.generate(&new_key(), NOW).unwrap();
    let file = place.files("key").remove(0);
    let good = std::fs::read(&file).unwrap();
    for position in [0, 30, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[position] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        let error = store.signer_for(&alice(), None, NOW).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "octet {position}: {error:?}");
    }
    std::fs::write(&file, good).unwrap();
    assert!(store.unseal(held.handle).is_ok());
}

#[test]
fn retired_keys_still_decrypt_and_sign_nothing() {
    let place = Place::new();
    let store = place.store();
    let old = store.generate(&new_key(), NOW).unwrap();
    store.retire(old.certificate.sha256()).unwrap();
    assert!(matches!(
        store.signer_for(&alice(), None, NOW),
        Err(KeyError::NoUsableKey { why: NoneUsable::Retired, .. })
    ));
    assert_eq!(opened(&store), 1);
    let listed = store.list(NOW).unwrap();
    assert!(listed[0].retired && !listed[0].selected_sign);
    assert!(matches!(
        store.select(&alice(), Some(old.certificate.sha256()), None, NOW),
        Err(KeyError::NoUsableKey { why: NoneUsable::Retired, .. })
    ));
}

#[test]
fn choices_for_thousands_of_addresses_are_read() {
    let place = Place::new();
    let store = place.store();
    let held = store.generate(&new_key(), NOW).unwrap();
    store.retire(held.certificate.sha256()).unwrap();
    let file = store.certificate_path(held.certificate.sha256()).with_file_name("choices.json");
    let mut choices: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let others = (0..16_000).map(|number| format!("{number:064x}").into());
    choices["retired"].as_array_mut().unwrap().extend(others);
    std::fs::write(&file, choices.to_string()).unwrap();
    assert!(std::fs::metadata(&file).unwrap().len() > 1024 * 1024);
    assert!(store.list(NOW).unwrap()[0].retired);
}

#[test]
fn a_chosen_key_is_used_and_a_deleted_one_is_gone() {
    let place = Place::new();
    let store = place.store();
    let first = store.generate(&new_key(), NOW).unwrap();
    let second = store.generate(&new_key(), NOW.plus(10)).unwrap();
    let signer = || store.signer_for(&alice(), None, NOW).unwrap().certificate;
    assert_eq!(signer(), second.certificate);
    store.select(&alice(), Some(first.certificate.sha256()), None, NOW).unwrap();
    assert_eq!(signer(), first.certificate);
    assert_eq!(store.encrypting_keys_for(&alice(), None, NOW).unwrap()[0].certificate, second.certificate);
    let bob = EmailAddress::parse("bob@example.test").unwrap();
    assert!(matches!(
        store.select(&bob, Some(first.certificate.sha256()), None, NOW),
        Err(KeyError::AddressDoesNotFit { .. })
    ));
    store.retire_at(second.certificate.sha256(), NOW.plus(20)).unwrap();
    let select = |now| store.select(&alice(), Some(second.certificate.sha256()), None, now);
    assert!(select(NOW.plus(19)).is_ok());
    assert!(
        matches!(select(NOW.plus(20)), Err(KeyError::NoUsableKey { why: NoneUsable::Retired, .. })),
        "it would be passed over"
    );
    store.delete(first.certificate.sha256()).unwrap();
    assert_eq!(signer(), second.certificate);
    assert_eq!((place.files("key").len(), place.files("pem").len()), (1, 1));
    assert!(matches!(store.delete(first.certificate.sha256()), Err(KeyError::NoSuchKey(_))));
}

#[test]
fn a_store_that_has_read_its_keys_notices_what_others_do_to_them() {
    let place = Place::new();
    let (store, other) = (place.store(), place.store());
    let first = store.generate(&new_key(), NOW).unwrap();
    let listed = || -> Vec<_> { store.list(NOW).unwrap().into_iter().map(|key| key.certificate).collect() };
    assert_eq!(listed(), std::slice::from_ref(&first.certificate));
    let second = other.generate(&NewKey { days: 31, ..new_key() }, NOW.plus(1)).unwrap();
    assert_eq!(listed(), [second.certificate.clone(), first.certificate.clone()]);
    // The key is sealed anew, for another of the addresses that a certificate without any may be used for.
    let key = p256();
    let certificate = Sample { extensions: &[], ..Sample::default() }.signed_by(&key);
    let material = KeyMaterial { private: PrivateKey::new(key), certificate, chain: Vec::new() };
    let whose = |store: &KeyStore| {
        let held = store.list(NOW).unwrap();
        held.into_iter().find(|key| key.certificate == material.certificate).map(|key| key.address)
    };
    let bob = EmailAddress::parse("bobby@example.test").unwrap();
    other.import(&material, Some(&alice()), NOW).unwrap();
    assert_eq!(whose(&store), Some(alice()));
    other.import(&material, Some(&bob), NOW).unwrap();
    assert_eq!(whose(&store), Some(bob));
    for certificate in [&material.certificate, &second.certificate] {
        other.delete(certificate.sha256()).unwrap();
    }
    assert_eq!(listed(), std::slice::from_ref(&first.certificate));
    assert_eq!(store.decryption_candidates().unwrap().count(), 1);
}

#[test]
fn a_key_with_two_certificates_outlives_one_of_them() {
    let place = Place::new();
    let store = place.store();
    let key = p256();
    let material = |subject| KeyMaterial {
        private: PrivateKey::new(key.clone()),
        certificate: Sample { subject, ..Sample::default() }.signed_by(&key),
        chain: Vec::new(),
    };
    let a = store.import(&material(&[("emailAddress", "a@example.test")]), None, NOW).unwrap();
    let b = store.import(&material(&[("emailAddress", "b@example.test")]), None, NOW).unwrap();
    assert_eq!((place.files("key").len(), place.files("pem").len()), (1, 2));
    let addresses: Vec<_> = store.list(NOW).unwrap().iter().map(|key| key.address.to_string()).collect();
    assert_eq!(addresses, ["a@example.test", "b@example.test"]);
    store.delete(b.certificate.sha256()).unwrap();
    assert!(store.unseal(a.handle).is_ok());
    store.delete(a.certificate.sha256()).unwrap();
    assert!(place.files("key").is_empty());
}

#[test]
fn a_certificate_is_held_for_an_address_it_may_be_used_for() {
    let place = Place::new();
    let store = place.store();
    let material = |subject| {
        let key = p256();
        let certificate = Sample { subject, ..Sample::default() }.signed_by(&key);
        KeyMaterial { private: PrivateKey::new(key), certificate, chain: Vec::new() }
    };
    let nameless = material(&[("CN", "Alice")]);
    assert!(matches!(store.import(&nameless, None, NOW), Err(KeyError::AddressMissing)));
    assert_eq!(store.import(&nameless, Some(&alice()), NOW).unwrap().address, alice());
    assert!(store.signer_for(&alice(), None, NOW).is_ok());
    let bobs = material(&[("emailAddress", "bob@example.test")]);
    assert!(matches!(store.import(&bobs, Some(&alice()), NOW), Err(KeyError::AddressDoesNotFit { .. })));
}

#[test]
fn writers_beside_each_other_lose_nothing() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.store().generate(&new_key(), NOW).unwrap());
        }
    });
    assert_eq!(opened(&place.store()), 8);
    assert!(place.files("unfinished").is_empty());
}

#[test]
fn the_next_key_waits_for_its_turn() {
    let place = Place::new();
    let store = place.store();
    assert!(matches!(store.generate_next(&new_key(), None, NOW), Err(KeyError::NoUsableKey { .. })));
    let current = store.generate(&new_key(), NOW).unwrap();
    let next = store.generate_next(&new_key(), None, NOW.plus(86_400)).unwrap();
    assert!(!next.selected_sign && !next.selected_encrypt);
    let signer = |at| store.signer_for(&alice(), None, at).unwrap().certificate;
    assert_eq!(signer(NOW.plus(86_400)), current.certificate);
    // and takes it when the present one ends
    assert_eq!(signer(current.certificate.not_after().plus(1)), next.certificate);
    // own copies go to both meanwhile
    assert_eq!(store.encrypting_keys_for(&alice(), None, NOW.plus(86_400)).unwrap().len(), 2);
}

#[test]
fn a_request_is_answered_by_a_certificate_for_its_key() {
    let place = Place::new();
    let store = place.store();
    let pem = store.request(&new_key()).unwrap();
    let request = openssl::x509::X509Req::from_pem(pem.as_bytes()).unwrap();
    let key = request.public_key().unwrap();
    assert!(request.verify(&key).unwrap());
    assert!(store.list(NOW).unwrap().is_empty());
    assert_eq!((place.files("key").len(), place.files("csr").len()), (1, 1));

    let answer = |address: &str| {
        // a certificate over the request's key, signed by somebody else
        let mut builder = openssl::x509::X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(request.subject_name()).unwrap();
        builder.set_issuer_name(request.subject_name()).unwrap();
        builder.set_pubkey(&key).unwrap();
        let at = |seconds| openssl::asn1::Asn1Time::from_unix(seconds).unwrap();
        builder.set_not_before(&at(NOW.seconds() - 10)).unwrap();
        builder.set_not_after(&at(NOW.seconds() + 1000)).unwrap();
        let names = openssl::x509::extension::SubjectAlternativeName::new()
            .email(address)
            .build(&builder.x509v3_context(None, None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&p256(), openssl::hash::MessageDigest::sha256()).unwrap();
        crate::x509::Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
    };
    let other = Sample::default().signed_by(&p256());
    assert!(matches!(store.install(std::slice::from_ref(&other), NOW), Err(KeyError::NoKeyForCertificates)));
    assert!(matches!(
        store.install(&[answer("eve@example.test")], NOW),
        Err(KeyError::AddressDoesNotFit { .. })
    ));
    let good = answer("alice@example.test");
    let held = store.install(&[other, good.clone()], NOW).unwrap();
    assert_eq!(held.certificate, good);
    assert!(store.signer_for(&alice(), None, NOW).unwrap().private.unsealed().unwrap().belongs_to(&good));
    assert!(place.files("csr").is_empty());
}

/// A small PKCS#12 file, PEM text and sealed file to start from: random octets alone never get
/// far into a parser.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
        let place = Place::new();
        let store = place.store();
        let held = store.generate(&new_key(), NOW).unwrap();
        let p12 = place.secret("out.p12");
        store.export_pkcs12(held.certificate.sha256(), "x", Pkcs12Encryption::Legacy, &p12).unwrap();
        let key = store.unseal(held.handle).unwrap().pkey().private_key_to_pem_pkcs8().unwrap();
        let pem = [key, held.certificate.to_pem().into_bytes()].concat();
        vec![std::fs::read(p12).unwrap(), pem, std::fs::read(&place.files("key")[0]).unwrap()]
    });
    &SEEDS
}

/// The certificate of an authority that nobody needs here does not keep the key back.
#[test]
fn one_odd_certificate_does_not_spoil_a_file() {
    use openssl::pkcs12::Pkcs12;
    use openssl::x509::X509;
    let (key, other) = (p256(), p256());
    let good = Sample::default().signed_by(&key);
    let odd = |key| {
        let mut der = Sample::default().signed_by(key).der().to_vec();
        let time = der.windows(2).position(|window| window == [0x17, 13]).unwrap();
        der[time + 2] = b'6'; // the 1960s
        X509::from_der(&der).unwrap()
    };
    let file = |own: &openssl::x509::X509Ref, above: X509| {
        let mut chain = openssl::stack::Stack::new().unwrap();
        chain.push(above).unwrap();
        let mut builder = Pkcs12::builder();
        builder.name("x").pkey(&key).cert(own).ca(chain);
        builder.build2("x").unwrap().to_der().unwrap()
    };
    let found = read_key_file(&file(good.x509().unwrap(), odd(&other)), "x").unwrap();
    assert_eq!((found.len(), &found[0].certificate), (1, &good));
    let spoilt = read_key_file(&file(&odd(&key), odd(&other)), "x").unwrap_err();
    assert_eq!(spoilt, ImportError::CertificateUnreadable);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    #[test]
    fn no_octets_make_a_reader_panic(
        seed in 0_usize..3,
        changes in proptest::collection::vec((0_usize..4000, proptest::prelude::any::<u8>()), 0..4),
        cut in 0_usize..4000,
    ) {
        let mut content = seeds()[seed].clone();
        for (position, octet) in changes {
            let position = position % content.len();
            content[position] = octet;
        }
        content.truncate(content.len() - (cut % content.len()) * usize::from(cut % 3 == 0));
        let _ = read_key_file(&content, "x");
        let _ = read_certificates(&content);
        let _ = super::sealed::Sealed::parse(&content);
    }
}
