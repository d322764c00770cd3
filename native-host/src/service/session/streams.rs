//! Bodies that are worked on while they come and go: what a request brings as something to read,
//! what it answers as something to write to.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use super::{Failure, Work, cancelled};
use crate::wire::{CHUNK, answer};

/// The body of a request, as far as it is in. Reading waits for more.
#[derive(Debug)]
pub struct Body {
    pieces: Option<Receiver<Vec<u8>>>,
    /// Octets that are in and were not taken yet; whoever brings them slows down.
    waiting: Arc<AtomicUsize>,
    piece: Vec<u8>,
    at: usize,
    length: usize,
    taken: usize,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self { pieces: None, waiting: Arc::default(), piece: Vec::new(), at: 0, length: 0, taken: 0 }
    }

    pub(super) fn of(pieces: Receiver<Vec<u8>>, waiting: Arc<AtomicUsize>, length: usize) -> Self {
        Self { pieces: Some(pieces), waiting, length, ..Self::empty() }
    }

    /// How many octets were announced.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Waits for all of it.
    ///
    /// # Errors
    /// `cancelled`, where the rest will not come: whoever gave it up was told why.
    pub fn read_all(mut self) -> Result<Vec<u8>, Failure> {
        // Memory that is promised and not written to costs nothing yet.
        let mut octets = Vec::with_capacity(self.length);
        self.read_to_end(&mut octets).map_err(|_| cancelled())?;
        Ok(octets)
    }

    /// Waits for the next piece. `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        if self.taken >= self.length {
            return Ok(false);
        }
        let next = self.pieces.as_ref().and_then(|pieces| pieces.recv().ok());
        self.piece = next.ok_or(ErrorKind::UnexpectedEof)?;
        self.at = 0;
        self.waiting.fetch_sub(self.piece.len(), Ordering::Relaxed);
        self.taken = self.taken.saturating_add(self.piece.len());
        Ok(true)
    }
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.piece.len() && !self.advance()? {
            return Ok(0);
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let length = rest.read(out)?;
        self.at = self.at.saturating_add(length);
        Ok(length)
    }
}

/// The body of an answer on its way. What is written is sent in chunks; it counts for nothing until
/// the `result` has been sent.
pub struct Outlet<'w> {
    work: &'w Work,
    buffer: Vec<u8>,
    seq: u64,
}

impl<'w> Outlet<'w> {
    pub(super) fn new(work: &'w Work) -> Self {
        Self { work, buffer: Vec::new(), seq: 0 }
    }

    /// Sends what is left. To be called before the request is answered well.
    ///
    /// # Errors
    /// Where nobody waits any more.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.send_buffer().map_err(|_| cancelled())
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.work.send_chunk(&answer::chunk(self.work.id, self.seq, &self.buffer), self.buffer.len())?;
            self.seq = self.seq.saturating_add(1);
            self.buffer.clear();
        }
        Ok(())
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let room = CHUNK.saturating_sub(self.buffer.len());
        let taken = octets.get(..room).unwrap_or(octets);
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= CHUNK {
            self.send_buffer()?;
        }
        Ok(taken.len())
    }

    /// Nothing: chunks are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
