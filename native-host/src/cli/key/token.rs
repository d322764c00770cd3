//! `dane-smime key token`: keys on PKCS#11 tokens.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Output, describe, how_to_publish, parse_address, read};
use crate::clock::UnixTime;
use crate::keys::{KeyStore, TakenKeys, TokenName, read_certificates};
use crate::service::Failure;
use crate::service::key_list;

/// Arguments of `key token`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the tokens that are there
    List(Module),
    /// Take keys of a token into use; they stay on it, and its PIN is asked for
    Add(Add),
}

#[derive(Debug, clap::Args)]
struct Module {
    /// The PKCS#11 module that comes with the token; for many cards opensc-pkcs11.so
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    from: Module,
    /// The token's label or serial number [default: the only one there]
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// Whose keys they are [default: the addresses that their certificates name]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The certificate of the key, where it is not on the token: PEM or DER
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
}

pub(super) fn run(store: &KeyStore, arguments: &Arguments, now: UnixTime) -> Result<Output, Failure> {
    match &arguments.action {
        Action::List(from) => list(store, &module_at(&from.module)),
        Action::Add(arguments) => add(store, arguments, now),
    }
}

/// A module's place. A name alone is looked for by the system where it has its libraries.
fn module_at(given: &Path) -> PathBuf {
    let is_name = given.components().count() == 1 && !given.exists();
    if is_name { given.to_owned() } else { std::path::absolute(given).unwrap_or_else(|_| given.to_owned()) }
}

fn list(store: &KeyStore, module: &Path) -> Result<Output, Failure> {
    let tokens = store.tokens(module)?;
    let mut text = String::new();
    for TokenName { label, serial } in &tokens {
        let _ = writeln!(text, "{label}\n  serial number  {serial}");
    }
    if tokens.is_empty() {
        text.push_str("No token is there. Plug it in; for a smart card, see that its reader is known.\n");
    }
    Ok(Output::good(json!(tokens), text))
}

fn add(store: &KeyStore, arguments: &Add, now: UnixTime) -> Result<Output, Failure> {
    let address = arguments.address.as_deref().map(parse_address).transpose()?;
    let certificate = match &arguments.cert {
        Some(file) => read_certificates(&read(file)?)?.into_iter().next(),
        None => None,
    };
    let module = module_at(&arguments.from.module);
    let TakenKeys { taken, left } =
        store.add_token(&module, arguments.token.as_deref(), address.as_ref(), certificate.as_ref(), now)?;
    let mut text = String::new();
    for key in &taken {
        let _ = writeln!(text, "Took the key of {} into use. It stays on its token.\n", key.address);
        describe(&mut text, &key.into());
        text.push_str(&how_to_publish(store, key));
    }
    for certificate in &left {
        let _ = writeln!(
            text,
            "\nNot taken, because it wants its PIN for every single use, which this program cannot do:\n  fingerprint  {}",
            certificate.sha256()
        );
    }
    Ok(Output::good(taken.iter().map(key_list::row).collect(), text))
}
