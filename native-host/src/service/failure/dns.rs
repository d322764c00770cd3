//! What the DNS said, in words for people and fields for programs.

use serde_json::{Value, json};

use super::hindrance::Hindrance;
use super::{Code, Failure};
use crate::directory::{Finding, Outcome, Status, Unfit};
use crate::dns::answer::{Defect, Denial, Fault, InsecureCause, Insecurity, Missing, Outage};
use crate::dns::{AnchorError, DomainName, Link, RecordType, ServerError, is_outside};
use crate::smimea::Unusable;
use crate::x509::Fitness;

/// The failure for an outcome that is not [`Status::Secure`]; `None` for that one and for proven
/// absence, which is an answer.
pub fn failure(finding: &Finding) -> Option<Failure> {
    let code = match finding.status() {
        Status::Secure | Status::Absent => return None,
        Status::Insecure => Code::DnsInsecure,
        Status::Bogus => Code::DnsBogus,
        Status::Unreachable => Code::DnsUnreachable,
    };
    Some(Failure::new(code, reason(finding)).with("address", json!(finding.address.to_string())))
}

/// One or two sentences: what was found for this address, and what stands in the way.
pub fn reason(finding: &Finding) -> String {
    let domain = finding.address.domain();
    match &finding.outcome {
        Outcome::Secure(_) => match &finding.other_spelling {
            Some(other) => {
                let found = secure(finding);
                format!("{found} It stands under another spelling of the address, {other}.")
            }
            None => secure(finding),
        },
        Outcome::Absent(denial) if no_such_domain(finding, denial.get()) => {
            format!("There is no domain {domain}; DNSSEC proves it. Look at how the address is spelled.")
        }
        // Whether the name is there is not said: wildcards and denials made on demand (RFC 9824) answer
        // as if it were.
        Outcome::Absent(_) => {
            format!("{domain} publishes no certificate for this address; DNSSEC proves it.")
        }
        Outcome::Insecure(insecurity) => insecure(domain, insecurity),
        Outcome::Bogus(fault) => bogus(domain, fault),
        Outcome::Unreachable(outage) => unreachable(domain, outage),
    }
}

/// Whether the domain of the address does not exist, and not just the name of its records.
fn no_such_domain(finding: &Finding, denial: &Denial) -> bool {
    let domain = DomainName::from_ascii(format!("{}.", finding.address.domain()));
    domain.is_ok_and(|domain| denial.covers_all_of(&domain))
}

fn secure(finding: &Finding) -> String {
    let domain = finding.address.domain();
    match Hindrance::of(finding) {
        None => format!("{domain} publishes a certificate for this address, and DNSSEC proves it."),
        Some(hindrance) => format!(
            "{domain} has an entry for this address, proven by DNSSEC, but {}; nothing can be encrypted with it.",
            hindrance.words()
        ),
    }
}

/// Ends a sentence that begins with the certificate.
pub fn unfit_words(unfit: Unfit) -> String {
    match unfit {
        Unfit::Expired(at) => format!("expired on {at}"),
        Unfit::NotYetValid(from) => format!("is not valid before {from}"),
        Unfit::Purpose(fitness) => match fitness {
            Fitness::NotForMail => "is not meant for mail".to_owned(),
            Fitness::NotThisUsage => "is not meant for this use".to_owned(),
            Fitness::Unreadable => "cannot be read by this computer’s OpenSSL".to_owned(),
            Fitness::UnsupportedKey(key) => format!("has a kind of key that cannot do this ({key})"),
            Fitness::WeakKey(bits) => format!("has a key of only {bits} bits"),
            _ => "has an extension that must be understood and is not".to_owned(),
        },
    }
}

/// Ends a sentence that begins with the record.
pub fn unusable_words(unusable: Unusable) -> &'static str {
    match unusable {
        Unusable::Empty => "has no data",
        Unusable::NotInProfile => "is not of the one form (3 0 0) that the chosen profile takes",
        Unusable::NotACertificate => "should hold a certificate and holds something else",
        Unusable::NotAKey => "should hold a public key and holds something else",
        Unusable::TooShort => "is too short",
        Unusable::UnknownUsage => "has an unknown certificate usage",
        Unusable::UnknownSelector => "has an unknown selector",
        Unusable::UnknownMatching => "has an unknown matching type",
        Unusable::WrongDigestLength => "has a digest of the wrong length",
    }
}

