//! TLS in front of a DNS server: DNS over TLS is DNS over TCP inside TLS (RFC 7858).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

/// Serves `behind` under `name`, and writes the authority that vouches for it to `authority`. Its
/// threads end with the program.
pub fn tls_front(behind: SocketAddr, name: &str, authority: &Path) -> SocketAddr {
    let (ca, ca_key) = make("an authority", None);
    std::fs::write(authority, ca.to_pem().unwrap()).unwrap();
    let (certificate, key) = make(name, Some((&ca, &ca_key)));
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_private_key(&key).unwrap();
    builder.set_certificate(&certificate).unwrap();
    let acceptor = Arc::new(builder.build());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let acceptor = Arc::clone(&acceptor);
            std::thread::spawn(move || pass(stream, &acceptor, behind));
        }
    });
    address
}

fn pass(stream: TcpStream, acceptor: &SslAcceptor, behind: SocketAddr) -> Option<()> {
    let mut front = acceptor.accept(stream).ok()?;
    let mut back = TcpStream::connect(behind).ok()?;
    loop {
        for turn in [true, false] {
            let mut length = [0; 2];
            if turn {
                front.read_exact(&mut length).ok()?
            } else {
                back.read_exact(&mut length).ok()?
            }
            let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
            if turn {
                front.read_exact(&mut octets).ok()?
            } else {
                back.read_exact(&mut octets).ok()?
            }
            let framed = [&length[..], &octets].concat();
            if turn { back.write_all(&framed).ok()? } else { front.write_all(&framed).ok()? }
        }
    }
}

pub fn make(name: &str, issuer: Option<(&X509, &PKey<Private>)>) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(3).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |(ca, _)| ca.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    if issuer.is_some() {
        let names =
            SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
    } else {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    builder.sign(issuer.map_or(&key, |(_, key)| key), MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}
