//! The requests of the wire, each a few lines over the library.

use std::io::{self, Read};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::doctor::Examination;
use super::engine::Engine;
use super::outgoing::{self, Audience, Wish, WishedLayers};
use super::session::{Body, Reply, Sent, Service, Work};
use super::{Code, Failure, audit, details, provisioning, recipients, verdict};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::installation::Surroundings;
use crate::keys::close_tokens;
use crate::message::Reading;
use crate::message::outgoing::Source;
use crate::mime::EmailAddress;
use crate::mime::protecting::{Hiding, OuterField};
use crate::wire::request::{Call, Doctor, Lookup, Open, Protect, Provision, Purpose};

/// How long before the add-on stops waiting the host stops asking the DNS, so that there is time
/// to say why.
const MARGIN: Duration = Duration::from_millis(500);

/// Octets between two `progress` frames.
const TOLD_EVERY: u64 = 4 * 1024 * 1024;

impl Service for Engine {
    fn call(&self, call: Call, body: Body, work: &Work) -> Result<Reply, Failure> {
        match call {
            Call::Key(call) => self.call_keys(call, &body.read_all()?, work),
            Call::Provision(request) => self.provision(&request),
            Call::Doctor(request) => Ok(examine(Ok(self.settings()), &request, work)),
            Call::Keys => self.list_keys(),
            Call::Keyring => {
                let locked = self.keys().is_locked();
                // Whoever locks the keyring, or cannot be asked for it, has gone: tokens are shut, too.
                if !matches!(locked, Ok(false)) {
                    close_tokens();
                }
                let locked = locked?;
                Ok(Reply { fields: object(json!({ "locked": locked })), body: Sent::Nothing })
            }
            Call::Lookup(request) => self.lookup(&request, work),
            Call::Protect(request) => self.protect(&request, body, work),
            Call::Open(request) => self.open_message(&request, body, work),
        }
    }
}

impl Engine {
    fn list_keys(&self) -> Result<Reply, Failure> {
        let rows = super::key_list::rows(self.keys(), self.now())?;
        Ok(Reply { fields: object(json!({ "keys": rows })), body: Sent::Nothing })
    }

    fn lookup(&self, request: &Lookup, work: &Work) -> Result<Reply, Failure> {
        if request.addresses.len() > recipients::MOST_ADDRESSES {
            let words = format!("At most {} addresses can be looked up at once.", recipients::MOST_ADDRESSES);
            return Err(Failure::new(Code::TooLarge, words));
        }
        let directory = self.directory()?;
        let results = recipients::results(&*directory, &request.addresses, self.now(), patience(work));
        Ok(Reply { fields: object(json!({ "results": results })), body: Sent::Nothing })
    }

    fn protect(&self, request: &Protect, body: Body, work: &Work) -> Result<Reply, Failure> {
        let wish = wish(request)?;
        let headers = outer_fields(&request.headers)?;
        work.progress("certificates", None, None);
        let told = |done, total| {
            work.progress("certificates", u64::try_from(done).ok(), u64::try_from(total).ok());
            work.go_on().is_ok()
        };
        let keys = self.keys_for(work);
        let prepared = outgoing::prepare_telling(self, &keys, &wish, patience(work), &told)?;
        work.go_on()?;
        let mut input = Watched::new(body, work);
        let mut outlet = work.outlet();
        let made = prepared.protect(&mut input, &mut outlet, Source::Entity(&headers))?;
        let made = prepared.describe(&made);
        if request.purpose == Purpose::Send {
            audit::record(self.settings(), &request.from, &everybody(request), &made)?;
        }
        Ok(Reply { fields: object(made), body: outlet.finish()? })
    }

    fn provision(&self, request: &Provision) -> Result<Reply, Failure> {
        let addresses: Vec<_> =
            request.addresses.iter().filter_map(|text| EmailAddress::parse(text).ok()).collect();
        Ok(Reply { fields: object(provisioning::provision(self, &addresses)?), body: Sent::Nothing })
    }

    fn open_message(&self, request: &Open, body: Body, work: &Work) -> Result<Reply, Failure> {
        let message = body.read_all()?;
        let shown = request.shown_sha256.as_deref().map(parse_digest).transpose()?;
        work.progress("opening", None, None);
        let reading = Reading { shown, show_unauthentic: request.show_unauthentic };
        let opened = self.open(&self.keys_for(work), &message.into(), reading, patience(work))?;
        let fields = json!({
            "verdict": verdict::to_json(&opened.verdict),
            "certificate_pem": verdict::signer(&opened.verdict).map(|s| s.certificate.to_pem()),
            "domain": verdict::vouching_domain(&opened.verdict),
            "details": details::to_json(&opened),
        });
        let body = opened.content.map(|content| work.hand_over(&content)).transpose()?;
        Ok(Reply { fields: object(fields), body: body.unwrap_or_default() })
    }
}

/// Everybody whom this copy of a mail goes to.
fn everybody(request: &Protect) -> Vec<String> {
    match &request.blind_copy_for {
        Some(address) => vec![address.clone()],
        None if request.bcc_copies => [&*request.to, &*request.cc].concat(),
        None => [&*request.to, &*request.cc, &*request.bcc].concat(),
    }
}

