//! Keys that go in and out as files.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{Place, sha256};

#[test]
fn pkcs12_of_openssl_old_and_new() {
    for new_key in ["-newkey rsa:2048", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"] {
        let place = Place::new();
        place.carol(new_key);
        // -legacy: RC2 with 40 bits for the certificate, triple DES for the key, SHA-1
        for (file, how) in
            [("new.p12", ""), ("old.p12", " -legacy"), ("plain.p12", " -keypbe NONE -certpbe NONE")]
        {
            place.openssl(&format!(
                "pkcs12 -export -inkey key.pem -in cert.pem -out {file} -passout file:password{how}"
            ));
            let wrong = place.import(file, "wrong");
            assert_eq!((wrong.code(), wrong.status), ("wrong-password", 2), "{file}");
            let row = place.import(file, "password").good();
            assert_eq!(row["address"], "carol@example.test");
            assert!(row.get("further").is_none());
            let cut = std::fs::read(place.path(file)).unwrap();
            place.write("cut.p12", &cut[..cut.len() / 2]);
            let cut = place.import("cut.p12", "password");
            assert_eq!((cut.code(), cut.status), ("key-damaged", 2), "{file}");
        }
        assert_eq!(place.key(&["list"]).good().as_array().unwrap().len(), 1, "always the same key");
    }
}

#[test]
fn a_mac_that_cannot_be_judged_is_no_wrong_password() {
    let place = Place::new();
    place.carol("-newkey rsa:2048");
    let export = "pkcs12 -export -inkey key.pem -in cert.pem -passout file:password";
    place.openssl(&format!("{export} -out without.p12 -nomac"));
    place.openssl(&format!("{export} -out unknown.p12 -macalg sha512"));
    // The digest of the MAC stands last: one that nobody has.
    let mut file = std::fs::read(place.path("unknown.p12")).unwrap();
    let sha512 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
    let at = file.windows(sha512.len()).rposition(|window| window == sha512).unwrap();
    file[at + sha512.len() - 1] = 0x7f;
    place.write("unknown.p12", file);
    for file in ["without.p12", "unknown.p12"] {
        assert_eq!(place.import(file, "password").code(), "not-supported-here", "{file}");
    }
}

#[test]
fn the_old_ciphers_are_put_away_again() {
    use dane_smime::keys::read_key_file;
    let place = Place::new();
    place.carol("-newkey rsa:2048");
    place.openssl("pkcs12 -export -inkey key.pem -in cert.pem -out old.p12 -passout file:password -legacy");
    let available = || openssl::cipher::Cipher::fetch(None, "RC2-40-CBC", None).is_ok();
    assert!(!available());
    assert_eq!(
        read_key_file(&std::fs::read(place.path("old.p12")).unwrap(), "open sesame").unwrap().len(),
        1
    );
    assert!(!available());
}

#[test]
fn pem_in_the_clear_and_encrypted() {
    let place = Place::new();
    place.carol("-newkey rsa:2048");
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    place.write("both.pem", read("key.pem") + &read("cert.pem"));
    let plain = place.key(&["import", &place.path("both.pem")]).good();
    place.openssl("pkcs8 -topk8 -in key.pem -out pkcs8.pem -passout file:password -v2 aes256");
    place.openssl("rsa -in key.pem -out traditional.pem -aes256 -passout file:password -traditional");
    for encrypted in ["pkcs8.pem", "traditional.pem"] {
        place.write("locked.pem", read("cert.pem") + &read(encrypted));
        assert_eq!(place.import("locked.pem", "wrong").code(), "wrong-password", "{encrypted}");
        let said = place.key(&["import", &place.path("locked.pem")]).fails("wrong-password");
        assert!(said.contains("--password-file"), "{encrypted}: {said}");
        assert_eq!(place.import("locked.pem", "password").good(), plain);
    }
    assert_eq!(place.key(&["import", &place.path("key.pem")]).code(), "unreadable-input");
    assert_eq!(place.key(&["import", &place.path("cert.pem")]).code(), "unreadable-input");
    assert_eq!(place.key(&["import", &place.path("password")]).code(), "unreadable-input");
    assert_eq!(place.key(&["import", &place.path("nowhere")]).code(), "unreadable-input");
}

