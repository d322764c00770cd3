//! Which token, which key on it, and what is kept of it here.

use serde_json::json;

use crate::soft_token::{PIN, module};
use crate::{ALICE, BOB, User};

#[test]
fn of_several_tokens_the_one_that_was_named() {
    let user = User::new();
    for (token, address) in [("first", ALICE), ("second", BOB)] {
        user.tokens.token(token);
        user.tokens.key(token, token, "07", "-newkey rsa:2048", address, true);
    }
    let listed = user.dane(&["key", "token", "list", "--module", module().to_str().unwrap()]).good();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    user.pinentry.will_enter(&[PIN]);
    let said = user.add(&module(), &[]).fails("bad-request");
    assert!(said.contains("“first”") && said.contains("“second”"), "{said}");
    assert_eq!(user.pinentry.times_asked(), 0);
    user.add(&module(), &["--token", "third"]).fails("token-missing");
    let serial = listed.as_array().unwrap().iter().find(|token| token["label"] == "second").unwrap();
    let added = user.add(&module(), &["--token", serial["serial"].as_str().unwrap()]).good();
    assert_eq!(added[0]["address"], BOB);
    user.pinentry.will_enter(&[PIN]);
    user.signs(BOB, "second.crt");
    assert!(user.pinentry.asked().contains("token “second”"), "{}", user.pinentry.asked());
}

#[test]
fn a_certificate_from_elsewhere_finds_its_key_by_what_that_signs() {
    let user = User::new();
    user.tokens.token("bare");
    user.tokens.key("bare", "one", "01", "-newkey rsa:2048", ALICE, false);
    user.tokens.key("bare", "two", "02", "-newkey ec -pkeyopt ec_paramgen_curve:P-256", ALICE, false);
    user.tokens.key("bare", "elsewhere", "03", "-newkey rsa:2048", ALICE, false);
    user.pinentry.will_enter(&[PIN, PIN, PIN]);
    user.add(&module(), &[]).fails("unreadable-input");
    let added = user.add(&module(), &["--cert", "two.crt"]).good();
    assert_eq!(added[0]["algorithm"], "p-256");
    // Made anew: the certificate is none of this token's keys'.
    user.tokens
        .run("openssl req -x509 -nodes -newkey rsa:2048 -keyout /dev/null -out none.crt -subj /CN=none");
    user.add(&module(), &["--cert", "none.crt", "--address", ALICE]).fails("no-such-key");
}

#[test]
fn a_token_that_is_gone_is_said_to_be_and_comes_back() {
    let user = User::with_key_on("stick");
    let row = user.takes_up()[0].clone();
    std::fs::rename(user.path("tokens"), user.path("pulled")).unwrap();
    std::fs::create_dir(user.path("tokens")).unwrap();
    user.pinentry.will_enter(&[PIN]);
    let said = user.opens("-aes256", "rsa.crt").fails("token-missing");
    assert!(said.contains("“stick”"), "{said}");
    assert_eq!(user.pinentry.times_asked(), 0, "there is nobody to tell the PIN");
    assert_eq!(user.dane(&["key", "list"]).good(), json!([row]), "it is listed all the same");
    std::fs::remove_dir(user.path("tokens")).unwrap();
    std::fs::rename(user.path("pulled"), user.path("tokens")).unwrap();
    user.opens("-aes256", "rsa.crt").good();
    assert_eq!(user.dane(&["key", "token", "add", "--module", "/nowhere.so"]).status, 4);
}

#[test]
fn the_store_keeps_where_the_key_is_and_never_the_key() {
    let user = User::with_key_on("mine");
    let row = user.takes_up()[0].clone();
    let sha256 = row["sha256"].as_str().unwrap();
    user.write("password", "open sesame\n");
    let export = ["key", "export", "--sha256", sha256, "--p12", "out.p12", "--password-file", "password"];
    user.dane(&export).fails("key-on-token");
    user.dane(&["key", "backup", "backup", "--password-file", "password"]).good();
    user.dane(&["key", "delete", "--sha256", sha256]).good();
    assert_eq!(user.dane(&["key", "list"]).good(), json!([]));
    let restored = user.dane(&["key", "restore", "backup", "--password-file", "password"]).good();
    assert_eq!(restored, json!([row]), "a backup knows where it was");
    user.pinentry.will_enter(&[PIN]);
    let said = user.opens("-aes256", "rsa.crt").fails("token-failed");
    assert!(said.contains("key token add --module"), "{said}");
    let report = user.dane(&["doctor"]).json;
    let codes: Vec<_> = report["checks"].as_array().unwrap().iter().map(|check| &check["code"]).collect();
    assert!(codes.contains(&&json!("token-broken")), "{codes:?}");
    assert_eq!(user.pinentry.times_asked(), 0);
    user.add(&module(), &[]).good();
    user.pinentry.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
}