/// What the fields of `protect` ask for together.
fn wish(request: &Protect) -> Result<Wish, Failure> {
    let from = outgoing::parse_address(&request.from)?;
    let (audience, layers) = match (request.purpose, &request.blind_copy_for) {
        (Purpose::Draft, None) if !request.triple => {
            // A draft says nothing to anybody yet, so it is not signed.
            (Audience::Sender, WishedLayers::from_switches(false, request.encrypt, false)?)
        }
        (Purpose::Draft, _) => {
            let words = "A draft is kept for its writer alone: no copies for others, no second signature.";
            return Err(Failure::new(Code::BadRequest, words));
        }
        (Purpose::Send, blind_copy_for) => {
            let layers = WishedLayers::from_switches(request.sign, request.encrypt, request.triple)?;
            let audience = match blind_copy_for {
                Some(_) if !request.encrypt => {
                    let words = "Only encrypted mail needs copies of its own for blind recipients.";
                    return Err(Failure::new(Code::BadRequest, words));
                }
                Some(address) => Audience::Blind(outgoing::parse_address(address)?),
                None => named(request)?,
            };
            (audience, layers)
        }
    };
    let certificate = request.certificate.as_deref().map(str::parse).transpose();
    Ok(Wish {
        from,
        certificate: certificate
            .map_err(|_| Failure::new(Code::BadRequest, "`certificate` is no SHA-256 fingerprint."))?,
        audience,
        layers,
        opaque: request.opaque,
        nocerts: request.nocerts,
        wrap: request.wrap,
        header_protection: match (request.header_protection, request.hide_header) {
            (Some(false), _) => None,
            (_, Some(false)) => Some(Hiding::Nothing),
            _ => Some(Hiding::Baseline),
        },
    })
}

fn named(request: &Protect) -> Result<Audience, Failure> {
    if !request.encrypt {
        // Whom a mail goes to that is only signed does not matter to it, nor whether each has an address in which a
        // certificate could be found: old ones are about that no standard allows.
        return Ok(Audience::Named { to: Vec::new(), blind: Vec::new() });
    }
    let to = outgoing::parse_addresses(&[&*request.to, &*request.cc].concat())?;
    let blind = outgoing::parse_addresses(&request.bcc)?;
    if !request.bcc_copies && !blind.is_empty() {
        return Err(bcc_needs_own_copy());
    }
    Ok(Audience::Named { to, blind })
}

fn outer_fields(headers: &[(String, String)]) -> Result<Vec<OuterField>, Failure> {
    let read = |(name, value): &(String, String)| {
        OuterField::new(name, value).ok_or_else(|| {
            Failure::new(Code::BadRequest, "`headers` names something that is no header field.")
        })
    };
    headers.iter().map(read).collect()
}

/// A request's body that tells how much of it is done.
struct Watched<'w> {
    body: Body,
    work: &'w Work,
    done: u64,
    told: u64,
}

impl<'w> Watched<'w> {
    fn new(body: Body, work: &'w Work) -> Self {
        Self { body, work, done: 0, told: 0 }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.work.go_on().map_err(|_| io::Error::other("nobody waits any more"))?;
        let length = self.body.read(out)?;
        self.done = self.done.saturating_add(u64::try_from(length).unwrap_or(0));
        if self.told == 0 || self.done.saturating_sub(self.told) >= TOLD_EVERY {
            self.told = self.done;
            let total = u64::try_from(self.body.length()).ok();
            self.work.progress("protecting", Some(self.done), total);
        }
        Ok(length)
    }
}

/// Looks whether all is well, also where the settings are not.
pub fn examine(settings: Result<&Settings, &Failure>, request: &Doctor, work: &Work) -> Reply {
    // What is no address has no key either; the add-on names identities as users typed them.
    let accounts: Vec<_> =
        request.accounts.iter().filter_map(|text| EmailAddress::parse(text).ok()).collect();
    let examination = Examination {
        around: &Surroundings::of_this_process(),
        settings,
        accounts: &accounts,
        now: SystemClock.now(),
        patience: patience(work),
    };
    Reply { fields: object(examination.run().to_json()), body: Sent::Nothing }
}

/// The failure for blind recipients of one encrypted mail.
pub fn bcc_needs_own_copy() -> Failure {
    let words = "An encrypted mail names all whom it is encrypted to, so blind recipients would be seen. \
                 Send them a mail of their own, or move them to To or Cc.";
    Failure::new(Code::BccNeedsOwnCopy, words)
}

pub(super) fn patience(work: &Work) -> Duration {
    work.remaining().saturating_sub(MARGIN).min(recipients::PATIENCE)
}

fn parse_digest(text: &str) -> Result<[u8; 32], Failure> {
    let mut digest = [0_u8; 32];
    hex::decode_to_slice(text, &mut digest)
        .map_err(|_| Failure::new(Code::BadRequest, "`shown_sha256` is not a SHA-256 in hex."))?;
    Ok(digest)
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
