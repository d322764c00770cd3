//! The host's settings, as the options page shows and changes them.
//!
//! What stands in the machine's file or in a policy was set by the administrator and is not changed here.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml_edit::DocumentMut;

use super::engine::load_anchors;
use super::{Code, Failure, nsupdate, recipients};
use crate::config::{self, Layer, Settings};
use crate::keys::KeyStore;
use crate::wire::key_request::Configure;

/// Whose file is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Machine,
    None,
    User,
}

/// For the add-on: values, and whether they may be changed.
pub fn describe(settings: &Settings) -> Value {
    let file = settings.origin.file.as_deref();
    let origin = origin(file);
    let word = match origin {
        Origin::Machine => "machine",
        Origin::None => "none",
        Origin::User => "user",
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    json!({
        "resolver": settings.resolver,
        "trust_anchor": path(&settings.trust_anchor),
        "ca_file": path(&settings.ca_file),
        "other_spellings": settings.other_spellings,
        "nsupdate_server": settings.nsupdate_server,
        "nsupdate_key": path(&settings.nsupdate_key),
        "nsupdate": nsupdate::program().is_some(),
        "data_dir": settings.data_dir.display().to_string(),
        "file": file.map(|file| file.display().to_string()),
        "origin": word,
        "writable": origin != Origin::Machine,
        "locked": settings.origin.fixed.iter().map(|key| key.replace('-', "_")).collect::<Vec<_>>(),
    })
}

/// Changes the user's file. The new settings are tried first: a resolver that is none, or a file
/// that is not there, is refused. They count from the next start of the host.
///
/// # Errors
/// `set-by-administrator`; `bad-resolver`, `bad-trust-anchor`, `unreadable-input`,
/// `bad-configuration` for what cannot be used; `unwritable-output`.
pub fn change(wish: &Configure, settings: &Settings) -> Result<(), Failure> {
    let wished = [
        ("resolver", wish.resolver.is_some()),
        ("trust-anchor", wish.trust_anchor.is_some()),
        ("ca-file", wish.ca_file.is_some()),
        ("other-spellings", wish.other_spellings.is_some()),
    ];
    let fixed = wished.iter().any(|(key, wished)| *wished && settings.origin.fixed.contains(key));
    if fixed || origin(settings.origin.file.as_deref()) == Origin::Machine {
        let words = "These settings were made by your administrator, for everybody on this computer.";
        return Err(Failure::new(Code::SetByAdministrator, words));
    }
    let user = config::user_file().ok_or_else(|| {
        Failure::new(Code::UnwritableOutput, "There is no home directory to keep settings in.")
    })?;
    let before = match std::fs::read_to_string(&user) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unwritable(&user, &error)),
    };
    let after = edited(&before, wish)?;
    try_out(&after, user.parent().unwrap_or(Path::new("")))?;
    if let Some(folder) = user.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(&user, &error))?;
    }
    // It may be a link to where its owner keeps all such files, and stays one.
    let file = std::fs::canonicalize(&user).unwrap_or(user);
    Ok(KeyStore::write_private(&file, after.as_bytes())?)
}

fn edited(before: &str, wish: &Configure) -> Result<String, Failure> {
    let mut document: DocumentMut = before.parse().map_err(|error| {
        Failure::new(Code::BadConfiguration, format!("The settings file is wrong: {error}"))
    })?;
    let texts =
        [("resolver", &wish.resolver), ("trust-anchor", &wish.trust_anchor), ("ca-file", &wish.ca_file)];
    for (key, value) in texts {
        match value.as_ref().map(|value| value.as_deref().map(str::trim).filter(|text| !text.is_empty())) {
            None => {}
            Some(None) => drop(document.remove(key)),
            Some(Some(text)) => drop(document.insert(key, toml_edit::value(text))),
        }
    }
    match wish.other_spellings {
        None => {}
        Some(Some(true)) => drop(document.insert("other-spellings", toml_edit::value(true))),
        Some(_) => drop(document.remove("other-spellings")),
    }
    Ok(document.to_string())
}

fn try_out(text: &str, folder: &Path) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Code::BadConfiguration, format!("{error}."));
    let layer: Layer = toml::from_str(text).map_err(|error| wrong(&error))?;
    let settings =
        Settings::from_files(layer.written_in(folder), None, None).map_err(|error| wrong(&error))?;
    recipients::open_directory(&settings)?;
    load_anchors(&settings).map(drop)
}

fn origin(file: Option<&Path>) -> Origin {
    match file {
        None => Origin::None,
        Some(file) if config::user_file().is_some_and(|user| user == file) => Origin::User,
        Some(_) => Origin::Machine,
    }
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::UnwritableOutput, format!("{} cannot be changed: {error}.", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_comments_too() {
        let before = "# mine\nunlock-file = \"/u\" # secret\nca-file = \"/ca\"\nresolver = \"[::1]\"\n";
        let wish = Configure {
            resolver: Some(Some(" 127.0.0.1 ".to_owned())),
            ca_file: Some(None),
            other_spellings: Some(Some(true)),
            ..Configure::default()
        };
        assert_eq!(
            edited(before, &wish).unwrap(),
            "# mine\nunlock-file = \"/u\" # secret\nresolver = \"127.0.0.1\"\nother-spellings = true\n"
        );
        assert_eq!(edited("= wrong", &wish).unwrap_err().code, Code::BadConfiguration);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let code = |text: &str| try_out(text, Path::new("/")).unwrap_err().code;
        assert_eq!(code("data-dir = \"/d\"\nresolver = \"nowhere at all\"\n"), Code::BadResolver);
        assert_eq!(code("data-dir = \"/d\"\nca-file = \"/nowhere/ca.pem\"\n"), Code::UnreadableInput);
        assert_eq!(code("data-dir = \"/d\"\ntrust-anchor = \"/nowhere/anchor\"\n"), Code::BadTrustAnchor);
        assert!(try_out("data-dir = \"/d\"\nresolver = \"127.0.0.1:53\"\n", Path::new("/")).is_ok());
    }
}
