//! How much work a key file asks for before its password opens it. The numbers stand in the file, in the clear, and
//! are its writer's to choose: OpenSSL would work for hours without a word.
//!
//! # Limitations
//! What is encrypted inside an encrypted part is not seen: only who knows the file's password can have put a number
//! there.

use const_oid::ObjectIdentifier;

use crate::keys::error::ImportError;
use crate::x509::Element;

/// Most rounds of a hash, all parts of a file together: ten seconds with SHA-256, four times as many with SHA-512 on a
/// slow computer. Usual are thousands, the cautious have a million.
const MOST_ROUNDS: u64 = 40_000_000;
/// Memory that OpenSSL gives scrypt (`SCRYPT_MAX_MEM` of its `evp/pbe_scrypt.c`), in octets.
const MOST_MEMORY: u64 = 32 * 1024 * 1024;
/// Bags within bags: nobody's file has any.
const MOST_DEPTH: usize = 8;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const SAFE_CONTENTS_BAG: &str = "1.2.840.113549.1.12.10.1.6";

/// What the parts of one file ask for so far.
#[derive(Debug, Default)]
pub(super) struct Effort {
    rounds: u64,
}

impl Effort {
    /// Adds a PKCS#12 file (RFC 7292 section 4), in BER or DER.
    ///
    /// # Errors
    /// [`ImportError::TooMuchWork`]; [`ImportError::Damaged`] where it cannot be seen.
    pub(super) fn add_pkcs12(&mut self, file: &[u8]) -> Result<(), ImportError> {
        let fields = parts(file)?;
        let [_version, safes, rest @ ..] = fields.as_slice() else { return Err(ImportError::Damaged) };
        if let Some(mac) = rest.first() {
            self.add_mac(mac)?;
        }
        let content = Safe::read(safes)?.content.octets();
        for safe in parts(&content)? {
            self.add_safe(&Safe::read(&safe)?)?;
        }
        Ok(())
    }

    /// Adds an EncryptedPrivateKeyInfo (RFC 5958 section 3).
    ///
    /// # Errors
    /// As [`Effort::add_pkcs12`].
    pub(super) fn add_pkcs8(&mut self, der: &[u8]) -> Result<(), ImportError> {
        self.add_algorithm(parts(der)?.first())
    }

    /// MacData: the digest's algorithm, the salt and how often.
    fn add_mac(&mut self, mac: &Element<'_>) -> Result<(), ImportError> {
        let fields = inside(mac)?;
        let digest = fields.first().ok_or(ImportError::Damaged)?;
        self.add_algorithm(inside(digest)?.first())?;
        self.add(fields.get(2).map_or(1, number))
    }

    fn add_safe(&mut self, safe: &Safe<'_>) -> Result<(), ImportError> {
        match safe.kind.as_str() {
            DATA => self.add_bags(&safe.content.octets(), 0),
            ENCRYPTED_DATA => {
                // EncryptedData: version, EncryptedContentInfo with type, algorithm, content
                let fields = inside(&safe.content)?;
                let info = fields.get(1).ok_or(ImportError::Damaged)?;
                self.add_algorithm(inside(info)?.get(1))
            }
            _ => Ok(()), // OpenSSL does not open it
        }
    }