fn insecure(domain: &str, insecurity: &Insecurity) -> String {
    let zone = plain(&insecurity.zone);
    let cause = match insecurity.cause {
        InsecureCause::NoDs => format!("{zone} is not signed"),
        // RFC 5155 section 6: whether there is an unsigned zone at all, the one above leaves open.
        InsecureCause::OptOut => format!("{zone} is not signed, if it exists at all"),
        InsecureCause::TooManyIterations(count) => {
            format!("{zone} uses {count} NSEC3 iterations, more than can be checked")
        }
        InsecureCause::UnknownAlgorithm => {
            format!("{zone} is signed with algorithms this program does not know")
        }
    };
    let name = DomainName::from_ascii(format!("{domain}.")).unwrap_or_default();
    let below = name.zone_of(&insecurity.zone) && insecurity.zone != name;
    if below && insecurity.cause == InsecureCause::OptOut {
        return format!(
            "{domain} is signed with DNSSEC, but leaves open what there is for this address (NSEC3 opt-out), so its \
             answer proves nothing."
        );
    }
    let what = if below {
        "keeps its certificates in a zone that is"
    } else if insecurity.zone.zone_of(&name) {
        "is"
    } else {
        "leads on to another domain that is"
    };
    format!(
        "{domain} {what} not secured by DNSSEC ({cause}), so nothing it says about certificates can be trusted."
    )
}

fn bogus(domain: &str, fault: &Fault) -> String {
    let what = defect_words(fault);
    if fault.defect == Defect::SignaturesStripped {
        return format!(
            "Nothing that {domain} says about certificates can be proven here: {what}. `dane-smime doctor` tells \
             how to ask another resolver."
        );
    }
    if fault.defect == Defect::KeysNotTrusted {
        return format!(
            "The answer for {domain} cannot be trusted: {what}. Either it is forged, or the trust anchors are not those \
             of this DNS, or too old: look at the setting `trust-anchor`, or for a new version of this program."
        );
    }
    format!(
        "The answer for {domain} cannot be trusted: {what}. It may be forged, or the domain's DNS may be broken; do not send secrets there now."
    )
}

/// What is wrong with an answer, as a sentence of its own.
pub fn defect_sentence(fault: &Fault) -> String {
    sentence(&defect_words(fault))
}

fn defect_words(fault: &Fault) -> String {
    match &fault.defect {
        Defect::AliasLoop => "its aliases lead round in a circle".to_owned(),
        Defect::Foreign => "it does not answer the question".to_owned(),
        Defect::KeysNotTrusted => {
            format!("the keys of {} are not those that this program trusts", zone_of(fault))
        }
        Defect::KeysNotVouchedFor => {
            format!("the keys of {} are not those its parent vouches for", zone_of(fault))
        }
        Defect::NoKeys => format!("{} gives no keys although it should be signed", zone_of(fault)),
        Defect::NoDenial => "it says that there is nothing and does not prove it".to_owned(),
        Defect::NoSignature => "it carries no valid signature although the domain is signed".to_owned(),
        Defect::OutOfZone => "its proof speaks of names of another zone".to_owned(),
        Defect::SecondOpinion => "a second check contradicts it".to_owned(),
        Defect::SignatureExpired { at, .. } => {
            format!("its signature expired on {at}; if that is not so, this computer's clock is wrong")
        }
        Defect::SignatureNotYetValid { from, .. } => {
            format!(
                "its signature is not valid before {from}; if that moment has passed, this computer's clock is wrong"
            )
        }
        Defect::SignatureWrong { .. } => "its signature does not fit it".to_owned(),
        Defect::SignaturesStripped => {
            "DNSSEC signatures are lost on the way from the DNS, as many home routers do it".to_owned()
        }
        Defect::TooMuchWork => "checking it would take too much work".to_owned(),
        Defect::UnknownKey { .. } => "it is signed by a key the domain does not have".to_owned(),
        Defect::WildcardUnproven => "it was made from a wildcard without the proof that it may be".to_owned(),
    }
}