/// RFC 4055: what the key asks for is what OpenSSL finds in the signature.
#[test]
fn keys_for_pss_alone_sign_as_they_ask() {
    let place = Place::new();
    place.write("mail", "From: carol@example.test\r\nTo: bob@example.test\r\n\r\nat noon\r\n");
    let restricted = |digest: &str, salt: u8| {
        format!(
            " -pkeyopt rsa_pss_keygen_md:{digest} -pkeyopt rsa_pss_keygen_mgf1_md:{digest} -pkeyopt \
             rsa_pss_keygen_saltlen:{salt}"
        )
    };
    for (restriction, micalg) in [
        (String::new(), Some("micalg=sha-256")),
        (restricted("sha256", 64), Some("micalg=sha-256")),
        (restricted("sha512", 64), Some("micalg=sha-512")),
        (restricted("sha1", 20), None),
    ] {
        let _ = std::fs::remove_dir_all(place.path("data"));
        place.openssl(&format!(
            "genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048{restriction} -out key.pem"
        ));
        place.openssl(
            "req -x509 -key key.pem -days 30 -out cert.pem -subj /CN=Carol -addext \
             subjectAltName=email:carol@example.test",
        );
        let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
        place.write("both.pem", read("key.pem") + &read("cert.pem"));
        let row = place.key(&["import", &place.path("both.pem")]).good();
        assert_eq!(row["can_sign"], serde_json::json!(micalg.is_some()), "{restriction}");
        for form in ["", "--opaque"] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dane-smime"));
            command.args([
                "--json",
                "--data-dir",
                &place.path("data"),
                "--unlock-file",
                &place.path("unlock"),
            ]);
            command.args(["protect", "--from", "carol@example.test", "--to", "bob@example.test", "--sign"]);
            command.args(["--input", &place.path("mail"), "--output", &place.path("signed")]);
            let answer =
                crate::command_line::Answer::of(command.args(Some(form).filter(|form| !form.is_empty())));
            let Some(micalg) = micalg else {
                assert_eq!(answer.code(), "no-signing-key");
                continue;
            };
            answer.good();
            assert_eq!(read("signed").contains(micalg), form.is_empty(), "{restriction}");
            place.openssl("cms -verify -noverify -in signed -out text");
            assert!(read("text").contains("at noon"));
        }
    }
}

#[test]
fn a_chain_comes_along_and_a_foreign_certificate_does_not_fit() {
    let place = Place::new();
    place
        .openssl("req -x509 -nodes -newkey rsa:2048 -days 30 -keyout ca.key -out ca.pem -subj /CN=Authority");
    place.openssl("req -nodes -newkey rsa:2048 -keyout key.pem -out request.pem -subj /CN=Carol");
    place.write("names", "subjectAltName=email:carol@example.test\n");
    place.openssl("x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 30 -extfile names -out cert.pem");
    place.openssl(
        "pkcs12 -export -inkey key.pem -in cert.pem -certfile ca.pem -out chain.p12 -passout file:password",
    );
    let password = place.path("password");
    let given = ["import", &place.path("chain.p12"), "--password-file", &password, "--address"];
    let dave = place.key(&[&given[..], &["dave@example.test"]].concat());
    assert_eq!((dave.code(), dave.status), ("certificate-does-not-fit", 2));
    let row = place.key(&[&given[..], &["carol@example.test"]].concat()).good();
    let pem = std::fs::read_to_string(place.certificate_of(&sha256(&row))).unwrap();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    place.openssl("x509 -in ca.pem -outform DER -out ca.der");
    let exported = place.path("back.p12");
    place
        .key(&["export", "--sha256", &sha256(&row), "--p12", &exported, "--password-file", &password])
        .good();
    place.write("empty", "");
    let unprotected =
        ["export", "--sha256", &sha256(&row), "--p12", &exported, "--password-file", &place.path("empty")];
    assert_eq!(place.key(&unprotected).code(), "bad-request");
    let back = place.openssl("pkcs12 -in back.p12 -passin file:password -nodes");
    assert_eq!(String::from_utf8_lossy(&back.stdout).matches("BEGIN CERTIFICATE").count(), 2);
}