    fn add_bags(&mut self, contents: &[u8], depth: usize) -> Result<(), ImportError> {
        if depth > MOST_DEPTH {
            return Err(ImportError::Damaged);
        }
        for bag in parts(contents)? {
            let bag = Safe::read(&bag)?;
            match bag.kind.as_str() {
                SHROUDED_KEY_BAG => self.add_algorithm(inside(&bag.content)?.first())?,
                SAFE_CONTENTS_BAG => self.add_bags(bag.content.from, depth.saturating_add(1))?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds the AlgorithmIdentifier of something that a password opens. What is none asks for nothing: OpenSSL knows no
    /// others than these.
    fn add_algorithm(&mut self, algorithm: Option<&Element<'_>>) -> Result<(), ImportError> {
        let (kind, parameters) = kind_and_parameters(algorithm.ok_or(ImportError::Damaged)?)?;
        match kind.as_str() {
            // PBES2, PBMAC1 (RFC 8018): the function for the key comes first
            "1.2.840.113549.1.5.13" | "1.2.840.113549.1.5.14" => match parameters.first() {
                Some(function) => self.add_function(function),
                None => Ok(()),
            },
            // PBES1 (RFC 8018) and PKCS#12's own (RFC 7292 appendix B), which makes key and IV of several digests
            other if other.starts_with("1.2.840.113549.1.5.") => {
                self.add(parameters.get(1).map_or(0, number))
            }
            other if other.starts_with("1.2.840.113549.1.12.1.") => {
                self.add(parameters.get(1).map_or(0, number).saturating_mul(3))
            }
            _ => Ok(()),
        }
    }

    /// PBKDF2 (RFC 8018 appendix A.2) and scrypt (RFC 7914 section 7).
    fn add_function(&mut self, function: &Element<'_>) -> Result<(), ImportError> {
        let (kind, parameters) = kind_and_parameters(function)?;
        match kind.as_str() {
            "1.2.840.113549.1.5.12" => {
                // Two digests make the longest key.
                self.add(parameters.get(1).map_or(0, number).saturating_mul(2))?;
                let length = parameters.get(2).filter(|e| e.tag == INTEGER).map_or(0, number);
                if length > 64 { Err(ImportError::TooMuchWork) } else { Ok(()) }
            }
            "1.3.6.1.4.1.11591.4.11" => {
                let cost = |at: usize| parameters.get(at).map_or(0, number);
                let (n, r, p) = (cost(1), cost(2), cost(3));
                let rows = n.saturating_add(p).saturating_add(2);
                if rows.saturating_mul(r).saturating_mul(128) > MOST_MEMORY {
                    return Err(ImportError::TooMuchWork);
                }
                self.add(n.saturating_mul(r).saturating_mul(p))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, rounds: u64) -> Result<(), ImportError> {
        self.rounds = self.rounds.saturating_add(rounds);
        if self.rounds > MOST_ROUNDS { Err(ImportError::TooMuchWork) } else { Ok(()) }
    }
}

/// A ContentInfo or SafeBag: its kind, and what stands in its `[0]`.
struct Safe<'a> {
    kind: String,
    content: Element<'a>,
}

impl<'a> Safe<'a> {
    fn read(info: &Element<'a>) -> Result<Self, ImportError> {
        let fields = inside(info)?;
        let [kind, explicit, ..] = fields.as_slice() else { return Err(ImportError::Damaged) };
        let content = inside(explicit)?.into_iter().next();
        Ok(Self { kind: oid(kind), content: content.ok_or(ImportError::Damaged)? })
    }
}

/// An AlgorithmIdentifier: its dotted number, and what its parameters hold.
fn kind_and_parameters<'a>(algorithm: &Element<'a>) -> Result<(String, Vec<Element<'a>>), ImportError> {
    let fields = inside(algorithm)?;
    let [kind, rest @ ..] = fields.as_slice() else { return Err(ImportError::Damaged) };
    let parameters = rest.first().filter(|e| e.tag == SEQUENCE).map(inside).transpose()?;
    Ok((oid(kind), parameters.unwrap_or_default()))
}

/// What the SEQUENCE at the beginning holds.
fn parts(octets: &[u8]) -> Result<Vec<Element<'_>>, ImportError> {
    inside(&Element::first(octets).ok_or(ImportError::Damaged)?)
}

/// Everything inside a value: a part that is passed over could be the one that asks for too much.
fn inside<'a>(element: &Element<'a>) -> Result<Vec<Element<'a>>, ImportError> {
    element.all_children().ok_or(ImportError::Damaged)
}

/// The dotted number; empty for what is none.
fn oid(element: &Element<'_>) -> String {
    ObjectIdentifier::from_bytes(element.content).map(|oid| oid.to_string()).unwrap_or_default()
}

