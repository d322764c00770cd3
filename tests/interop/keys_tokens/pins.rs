//! PINs that are wrong, are not entered, or may not be tried again.

use std::path::Path;
use std::process::Command;

use crate::command_line::Answer;
use crate::soft_token::{PIN, module};
use crate::{ALICE, User};

#[test]
fn a_wrong_pin_is_entered_once_and_said() {
    let user = User::with_key_on("mine");
    user.pinentry.will_enter(&["000000"]);
    let said = user.add(&module(), &[]).fails("pin-wrong");
    assert!(said.contains("“mine”") && said.contains("Few tries are left"), "{said}");
    assert_eq!(user.pinentry.times_asked(), 1, "a token counts, and locks");
    assert!(!user.path("keys/keys").exists(), "nothing is kept of it");
    user.takes_up();
    assert!(
        user.pinentry.asked().contains("SETERROR A wrong PIN was entered before."),
        "{}",
        user.pinentry.asked()
    );

    user.pinentry.will_enter(&[""]);
    user.opens("-aes256", "rsa.crt").fails("pin-needed");
    user.pinentry.will_enter(&["000000"]);
    user.opens("-aes256", "rsa.crt").fails("pin-wrong");
    assert_eq!(user.pinentry.times_asked(), 1);
    user.pinentry.will_enter(&[PIN]);
    user.opens("-aes256", "rsa.crt").good();
}

#[test]
fn a_locked_token_is_not_asked_for_and_the_last_try_is_announced() {
    let user = User::with_key_on("mine");
    let odd = user.path("odd_token.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/odd_token.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&odd).arg(source).status().unwrap();
    assert!(built.success());
    let odd_name = odd.to_str().unwrap();
    let run = |flags: &str, words: &[&str]| {
        let mut command = user.command(words);
        Answer::of(command.env("ODD_TOKEN_MODULE", module()).env("ODD_TOKEN_FLAGS", flags))
    };
    let add = |flags: &str| {
        let answer = run(flags, &["key", "token", "add", "--module", odd_name]);
        (answer.code().to_owned(), user.pinentry.times_asked())
    };
    user.pinentry.will_enter(&[PIN]);
    assert_eq!(add("0x40000"), ("pin-locked".to_owned(), 0), "CKF_USER_PIN_LOCKED");
    assert_eq!(add("0x20000"), ("pin-locked".to_owned(), 1), "CKF_USER_PIN_FINAL_TRY, and it was wrong");
    assert!(user.pinentry.asked().contains("SETERROR This is the last try"), "{}", user.pinentry.asked());

    // One that is in use and gets locked.
    user.pinentry.will_enter(&[PIN]);
    run("0", &["key", "token", "add", "--module", odd_name]).good();
    user.pinentry.will_enter(&[PIN]);
    let sign =
        ["protect", "--from", ALICE, "--to", ALICE, "--sign", "--input", "in.eml", "--output", "signed.eml"];
    user.write("in.eml", format!("From: {ALICE}\nTo: {ALICE}\nSubject: x\n\nSigned.\n"));
    let said = run("0x40000", &sign).fails("pin-locked");
    assert!(said.contains("PUK"), "{said}");
    let report = run("0x40000", &["doctor"]).json;
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "token").unwrap();
    assert_eq!(check["code"], "token-locked", "{check}");
    assert_eq!(user.pinentry.times_asked(), 0, "nobody is asked for what cannot be tried");
    run("0", &sign).good();
}