#[test]
fn openssl_and_gpgsm_take_over_what_we_export() {
    let place = Place::new();
    let row = place.key(&["generate", "--address", "alice@example.test", "--algorithm", "rsa-2048"]).good();
    let export = |file: &str, more: &[&str]| {
        let (p12, password) = (place.path(file), place.path("password"));
        let fixed = ["export", "--sha256", &sha256(&row), "--p12", &p12, "--password-file", &password];
        place.key(&[&fixed[..], more].concat()).good();
    };
    export("new.p12", &[]);
    export("old.p12", &["--legacy"]);
    let new = place.openssl("pkcs12 -in new.p12 -passin file:password -nodes");
    // -legacy would only add algorithms: what we call legacy must need no more than triple DES
    let old = place.openssl("pkcs12 -in old.p12 -passin file:password -nodes");
    let key = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text[text.find("-----BEGIN PRIVATE KEY").unwrap()..].to_owned()
    };
    assert_eq!(key(&new), key(&old));
    gpgsm_imports(&place, &|| export("old.p12", &["--legacy"]), Path::new(&place.path("old.p12")));
}

/// gpgsm 2.2 reads the old encryption alone. Whether the password was right it guesses from the decrypted octets, and
/// one file in a hundred, whoever made it, looks wrong to it: then the same is exported under another salt.
fn gpgsm_imports(place: &Place, export: &dyn Fn(), p12: &Path) {
    let home: PathBuf = place.dir.path().join("gnupg");
    std::fs::create_dir(&home).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::write(home.join("gpg-agent.conf"), "allow-loopback-pinentry\n").unwrap();
    let options = ["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"];
    let import = [&options[..], &["--import", p12.to_str().unwrap()]].concat();
    let guessed_wrong = |output: &Output| String::from_utf8_lossy(&output.stderr).contains("trying charset");
    let mut imported = place.try_run("gpgsm", &import);
    for _ in 0..4 {
        if guessed_wrong(&imported) {
            std::fs::remove_file(p12).unwrap();
            export();
            imported = place.try_run("gpgsm", &import);
        }
    }
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let listed = place.run("gpgsm", &["--batch", "--with-colons", "--list-secret-keys"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    place.run("gpgconf", &["--kill", "gpg-agent"]);
    assert!(listed.contains("<alice@example.test>"), "{listed}");
    // capabilities: encrypt and sign
    let capabilities =
        listed.lines().find(|line| line.starts_with("crs:")).and_then(|l| l.split(':').nth(11));
    assert!(capabilities.is_some_and(|c| c.contains('e') && c.contains('s')), "{listed}");
}

#[test]
#[ignore = "needs ../shared"]
fn pkcs12_files_that_others_made() {
    let corpora = PathBuf::from(std::env::var_os("DANE_SMIME_SHARED").unwrap()).join("corpora");
    let thunderbird = "thunderbird/mailnews/test/data";
    // file, password, keys in it, address
    let files = [
        (format!("{thunderbird}/smime/Alice.p12"), "nss", 1, "Alice@example.com"),
        (format!("{thunderbird}/smime/Alice-ec.p12"), "nss", 1, "Alice-ec@example.com"),
        (format!("{thunderbird}/smime/Bob.p12"), "nss", 1, "Bob@example.com"),
        (format!("{thunderbird}/smime/Dave.p12"), "nss", 1, "Dave@example.com"),
        (format!("{thunderbird}/smime/Eve.p12"), "nss", 1, "Eve@example.com"),
        (format!("{thunderbird}/smime-interop/Fran.p12"), "nss", 1, "Fran@example.com"),
        (format!("{thunderbird}/smime-interop/Fran-ec.p12"), "nss", 1, "Fran-ec@example.com"),
        ("rfc9216/alice.p12".to_owned(), "alice", 2, "alice@smime.example"),
        ("rfc9216/bob.p12".to_owned(), "bob", 2, "bob@smime.example"),
        ("rfc9216/carlos.p12".to_owned(), "carlos", 2, "carlos@smime.example"),
        ("rfc9216/dana.p12".to_owned(), "dana", 2, "dana@smime.example"),
        ("notmuch-smime/test/smime/bob.p12".to_owned(), "", 1, "bob@smime.example"),
        ("notmuch-smime/test/smime/0xE0972A47.p12".to_owned(), "", 1, "test_suite@notmuchmail.org"),
        (
            "rub-covert/assets/secret-keys/manager@bigcorporation.pfx".to_owned(),
            "test12345678",
            1,
            "manager@bigcorporation.de",
        ),
    ];
    for (file, password, keys, address) in files {
        let place = Place::new();
        place.write("file.p12", std::fs::read(corpora.join(&file)).unwrap());
        place.write("password", format!("{password}\n"));
        assert_eq!(place.import("file.p12", "wrong").code(), "wrong-password", "{file}");
        let row = place.import("file.p12", "password").good();
        assert_eq!(row["address"], address, "{file}");
        let further = row["further"].as_array().map_or(0, Vec::len);
        assert_eq!(1 + further, keys, "{file}");
        assert_eq!(place.key(&["list"]).good().as_array().unwrap().len(), keys, "{file}");
    }
}

#[test]
fn a_backup_file_brings_all_keys_into_another_directory() {
    let place = Place::new();
    let made = |algorithm: &str| {
        place.key(&["generate", "--address", "alice@example.test", "--algorithm", algorithm]).good()
    };
    made("p-256");
    made("rsa-2048");
    let (file, password, wrong) = (place.path("all.backup"), place.path("password"), place.path("wrong"));
    place.key(&["backup", &file, "--password-file", &password]).good();
    let rows = place.key(&["list"]).good();
    std::fs::rename(place.path("data"), place.path("lost")).unwrap();
    assert_eq!(place.key(&["restore", &file, "--password-file", &wrong]).code(), "wrong-password");
    place.key(&["restore", &file, "--password-file", &password]).good();
    assert_eq!(place.key(&["list"]).good(), rows);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_backup_decides_nothing_about_keys_that_are_not_in_it() {
    let place = Place::new();
    let (file, password) = (place.path("theirs.backup"), place.path("password"));
    let make = |address: &str| {
        sha256(&place.key(&["generate", "--address", address, "--algorithm", "p-256"]).good())
    };
    let ours = make("alice@example.test");
    std::fs::rename(place.path("data"), place.path("ours")).unwrap();
    let theirs = make("mallory@example.test");
    // Our fingerprint stands in every mail that we sign.
    place.write("data/keys/choices.json", format!(r#"{{"retired": ["{ours}", "{theirs}"]}}"#));
    place.key(&["backup", &file, "--password-file", &password]).good();
    std::fs::remove_dir_all(place.path("data")).unwrap();
    std::fs::rename(place.path("ours"), place.path("data")).unwrap();
    place.key(&["restore", &file, "--password-file", &password]).good();
    let rows = place.key(&["list"]).good();
    let retired = |sha256: &str| {
        rows.as_array().unwrap().iter().find(|row| row["sha256"] == *sha256).unwrap()["retired"].clone()
    };
    assert_eq!((retired(&ours), retired(&theirs)), (false.into(), true.into()));
}

#[test]
fn a_device_or_a_pipe_is_not_replaced_by_a_file() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::new();
    let row = place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]).good();
    place.run("mkfifo", &["pipe"]);
    let (pipe, password) = (place.path("pipe"), place.path("password"));
    place.key(&["backup", &pipe, "--password-file", &password]).fails("unwritable-output");
    let export = ["export", "--sha256", &sha256(&row), "--p12", &pipe, "--password-file", &password];
    place.key(&export).fails("unwritable-output");
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn no_backup_takes_the_place_of_a_fuller_one() {
    let place = Place::new();
    let (file, password) = (place.path("all.backup"), place.path("password"));
    let back_up = || place.key(&["backup", &file, "--password-file", &password]);
    let alice = place.key(&["generate", "--address", "alice@example.test", "--algorithm", "p-256"]).good();
    place.key(&["generate", "--address", "bob@example.test", "--algorithm", "p-256"]).good();
    back_up().good();
    let full = std::fs::read(&file).unwrap();
    // Of two keys the certificate of one is damaged: it is listed no more, and yet it is one of "all keys".
    let pem = place.certificate_of(&sha256(&alice));
    place.write(&pem, "no certificate");
    assert!(back_up().fails("key-damaged").contains(&pem));
    std::fs::rename(place.path("data"), place.path("lost")).unwrap();
    back_up().fails("no-such-key");
    assert_eq!(std::fs::read(&file).unwrap(), full);
    place.key(&["restore", &file, "--password-file", &password]).good();
    place.key(&["request", "--address", "carol@example.test", "--algorithm", "p-256"]).good();
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_dane-smime"))
        .args([
            "--data-dir",
            &place.path("data"),
            "--unlock-file",
            &place.path("unlock"),
            "key",
            "backup",
            &file,
        ])
        .args(["--password-file", &password])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("still waits for its certificate"));
}
