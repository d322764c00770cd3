//! A request's body, checked as its chunks come.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::CHUNK;
use super::request::Chunk;

/// A body that is still growing.
#[derive(Debug)]
pub struct Assembly {
    expected: usize,
    next: u64,
    received: usize,
}

/// Why a chunk does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The data is not base64.
    #[error("a chunk is not base64")]
    NotBase64,
    /// A chunk is missing or came twice.
    #[error("the chunks are out of order")]
    OutOfOrder,
    /// There is more than announced, or a chunk is larger than allowed.
    #[error("there is more data than announced")]
    TooMuch,
}

impl Assembly {
    /// A body of `expected` octets.
    pub fn new(expected: usize) -> Self {
        Self { expected, next: 0, received: 0 }
    }

    /// How many octets were announced.
    pub fn expected(&self) -> usize {
        self.expected
    }

    /// Whether everything is in.
    pub fn is_complete(&self) -> bool {
        self.received == self.expected
    }

    /// The octets of the next chunk.
    ///
    /// # Errors
    /// [`BodyError`]; the body is worthless after it.
    pub fn add(&mut self, chunk: &Chunk) -> Result<Vec<u8>, BodyError> {
        if chunk.seq != self.next {
            return Err(BodyError::OutOfOrder);
        }
        self.next = self.next.saturating_add(1);
        let piece = STANDARD.decode(&chunk.data).map_err(|_| BodyError::NotBase64)?;
        let room = self.expected.saturating_sub(self.received);
        if piece.len() > CHUNK || piece.len() > room || piece.is_empty() {
            return Err(BodyError::TooMuch);
        }
        self.received = self.received.saturating_add(piece.len());
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(seq: u64, octets: &[u8]) -> Chunk {
        Chunk { seq, data: STANDARD.encode(octets) }
    }

    #[test]
    fn chunks_in_order_make_the_body() {
        let mut body = Assembly::new(5);
        assert_eq!(body.add(&chunk(0, b"abc")).unwrap(), b"abc");
        assert!(!body.is_complete());
        assert_eq!(body.add(&chunk(1, b"de")).unwrap(), b"de");
        assert!(body.is_complete());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Assembly::new(5).add(&chunk(1, b"a")), Err(BodyError::OutOfOrder));
        assert_eq!(Assembly::new(2).add(&chunk(0, b"abc")), Err(BodyError::TooMuch));
        assert_eq!(Assembly::new(9_000_000).add(&chunk(0, &vec![0; CHUNK + 1])), Err(BodyError::TooMuch));
        assert_eq!(Assembly::new(2).add(&chunk(0, b"")), Err(BodyError::TooMuch));
        let garbage = Chunk { seq: 0, data: "*".into() };
        assert_eq!(Assembly::new(2).add(&garbage), Err(BodyError::NotBase64));
        assert!(Assembly::new(0).is_complete());
    }
}
