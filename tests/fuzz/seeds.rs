//! Where each target begins: well-formed samples, made on the spot, that lead deep into the code.

use dane_smime::cms::{ContentCipher, Placement};

use crate::targets::{PERSON, encrypt, pkcs7_mime, sign};

const TEXT: &[u8] =
    b"Content-Type: text/plain; hp=\"cipher\"\r\nSubject: s\r\nHP-Outer: Subject: x\r\n\r\nhello\r\n";

/// A whole message inside (RFC 8551 section 3.1).
const WRAPPED: &[u8] = b"Content-Type: message/rfc822\r\n\r\nFrom: bob@example.test\r\nSubject: s\r\n\
                         Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n";

/// The samples of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "frame" => frames(),
        "split" => vec![
            b"b\n--b\r\nA: 1\r\n\r\nx\r\n--b \t\r\ntwo\r\n--b--\r\nepilogue\r\n".to_vec(),
            b"=_a b\npreamble\n--=_a b\n\n--=_a b--".to_vec(),
        ],
        "headers" => vec![
            b"From: \"A (b)\" (c) <a.b@example.test>, x: y@z.test;\r\nContent-Type: multipart/signed; boundary*0=\"a\";\
              boundary*1=b; protocol=\"application/pkcs7-signature\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\
              Subject: =?utf-8?Q?Gr=C3=BCn?=\r\n folded\r\n\r\na=3D=\r\nb"
                .to_vec(),
            [b"From: bob@b\xc3\xbccher.test\nContent-Transfer-Encoding: base64\n", TEXT].concat(),
            WRAPPED.to_vec(),
        ],
        "smimea" => {
            let certificate = PERSON.certificate.der();
            let key = PERSON.certificate.spki_der();
            vec![
                [&[3, 0, 0], certificate].concat(),
                [&[2, 1, 0], key].concat(),
                [vec![0, 1, 1], vec![7; 32]].concat(),
                [vec![1, 0, 2], vec![7; 64]].concat(),
                certificate.to_vec(),
            ]
        }
        "cms" => objects(),
        "open" => messages(),
        _ => Vec::new(),
    }
}

fn frames() -> Vec<Vec<u8>> {
    [
        r#"{"type":"hello","id":1,"protocol":{"min":1,"max":1},"addon":"0.1.0"}"#,
        r#"{"type":"open","id":2,"body_length":3,"shown_sha256":"00","show_unauthentic":true,"deadline_ms":9}"#,
        r#"{"type":"open","id":2,"body_length":3,"body_file":"body-1","answer_file":true}"#,
        r#"{"type":"chunk","id":2,"seq":0,"data":"AAEC"}"#,
        r#"{"type":"lookup","id":3,"addresses":["a@b.test"]}"#,
        r#"{"type":"protect","id":4,"from":"a@b.test","to":["c@d.test"],"sign":true,"encrypt":true,"purpose":"send"}"#,
    ]
    .iter()
    .map(|json| [&u32::try_from(json.len()).unwrap().to_ne_bytes()[..], json.as_bytes()].concat())
    .collect()
}

fn objects() -> Vec<Vec<u8>> {
    let signed = sign(b"text", Placement::Detached);
    vec![
        of_unknown_digest(&signed), // found once: OpenSSL lost memory there
        signed,
        sign(b"text", Placement::Embedded),
        encrypt(b"text", ContentCipher::Aes256Cbc),
        encrypt(b"text", ContentCipher::Aes256Gcm),
    ]
}

/// With a digestAlgorithm that nobody knows, beside the SignerInfo's own.
fn of_unknown_digest(signed: &[u8]) -> Vec<u8> {
    const SHA256: [u8; 11] = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let mut octets = signed.to_vec();
    let at = octets.windows(SHA256.len()).position(|piece| piece == SHA256).unwrap();
    octets[at + SHA256.len() - 1] = 0x7f;
    octets
}

fn clear_signed(content: &[u8]) -> Vec<u8> {
    let signature = String::from_utf8(pkcs7_mime(&sign(content, Placement::Detached))).unwrap();
    let signature = signature.replace("pkcs7-mime", "pkcs7-signature");
    let head =
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n--b\r\n";
    [head.as_bytes(), content, b"\r\n--b\r\n", signature.as_bytes(), b"\r\n--b--\r\n"].concat()
}

fn messages() -> Vec<Vec<u8>> {
    let signed = clear_signed(TEXT);
    let opaque = pkcs7_mime(&sign(TEXT, Placement::Embedded));
    let sealed = |content: &[u8], cipher| pkcs7_mime(&encrypt(content, cipher));
    let triple = pkcs7_mime(&sign(&sealed(&signed, ContentCipher::Aes256Gcm), Placement::Embedded));
    let bodies = vec![
        TEXT.to_vec(),
        sealed(TEXT, ContentCipher::Aes256Cbc),
        sealed(&signed, ContentCipher::Aes256Cbc),
        sealed(&opaque, ContentCipher::Aes256Gcm),
        clear_signed(&opaque),
        signed,
        opaque,
        triple,
        clear_signed(WRAPPED),
        sealed(&clear_signed(WRAPPED), ContentCipher::Aes256Gcm),
    ];
    bodies.into_iter().map(|body| [b"From: Bob <bob@example.test>\r\n".to_vec(), body].concat()).collect()
}
