//! What a certificate's parser and those of CMS objects both look into before anything else is known.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};

/// The values inside a constructed one, in DER. `None` where they are none.
pub(crate) fn children(any: AnyRef<'_>) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(any.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}
