//! Bodies that are worked on while they come and go: what a request brings as something to read,
//! what it answers as something to write to.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use tempfile::{NamedTempFile, TempPath};

use super::folder::name_of;
use super::{Failure, Work, cancelled};
use crate::wire::answer::BodySent;
use crate::wire::file_name::FileName;
use crate::wire::request::AnswerForm;
use crate::wire::{CHUNK, answer};

/// What is read of a file at once.
const READ_AT_ONCE: usize = 128 * 1024;

/// The body of a request, as far as it is in. Reading waits for more.
#[derive(Debug)]
pub struct Body {
    source: Source,
    length: usize,
    taken: usize,
}

#[derive(Debug)]
enum Source {
    Nowhere,
    Chunks(Pieces),
    /// Read while it is worked on, so that it is never in memory twice.
    File(BufReader<File>),
}

/// What has come in chunks.
#[derive(Debug)]
struct Pieces {
    coming: Receiver<Vec<u8>>,
    /// Octets that are in and were not taken yet; whoever brings them slows down.
    waiting: Arc<AtomicUsize>,
    piece: Vec<u8>,
    at: usize,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self { source: Source::Nowhere, length: 0, taken: 0 }
    }

    pub(super) fn of_chunks(coming: Receiver<Vec<u8>>, waiting: Arc<AtomicUsize>, length: usize) -> Self {
        let pieces = Pieces { coming, waiting, piece: Vec::new(), at: 0 };
        Self { source: Source::Chunks(pieces), length, taken: 0 }
    }

    /// `length` octets of a file. What is behind them is not read; where it ends before, the body
    /// has broken off.
    pub(super) fn of_file(file: File, length: usize) -> Self {
        Self { source: Source::File(BufReader::with_capacity(READ_AT_ONCE, file)), length, taken: 0 }
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
}

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let missing = self.length.saturating_sub(self.taken);
        let room = out.len().min(missing);
        let out = out.get_mut(..room).unwrap_or_default();
        if out.is_empty() {
            return Ok(0);
        }
        let length = match &mut self.source {
            Source::Nowhere => 0,
            Source::Chunks(pieces) => pieces.read(out)?,
            Source::File(file) => file.read(out)?,
        };
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.taken = self.taken.saturating_add(length);
        Ok(length)
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.piece.len() {
            self.piece = self.coming.recv().map_err(|_| ErrorKind::UnexpectedEof)?;
            self.at = 0;
            self.waiting.fetch_sub(self.piece.len(), Ordering::Relaxed);
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let length = rest.read(out)?;
        self.at = self.at.saturating_add(length);
        Ok(length)
    }
}

/// The body of an answer on its way. What is written is sent when there is a chunk of it, or put into
/// a file where the add-on takes one; it counts for nothing until the `result` has been sent.
pub struct Outlet<'w> {
    work: &'w Work,
    buffer: Vec<u8>,
    way: Way,
}

/// How much is in the buffer when it is passed on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Full,
    /// The answer ends here.
    Rest,
}

enum Way {
    /// Less than a chunk has come so far.
    Open,
    Chunks {
        seq: u64,
        sent: usize,
    },
    File {
        file: NamedTempFile,
        written: usize,
    },
}

/// What became of an answer's body.
#[derive(Debug, Default)]
pub enum Sent {
    /// There is none.
    #[default]
    Nothing,
    /// So many octets have gone out in chunks.
    Chunks(usize),
    /// It waits in a file.
    File(AnswerFile),
}

/// A file with an answer's body. It is removed when this is dropped, if the add-on has not done so.
#[derive(Debug)]
pub struct AnswerFile {
    path: TempPath,
    name: FileName,
    length: usize,
}

impl AnswerFile {
    /// Whether the add-on has not taken it yet.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }
}

impl Sent {
    pub(super) fn told(&self) -> BodySent<'_> {
        match self {
            Self::Nothing => BodySent::Nothing,
            Self::Chunks(length) => BodySent::Chunks(*length),
            Self::File(file) => BodySent::File(&file.name, file.length),
        }
    }
}

