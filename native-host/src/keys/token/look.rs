//! What can be seen of a key without the token's PIN.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::Session;

use super::module::Token;
use super::{TokenError, TokenSight};
use crate::x509::Certificate;

/// Looks for the key of a certificate. Nobody is asked for the PIN.
pub(in crate::keys) fn look(
    token: &Token,
    id: &[u8],
    certificate: &Certificate,
) -> Result<TokenSight, TokenError> {
    let (info, sight) = token.look(|session| seen(session, id, certificate))?;
    // Whatever is on it: nobody gets at it.
    if info.user_pin_locked() { Ok(TokenSight::Locked) } else { Ok(sight) }
}

fn seen(session: &Session, id: &[u8], certificate: &Certificate) -> Result<TokenSight, Error> {
    let find = |class| session.find_objects(&[Attribute::Class(class), Attribute::Id(id.to_owned())]);
    let mut is_other = false;
    for object in find(ObjectClass::CERTIFICATE)? {
        for attribute in session.get_attributes(object, &[AttributeType::Value])? {
            let Attribute::Value(der) = attribute else { continue };
            let found = Certificate::from_der(&der);
            // It may have got a new certificate meanwhile.
            if found.as_ref().is_ok_and(|found| found.spki_der() == certificate.spki_der()) {
                return Ok(TokenSight::Key);
            }
            is_other = true;
        }
    }
    let is_there = !find(ObjectClass::PRIVATE_KEY)?.is_empty() || !find(ObjectClass::PUBLIC_KEY)?.is_empty();
    Ok(match (is_other, is_there) {
        (true, _) => TokenSight::OtherKey,
        (false, true) => TokenSight::Key,
        (false, false) => TokenSight::Hidden,
    })
}
