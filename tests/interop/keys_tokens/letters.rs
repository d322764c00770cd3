//! What tokens sign, and what they open.

use serde_json::json;

use crate::soft_token::PIN;
use crate::{ALICE, BOB, User};

#[test]
fn openssl_accepts_what_tokens_sign_and_tokens_open_what_openssl_encrypts() {
    let user = User::new();
    user.tokens.token("mixed");
    user.tokens.key("mixed", "rsa", "01", "-newkey rsa:2048", ALICE, true);
    user.tokens.key("mixed", "ec", "02", "-newkey ec -pkeyopt ec_paramgen_curve:P-256", BOB, true);
    let added = user.takes_up();
    assert_eq!(added.as_array().unwrap().len(), 2);
    assert_eq!((user.pinentry.times_asked(), &added[0]["token"]["label"]), (1, &json!("mixed")));
    let listed = user.dane(&["key", "list"]).good();
    assert_eq!(listed, added);

    for (address, name, algorithm) in
        [(ALICE, "rsa", "algorithm: rsaEncryption"), (BOB, "ec", "algorithm: ecdsa-with-SHA256")]
    {
        user.pinentry.will_enter(&[PIN]);
        let printed = user.signs(address, &format!("{name}.crt"));
        assert!(printed.contains(algorithm), "{printed}");
        assert!(printed.contains("signingTime") && printed.contains("S/MIME Capabilities"), "{printed}");
        assert_eq!(user.pinentry.times_asked(), 1);
        // Old mail came in triple DES; for elliptic curves OpenSSL wraps its key in a way that is not done here.
        let old: &[&str] = if name == "rsa" { &["-des3"] } else { &[] };
        for cipher in ["-aes-256-cbc", "-aes-256-gcm", "-aes128"].iter().chain(old) {
            user.pinentry.will_enter(&[PIN]);
            let verdict = user.opens(cipher, &format!("{name}.crt")).good();
            assert_eq!(verdict["encryption"]["state"], "decrypted", "{verdict}");
            assert!(user.read("opened.eml").contains("Secret."));
        }
    }
    user.pinentry.will_enter(&[PIN]);
    // With SHA-1, the one that SoftHSM knows.
    let oaep = user.opens("-aes256", "rsa.crt -keyopt rsa_padding_mode:oaep").good();
    assert_eq!(oaep["encryption"]["state"], "decrypted", "{oaep}");

    // Signed and encrypted to oneself: what two of us exchange.
    user.write("in.eml", format!("From: {ALICE}\nTo: {ALICE}\nSubject: x\n\nBoth.\n"));
    user.pinentry.will_enter(&[PIN]);
    let words =
        ["--from", ALICE, "--to", ALICE, "--sign", "--encrypt", "--input", "in.eml", "--output", "both.eml"];
    let made = user.dane(&[&["protect"], &words[..]].concat()).good();
    assert_eq!(made["encrypted_to"][0]["transport"], "rsa-pkcs1", "OAEP is not promised for a token");
    user.pinentry.will_enter(&[PIN]);
    let opened = user.dane(&["open", "--input", "both.eml"]).json;
    assert_eq!(opened["encryption"]["state"], "decrypted", "{opened}");
    assert_eq!(opened["signature"]["code"], "dns-unreachable", "intact, and nobody to ask: {opened}");
    assert!(!user.read("log").contains(PIN));
}

#[test]
fn a_token_that_only_does_pss_signs_with_pss() {
    let user = User::with_key_on("strict");
    user.tokens.configure("slots.mechanisms = CKM_RSA_PKCS_PSS,CKM_RSA_PKCS_OAEP\n");
    user.takes_up();
    user.pinentry.will_enter(&[PIN]);
    let printed = user.signs(ALICE, "rsa.crt");
    assert!(printed.contains("algorithm: rsassaPss"), "{printed}");
    user.pinentry.will_enter(&[PIN]);
    let said = user.opens("-aes256", "rsa.crt").fails("not-supported-here");
    assert!(said.contains("token with your key cannot do"), "{said}");
}
