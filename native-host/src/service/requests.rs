//! The requests of the wire, each a few lines over the library.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::outgoing::{self, Wish};
use super::session::{Reply, Service, Work};
use super::{Code, Failure, details, recipients, verdict};
use crate::message::Reading;
use crate::wire::request::{Call, Lookup, Open, Protect, Purpose};

/// How long before the add-on stops waiting the host stops asking the DNS, so that there is time
/// to say why.
const MARGIN: Duration = Duration::from_millis(500);

impl Service for Engine {
    fn call(&self, call: Call, body: Vec<u8>, work: &Work) -> Result<Reply, Failure> {
        match call {
            Call::Key(call) => self.call_keys(call, &body, work),
            Call::Keys => self.list_keys(),
            Call::Lookup(request) => self.lookup(&request, work),
            Call::Protect(request) => self.protect(&request, &body, work),
            Call::Open(request) => self.open_message(&request, body, work),
        }
    }
}

impl Engine {
    fn list_keys(&self) -> Result<Reply, Failure> {
        let rows = super::key_list::rows(self.keys(), self.now())?;
        Ok(Reply { fields: object(json!({ "keys": rows })), body: None })
    }

    fn lookup(&self, request: &Lookup, work: &Work) -> Result<Reply, Failure> {
        if request.addresses.len() > recipients::MOST_ADDRESSES {
            let words = format!("At most {} addresses can be looked up at once.", recipients::MOST_ADDRESSES);
            return Err(Failure::new(Code::TooLarge, words));
        }
        let directory = self.directory()?;
        let results = recipients::results(&*directory, &request.addresses, self.now(), patience(work));
        Ok(Reply { fields: object(json!({ "results": results })), body: None })
    }

    fn protect(&self, request: &Protect, entity: &[u8], work: &Work) -> Result<Reply, Failure> {
        let from = outgoing::parse_address(&request.from)?;
        let wish = match request.purpose {
            Purpose::Draft => Wish { from, recipients: Vec::new(), sign: false, encrypt: request.encrypt },
            Purpose::Send => {
                if request.encrypt && !request.bcc.is_empty() {
                    return Err(bcc_needs_own_copy());
                }
                let all = [&*request.to, &*request.cc, &*request.bcc].concat();
                let recipients = outgoing::parse_addresses(&all)?;
                Wish { from, recipients, sign: request.sign, encrypt: request.encrypt }
            }
        };
        work.progress("certificates", None, None);
        let prepared = outgoing::prepare(self, &wish, patience(work))?;
        work.go_on()?;
        work.progress("protecting", None, None);
        let protected = prepared.entity(entity)?;
        let fields = json!({
            "signed": prepared.signs(),
            "encrypted": prepared.encrypts(),
            "content_type": protected.media_type,
            "algorithm": protected.cipher.map(|cipher| cipher.name()),
            "recipients": prepared.addresses().iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        Ok(Reply { fields: object(fields), body: Some(protected.entity.into()) })
    }

    fn open_message(&self, request: &Open, message: Vec<u8>, work: &Work) -> Result<Reply, Failure> {
        let shown = request.shown_sha256.as_deref().map(parse_digest).transpose()?;
        work.progress("opening", None, None);
        let reading = Reading { shown, show_unauthentic: request.show_unauthentic };
        let opened = self.open(&message.into(), reading, patience(work))?;
        let fields = json!({
            "verdict": verdict::to_json(&opened.verdict),
            "certificate_pem": verdict::signer(&opened.verdict).map(|s| s.certificate.to_pem()),
            "domain": verdict::vouching_domain(&opened.verdict),
            "details": details::to_json(&opened),
        });
        Ok(Reply { fields: object(fields), body: opened.content })
    }
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