/// Whoever made a backup could write anything into it, and a library runs as soon as it is loaded.
#[test]
fn no_backup_has_a_library_loaded() {
    let user = User::with_key_on("mine");
    user.tokens.key("mine", "other", "02", "-newkey rsa:2048", BOB, true);
    // When it is loaded, it leaves a trace.
    let trap = user.path("trap.so");
    user.write(
        "trap.c",
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) { fclose(fopen(\"sprung\", \"w\")); }\n",
    );
    user.tokens.run(&format!("cc -shared -fPIC -o {} trap.c", trap.display()));
    user.pinentry.will_enter(&[PIN]);
    user.add(&module(), &[]).good();
    user.write("password", "open sesame\n");
    let backup = |name| user.dane(&["key", "backup", name, "--password-file", "password"]).good();
    let restore = |name| user.dane(&["key", "restore", name, "--password-file", "password"]).good();
    for file in std::fs::read_dir(user.path("keys/keys")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "token") {
            let content = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, content.replace(module().to_str().unwrap(), trap.to_str().unwrap()))
                .unwrap();
        }
    }
    backup("evil");
    std::fs::remove_dir_all(user.path("keys")).unwrap();

    restore("evil");
    user.pinentry.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").fails("token-failed");
    user.dane(&["doctor"]);
    assert!(!user.path("sprung").exists());
    // What the user has named stays, whatever is restored over it.
    user.add(&module(), &[]).good();
    restore("evil");
    user.pinentry.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
    assert!(!user.path("sprung").exists());
}

#[test]
fn a_key_that_wants_its_pin_for_each_use_is_left_and_that_is_said() {
    let user = User::new();
    user.tokens.token("piv");
    let put = |name: &str, id: &str, kind: &str, more: &str| {
        user.tokens.key("scratch", name, id, kind, ALICE, true);
        let tool = format!("pkcs11-tool --module {} --token-label piv", module().display());
        let put = format!("{tool} --login --pin {PIN} --id {id} --write-object");
        user.tokens.run(&format!("{put} {name}.key --type privkey --usage-sign{more}"));
        user.tokens.run(&format!("{put} {name}.der --type cert"));
    };
    user.tokens.token("scratch"); // where `key` puts them first
    put("sign", "02", "-newkey rsa:2048", " --always-auth");
    user.pinentry.will_enter(&[PIN, PIN, PIN, PIN]);
    let add = |more: &[&str]| user.add(&module(), &[&["--token", "piv"], more].concat());
    let said = add(&[]).fails("not-supported-here");
    assert!(said.contains("for every single use"), "{said}");
    add(&["--cert", "sign.crt"]).fails("not-supported-here");
    put("both", "03", "-newkey rsa:2048", "");
    assert_eq!(add(&[]).good().as_array().unwrap().len(), 1);
    let mut command = user.tokens.command(env!("CARGO_BIN_EXE_dane-smime"));
    command.args(["--config", "config.toml", "--data-dir", "keys", "key", "token", "add", "--token", "piv"]);
    let output = command.arg("--module").arg(module()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("Not taken"), "{said}");
}

#[test]
fn the_doctor_looks_at_tokens_without_their_pin() {
    let user = User::with_key_on("mine");
    user.tokens.key("mine", "bare", "02", "-newkey rsa:2048", BOB, false);
    user.tokens.key("mine", "other", "03", "-newkey rsa:2048", BOB, false);
    std::fs::copy(module(), user.path("module.so")).unwrap();
    let codes = || {
        let report = user.dane(&["doctor"]).json;
        let checks = report["checks"].as_array().unwrap().iter();
        let ours = checks.filter(|check| check["check"] == "token" || check["check"] == "pinentry");
        ours.map(|check| check["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(), [""; 0], "where no key is on a token");
    user.pinentry.will_enter(&[PIN, PIN]);
    user.add(&user.path("module.so"), &[]).good();
    user.add(&user.path("module.so"), &["--cert", "bare.crt"]).good();
    user.pinentry.will_enter(&[]);
    assert_eq!(codes(), ["token-good", "token-hidden", "pinentry-good"]);

    // Somebody else's certificate in place of Alice's.
    let tool = format!("pkcs11-tool --module {} --login --pin {PIN} --id 01", module().display());
    user.tokens.run(&format!("{tool} --delete-object --type cert"));
    user.tokens.run("openssl x509 -in other.crt -outform DER -out other.der");
    user.tokens.run(&format!("{tool} --write-object other.der --type cert"));
    assert_eq!(codes(), ["token-other-key", "token-hidden", "pinentry-good"]);

    std::fs::rename(user.path("tokens"), user.path("pulled")).unwrap();
    std::fs::create_dir(user.path("tokens")).unwrap();
    assert_eq!(codes(), ["token-missing", "token-missing", "pinentry-good"]);
    std::fs::remove_file(user.path("module.so")).unwrap();
    let config = user.read("config.toml").replace("/pinentry", "/nowhere");
    user.write("config.toml", config);
    assert_eq!(codes(), ["token-broken", "token-broken", "pinentry-missing"]);
    assert_eq!(user.pinentry.times_asked(), 0);
}
