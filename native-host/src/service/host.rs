//! The native-messaging host as a process.

use std::io::{self, BufReader, Write};
use std::sync::Arc;

use super::engine::Engine;
use super::session::{self, BodiesFolder, Body, Reply, Service, Work};
use super::{Code, Failure};
use crate::config::{Layer, LogSettings, Settings};
use crate::installation::ADD_ON;
use crate::logging;
use crate::wire::request::Call;

/// Serves until the input ends. `arguments` are the manifest's path and the add-on's id.
pub fn main(arguments: &[String]) -> u8 {
    if let [only] = arguments
        && only == "--version"
    {
        let told = writeln!(io::stdout(), "dane-smime-host {}", env!("CARGO_PKG_VERSION"));
        return if told.is_ok() { 0 } else { Code::UnwritableOutput.exit_status() };
    }
    let settings = Settings::load(Layer::default(), None);
    logging::start(
        "dane-smime-host",
        settings.as_ref().map(|s| &s.log).unwrap_or(&LogSettings::default()),
        "warn",
    );
    crate::keys::harden_process();
    match arguments {
        // Thunderbird enforces it by the manifest's `allowed_extensions`; this is the second lock, against a manifest
        // that was written for another host.
        [_, caller, ..] if caller == ADD_ON => {}
        _ => {
            tracing::error!("this program is started by Thunderbird for the add-on {ADD_ON} only");
            return Code::BadRequest.exit_status();
        }
    }
    let service: Arc<dyn Service> = match settings {
        Ok(settings) => Arc::new(Engine::new(settings)),
        Err(error) => Arc::new(Misconfigured(Failure::new(Code::BadConfiguration, format!("{error}.")))),
    };
    let folder =
        BodiesFolder::make().inspect_err(|reason| tracing::info!(%reason, "large bodies go in chunks")).ok();
    let mut input = BufReader::new(io::stdin().lock());
    match session::run(&mut input, Box::new(io::stdout()), &service, folder) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "the connection to Thunderbird broke");
            Code::BadRequest.exit_status()
        }
    }
}

/// A host whose settings cannot be read still answers, so that the user is told which line is wrong.
struct Misconfigured(Failure);

impl Service for Misconfigured {
    fn call(&self, call: Call, _: Body, work: &Work) -> Result<Reply, Failure> {
        match call {
            Call::Doctor(request) => Ok(super::requests::examine(Err(&self.0), &request, work)),
            _ => Err(self.0.clone()),
        }
    }
}