impl<'w> Outlet<'w> {
    pub(super) fn new(work: &'w Work) -> Self {
        Self { work, buffer: Vec::new(), way: Way::Open }
    }

    /// Sends what is left. To be called before the request is answered well.
    ///
    /// # Errors
    /// Where nobody waits any more.
    pub fn finish(mut self) -> Result<Sent, Failure> {
        self.pass_on(Fill::Rest).map_err(|_| cancelled())?;
        match self.way {
            Way::Open => Ok(Sent::Nothing),
            Way::Chunks { sent, .. } => Ok(Sent::Chunks(sent)),
            Way::File { file, written } => {
                let path = file.into_temp_path();
                let name = name_of(&path).ok_or_else(super::internal)?;
                Ok(Sent::File(AnswerFile { path, name, length: written }))
            }
        }
    }

    fn pass_on(&mut self, fill: Fill) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if matches!(self.way, Way::Open) {
            let file = if fill == Fill::Full { self.work.answer_file() } else { None };
            self.way = match file {
                Some(file) => Way::File { file, written: 0 },
                None => Way::Chunks { seq: 0, sent: 0 },
            };
        }
        if let Way::File { file, written } = &mut self.way {
            match file.write_all(&self.buffer) {
                Ok(()) => {
                    *written = written.saturating_add(self.buffer.len());
                    self.buffer.clear();
                    return self.work.still_wanted();
                }
                Err(error) => {
                    tracing::warn!(%error, "an answer does not fit into memory as a file; it goes in chunks");
                    self.back_to_chunks()?;
                }
            }
        }
        if let Way::Chunks { seq, sent } = &mut self.way {
            send(self.work, seq, sent, &self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Sends in chunks what went into the file.
    fn back_to_chunks(&mut self) -> io::Result<()> {
        let Way::File { file, written } = &mut self.way else { return Ok(()) };
        let mut file = file.reopen()?;
        file.rewind()?;
        let (mut seq, mut sent, end) = (0, 0, *written);
        let mut piece = vec![0; CHUNK];
        while sent < end {
            let room = CHUNK.min(end.saturating_sub(sent));
            let piece = piece.get_mut(..room).unwrap_or_default();
            file.read_exact(piece)?;
            send(self.work, &mut seq, &mut sent, piece)?;
        }
        self.way = Way::Chunks { seq, sent };
        Ok(())
    }
}

fn send(work: &Work, seq: &mut u64, sent: &mut usize, octets: &[u8]) -> io::Result<()> {
    work.send_chunk(&answer::chunk(work.id, *seq, octets))?;
    *seq = seq.saturating_add(1);
    *sent = sent.saturating_add(octets.len());
    Ok(())
}

impl Write for Outlet<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let room = CHUNK.saturating_sub(self.buffer.len());
        let taken = octets.get(..room).unwrap_or(octets);
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= CHUNK {
            self.pass_on(Fill::Full)?;
        }
        Ok(taken.len())
    }

    /// Nothing: chunks are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Work {
    /// Where the answer's body goes while it is made.
    pub fn outlet(&self) -> Outlet<'_> {
        Outlet::new(self)
    }

    /// Hands over a body that is there already.
    ///
    /// # Errors
    /// Where nobody waits any more.
    pub fn hand_over(&self, octets: &[u8]) -> Result<Sent, Failure> {
        let mut outlet = self.outlet();
        outlet.write_all(octets).map_err(|_| cancelled())?;
        outlet.finish()
    }

    /// A file for the answer, where the add-on takes one and one can be made.
    fn answer_file(&self) -> Option<NamedTempFile> {
        match (self.answer, &self.folder) {
            (AnswerForm::FileIfLarge, Some(folder)) => folder
                .create()
                .inspect_err(|error| tracing::warn!(%error, "no file for an answer; it goes in chunks"))
                .ok(),
            _ => None,
        }
    }
}
