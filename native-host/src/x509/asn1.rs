//! What the parsers of certificates, CMS objects and key files look into before anything else is known.

use std::borrow::Cow;

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

/// One encoded value, in BER or DER, read without copying and without recursion.
pub(crate) struct Element<'a> {
    /// The octets from its tag on, with all that follows.
    pub(crate) from: &'a [u8],
    /// Class, form and number.
    pub(crate) tag: u8,
    /// What stands between the lengths.
    pub(crate) content: &'a [u8],
}

/// The octets are no value of the kind that was looked for.
pub(crate) struct Unexpected;

impl<'a> Element<'a> {
    /// How long tag and length are at the beginning of what may go on, and the content: `None` for the indefinite form.
    /// `Ok(None)` where more must come to say so.
    pub(crate) fn header(octets: &[u8], tag: u8) -> Result<Option<(usize, Option<usize>)>, Unexpected> {
        const LONGEST: usize = 6;
        match Header::read(octets) {
            Some(header) if header.tag == tag => Ok(Some((header.length, header.content))),
            None if octets.len() < LONGEST => Ok(None),
            _ => Err(Unexpected),
        }
    }

    pub(crate) fn first(octets: &'a [u8]) -> Option<Self> {
        Some(split_first(octets)?.0)
    }

    /// The octets of an OCTET STRING, whole or in pieces (X.690 section 8.7), the implicitly tagged too.
    pub(crate) fn octets(&self) -> Cow<'a, [u8]> {
        const CONSTRUCTED: u8 = 0x20;
        if self.tag & CONSTRUCTED == 0 {
            return Cow::Borrowed(self.content);
        }
        let pieces: Vec<&[u8]> = self.children().map(|piece| piece.content).collect();
        Cow::Owned(pieces.concat())
    }

    /// The values inside; `None` if one of them cannot be read.
    pub(crate) fn all_children(&self) -> Option<Vec<Element<'a>>> {
        let (mut rest, mut found) = (self.content, Vec::new());
        while !rest.is_empty() {
            let (element, after) = split_first(rest)?;
            found.push(element);
            rest = after;
        }
        Some(found)
    }

    /// The values inside, up to the first that cannot be read.
    pub(crate) fn children(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.content;
        std::iter::from_fn(move || {
            let (element, after) = split_first(rest)?;
            rest = after;
            Some(element)
        })
    }
}

fn split_first(octets: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let header = Header::read(octets)?;
    let body = octets.get(header.length..)?;
    let (content, rest) = match header.content {
        Some(length) => body.split_at_checked(length)?,
        None => {
            let end = end_of_indefinite(body)?;
            (body.get(..end)?, body.get(end.checked_add(2)?..)?)
        }
    };
    Some((Element { from: octets, tag: header.tag, content }, rest))
}

/// Where the end-of-contents octets of an indefinite length stand (X.690 section 8.1.5).
fn end_of_indefinite(body: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0_usize;
    loop {
        let rest = body.get(at..)?;
        if rest.starts_with(&[0, 0]) {
            match depth.checked_sub(1) {
                None => return Some(at),
                Some(less) => depth = less,
            }
            at = at.checked_add(2)?;
            continue;
        }
        let header = Header::read(rest)?;
        at = at.checked_add(header.length)?;
        match header.content {
            Some(length) => at = at.checked_add(length)?,
            None => depth = depth.checked_add(1)?,
        }
    }
}

/// Tag and length.
struct Header {
    tag: u8,
    /// Octets of tag and length themselves.
    length: usize,
    /// Octets of the content; `None` for the indefinite form.
    content: Option<usize>,
}

impl Header {
    /// `None` for tags above 30, which CMS does not have, and lengths above 2^32.
    fn read(octets: &[u8]) -> Option<Self> {
        let (&tag, rest) = octets.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        match first {
            0x80 => Some(Self { tag, length: 2, content: None }),
            0..0x80 => Some(Self { tag, length: 2, content: Some(usize::from(first)) }),
            _ => {
                let count = usize::from(first & 0x7f);
                // BER allows leading zeros (X.690 section 8.1.3.5).
                let digits = rest.get(..count)?;
                let digits = digits
                    .iter()
                    .position(|digit| *digit != 0)
                    .and_then(|at| digits.get(at..))
                    .unwrap_or_default();
                let digits = Some(digits).filter(|digits| digits.len() <= 4)?;
                let content = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
                Some(Self { tag, length: count.checked_add(2)?, content: Some(content) })
            }
        }
    }
}