fn unreachable(domain: &str, outage: &Outage) -> String {
    if matches!(outage, Outage::NoAnchor) {
        return format!("No trust anchor is known for {domain}; check the file of trust anchors.");
    }
    if matches!(outage, Outage::NotInDns) {
        return not_in_dns(domain);
    }
    let what = outage_words(outage);
    let advice = match outage {
        // However often it is asked.
        Outage::ServerError(FORMERR | NOTIMP | REFUSED) | Outage::Truncated => {
            "`dane-smime doctor` tells how to ask another resolver."
        }
        _ => "Check the network and try again.",
    };
    format!("Nothing could be learned about {domain}: {what}. {advice}")
}

fn not_in_dns(domain: &str) -> String {
    let name = DomainName::from_ascii(format!("{domain}.")).unwrap_or_default();
    let what = if is_outside(&name) { "is" } else { "leads on to a name that is" };
    format!(
        "{domain} {what} not in the DNS, so nobody was asked, and no certificate can be found there. Ask for another \
         address."
    )
}

/// Why there is no answer, as a sentence of its own.
pub fn outage_sentence(outage: &Outage) -> String {
    sentence(&outage_words(outage))
}

fn outage_words(outage: &Outage) -> String {
    match outage {
        Outage::NoAnchor => "no trust anchor is known for it".to_owned(),
        Outage::NotInDns => "names of its kind are not in the DNS".to_owned(),
        Outage::NoServers => "the system names no DNS resolver".to_owned(),
        Outage::HostNotFound => "the address of the DNS resolver cannot be found".to_owned(),
        Outage::TimedOut(_) => "no DNS resolver answered in time".to_owned(),
        Outage::Refused(kind) => format!("the DNS resolver cannot be reached ({kind})"),
        Outage::Tls => {
            "the encrypted connection to the DNS resolver failed, or its certificate is not trusted"
                .to_owned()
        }
        Outage::ServerError(code @ (FORMERR | NOTIMP)) => {
            format!("the DNS resolver does not understand questions about DNSSEC ({})", rcode(*code))
        }
        Outage::ServerError(code @ REFUSED) => {
            format!("the DNS resolver refuses to answer ({})", rcode(*code))
        }
        Outage::ServerError(code) => format!("the DNS resolver could not find the answer ({})", rcode(*code)),
        Outage::Garbled => "the DNS resolver answered with something that cannot be read".to_owned(),
        Outage::Truncated => "the answer is too large and the DNS resolver does not speak TCP".to_owned(),
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

// RFC 1035 section 4.1.1.
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;

fn rcode(code: u16) -> String {
    match code {
        FORMERR => "FORMERR".into(),
        SERVFAIL => "SERVFAIL".into(),
        NOTIMP => "NOTIMP".into(),
        REFUSED => "REFUSED".into(),
        other => format!("response code {other}"),
    }
}

fn zone_of(fault: &Fault) -> String {
    plain(fault.zone.as_ref().unwrap_or(&fault.name))
}

/// A domain name as people write it.
pub fn plain(name: &DomainName) -> String {
    if name.is_root() { "the DNS root".to_owned() } else { name.to_ascii().trim_end_matches('.').to_owned() }
}

/// The facts behind a finding, for the details view.
pub fn facts(finding: &Finding) -> Value {
    match &finding.outcome {
        Outcome::Secure(published) => {
            let set = published.set().get();
            json!({
                "chain": chain(&set.chain),
                "valid_until": set.valid_until.to_string(),
                "wildcard": set.from_wildcard,
                "aliases": set.aliases.iter().map(DomainName::to_ascii).collect::<Vec<_>>(),
                "owner": set.owner.to_ascii(),
            })
        }
        Outcome::Absent(denial) => {
            let denial = denial.get();
            json!({
                "missing": match denial.what { Missing::Name => "name", Missing::Type => "type" },
                "no_such_domain": no_such_domain(finding, denial),
                "zone": denial.zone.to_ascii(),
                "chain": chain(&denial.chain),
                "valid_until": denial.valid_until.to_string(),
            })
        }
        Outcome::Insecure(insecurity) => {
            json!({"zone": insecurity.zone.to_ascii(), "cause": cause_word(insecurity.cause)})
        }
        Outcome::Bogus(fault) => fault_facts(fault),
        Outcome::Unreachable(outage) => json!({"cause": outage_word(outage)}),
    }
}

fn chain(links: &[Link]) -> Value {
    let link = |link: &Link| json!({"zone": link.zone.to_ascii(), "key_tag": link.key_tag, "algorithm": link.algorithm});
    links.iter().map(link).collect()
}

fn fault_facts(fault: &Fault) -> Value {
    let mut facts = json!({
        "name": fault.name.to_ascii(),
        "type": type_word(fault.record_type),
        "zone": fault.zone.as_ref().map(DomainName::to_ascii),
        "defect": defect_word(&fault.defect),
    });
    let more = match &fault.defect {
        Defect::SignatureExpired { key_tag, at } => json!({"key_tag": key_tag, "at": at.to_string()}),
        Defect::SignatureNotYetValid { key_tag, from } => {
            json!({"key_tag": key_tag, "from": from.to_string()})
        }
        Defect::SignatureWrong { key_tag } | Defect::UnknownKey { key_tag } => json!({"key_tag": key_tag}),
        _ => Value::Null,
    };
    if let (Value::Object(facts), Value::Object(more)) = (&mut facts, more) {
        facts.extend(more);
    }
    facts
}

fn type_word(record_type: RecordType) -> String {
    record_type.to_string()
}

fn cause_word(cause: InsecureCause) -> &'static str {
    match cause {
        InsecureCause::NoDs => "no-ds",
        InsecureCause::OptOut => "opt-out",
        InsecureCause::TooManyIterations(_) => "too-many-iterations",
        InsecureCause::UnknownAlgorithm => "unknown-algorithm",
    }
}

/// The defect as a word.
pub fn defect_word(defect: &Defect) -> &'static str {
    match defect {
        Defect::AliasLoop => "alias-loop",
        Defect::Foreign => "foreign",
        Defect::KeysNotTrusted => "keys-not-trusted",
        Defect::KeysNotVouchedFor => "keys-not-vouched-for",
        Defect::NoKeys => "no-keys",
        Defect::NoDenial => "no-denial",
        Defect::NoSignature => "no-signature",
        Defect::OutOfZone => "out-of-zone",
        Defect::SecondOpinion => "second-opinion",
        Defect::SignatureExpired { .. } => "signature-expired",
        Defect::SignatureNotYetValid { .. } => "signature-not-yet-valid",
        Defect::SignatureWrong { .. } => "signature-wrong",
        Defect::SignaturesStripped => "signatures-stripped",
        Defect::TooMuchWork => "too-much-work",
        Defect::UnknownKey { .. } => "unknown-key",
        Defect::WildcardUnproven => "wildcard-unproven",
    }
}