/// A positive INTEGER; endless where it does not fit, or is none.
fn number(element: &Element<'_>) -> u64 {
    let digits = element.content;
    let is_number =
        element.tag == INTEGER && digits.len() <= 8 && digits.first().is_some_and(|first| *first < 0x80);
    let value = || digits.iter().fold(0_u64, |sum, digit| (sum << 8) | u64::from(*digit));
    if is_number { value() } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::read_key_file;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], &content].concat()
    }

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        value(SEQUENCE, parts)
    }

    fn named(oid: &str) -> Vec<u8> {
        value(6, &[ObjectIdentifier::new_unwrap(oid).as_bytes()])
    }

    fn integer(number: u32) -> Vec<u8> {
        der::Encode::to_der(&number).unwrap()
    }

    fn pbes2(function: &str, parameters: &[&[u8]]) -> Vec<u8> {
        let salt = value(4, &[b"saltsalt"]);
        let function = sequence(&[&named(function), &sequence(&[&[&salt[..]], parameters].concat())]);
        let cipher = sequence(&[&named("2.16.840.1.101.3.4.1.42"), &value(4, &[&[0; 16]])]);
        sequence(&[&named("1.2.840.113549.1.5.13"), &sequence(&[&function, &cipher])])
    }

    fn pbkdf2(iterations: u32) -> Vec<u8> {
        pbes2("1.2.840.113549.1.5.12", &[&integer(iterations)])
    }

    fn scrypt(n: u32, r: u32, p: u32) -> Vec<u8> {
        pbes2("1.3.6.1.4.1.11591.4.11", &[&integer(n), &integer(r), &integer(p)])
    }

    fn old(kind: &str, iterations: u32) -> Vec<u8> {
        sequence(&[&named(kind), &sequence(&[&value(4, &[b"saltsalt"]), &integer(iterations)])])
    }

    fn key(algorithm: &[u8]) -> Vec<u8> {
        sequence(&[algorithm, &value(4, &[&[7; 160]])])
    }

    fn in_0(content: &[u8]) -> Vec<u8> {
        value(0xa0, &[content])
    }

    fn bag(kind: &str, content: &[u8]) -> Vec<u8> {
        sequence(&[&named(kind), &in_0(content)])
    }

    fn data(content: &[u8]) -> Vec<u8> {
        sequence(&[&named(DATA), &in_0(&value(4, &[content]))])
    }

    fn pkcs12(safes: &[&[u8]], mac_iterations: u32) -> Vec<u8> {
        let sha256 = sequence(&[&named("2.16.840.1.101.3.4.2.1"), &[5, 0]]);
        let digest = sequence(&[&sha256, &value(4, &[&[7; 32]])]);
        let mac = sequence(&[&digest, &value(4, &[b"saltsalt"]), &integer(mac_iterations)]);
        sequence(&[&integer(3), &data(&sequence(safes)), &mac])
    }

    fn encrypted(algorithm: &[u8]) -> Vec<u8> {
        let info = sequence(&[&named(DATA), algorithm, &value(0x80, &[&[7; 64]])]);
        sequence(&[&named(ENCRYPTED_DATA), &in_0(&sequence(&[&integer(0), &info]))])
    }

    #[test]
    fn a_file_that_would_take_hours_is_left_closed() {
        let (endless, usual) = (pbkdf2(2_000_000_000), pbkdf2(600_000));
        let shrouded = |algorithm: &[u8]| bag(SHROUDED_KEY_BAG, &key(algorithm));
        let bags = |all: &[&[u8]]| data(&sequence(all));
        let nested = bag(SAFE_CONTENTS_BAG, &sequence(&[&shrouded(&endless)]));
        let many = vec![shrouded(&usual); 40].concat();
        for (what, file) in [
            ("the MAC", pkcs12(&[&bags(&[&shrouded(&usual)])], 2_000_000_000)),
            ("the key", pkcs12(&[&bags(&[&shrouded(&endless)])], 2048)),
            ("a key in a bag", pkcs12(&[&bags(&[&nested])], 2048)),
            ("the certificates", pkcs12(&[&encrypted(&endless)], 2048)),
            (
                "PKCS#12's own",
                pkcs12(&[&bags(&[&shrouded(&old("1.2.840.113549.1.12.1.3", 2_000_000_000))])], 2048),
            ),
            ("PBES1", pkcs12(&[&bags(&[&shrouded(&old("1.2.840.113549.1.5.3", 2_000_000_000))])], 2048)),
            ("scrypt's time", pkcs12(&[&bags(&[&shrouded(&scrypt(1024, 8, 1_000_000))])], 2048)),
            ("scrypt's memory", pkcs12(&[&bags(&[&shrouded(&scrypt(1 << 30, 8, 1))])], 2048)),
            ("many keys", pkcs12(&[&bags(&[&many])], 2048)),
        ] {
            assert_eq!(read_key_file(&file, "x").unwrap_err(), ImportError::TooMuchWork, "{what}");
        }
        let pem = |algorithm: &[u8]| {
            let base64 = STANDARD.encode(key(algorithm));
            format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{base64}\n-----END ENCRYPTED PRIVATE KEY-----\n")
        };
        let read = |text: &str| read_key_file(text.as_bytes(), "x").unwrap_err();
        assert_eq!(read(&pem(&endless)), ImportError::TooMuchWork);
        assert_eq!(read(&pem(&scrypt(1024, 8, 1_000_000))), ImportError::TooMuchWork);
        assert_eq!(read(&pem(&usual).repeat(40)), ImportError::WrongPassword, "the first one already");
        // Under other names OpenSSL does not take it for an encrypted key.
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "ANY PRIVATE KEY"] {
            assert_eq!(read(&pem(&endless).replace("ENCRYPTED PRIVATE KEY", label)), ImportError::Damaged);
        }
        let hidden =
            format!("-----BEGIN ANY PRIVATE KEY-----\n{}-----END ANY PRIVATE KEY-----\n", pem(&endless));
        assert_eq!(read(&hidden), ImportError::Damaged);
    }

    #[test]
    fn usual_files_are_opened() {
        for algorithm in [pbkdf2(1_000_000), scrypt(16_384, 8, 1), old("1.2.840.113549.1.12.1.3", 100_000)] {
            let mut effort = Effort::default();
            let shrouded = bag(SHROUDED_KEY_BAG, &key(&algorithm));
            let file = pkcs12(&[&encrypted(&algorithm), &data(&sequence(&[&shrouded]))], 1_000_000);
            assert_eq!(effort.add_pkcs12(&file), Ok(()));
        }
    }

    #[test]
    fn what_cannot_be_seen_is_not_opened() {
        let file = pkcs12(&[&encrypted(&pbkdf2(1))], 1);
        (0..file.len()).for_each(|cut| assert!(Effort::default().add_pkcs12(&file[..cut]).is_err()));
    }
}