/// The outage as a word.
pub fn outage_word(outage: &Outage) -> &'static str {
    match outage {
        Outage::NoAnchor => "no-anchor",
        Outage::NotInDns => "not-in-dns",
        Outage::NoServers => "no-servers",
        Outage::HostNotFound => "host-not-found",
        Outage::TimedOut(_) => "timed-out",
        Outage::Refused(_) => "refused",
        Outage::Tls => "tls",
        Outage::ServerError(_) => "server-error",
        Outage::Garbled => "garbled",
        Outage::Truncated => "truncated",
    }
}

impl From<AnchorError> for Failure {
    fn from(error: AnchorError) -> Self {
        Self::new(Code::BadTrustAnchor, format!("The trust anchors cannot be used: {error}."))
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::new(Code::BadResolver, format!("{error}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_again_is_advised_only_where_it_may_help() {
        let again = |outage| unreachable("a.test", &outage).ends_with("Check the network and try again.");
        for (code, helps) in
            [(FORMERR, false), (SERVFAIL, true), (NOTIMP, false), (REFUSED, false), (9, true)]
        {
            assert_eq!(again(Outage::ServerError(code)), helps, "{code}");
        }
        assert!(!again(Outage::Truncated));
        assert!(again(Outage::Refused(std::io::ErrorKind::NetworkUnreachable)));
    }
}
