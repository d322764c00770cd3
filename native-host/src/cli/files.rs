//! Input and output of messages: a file or the standard streams.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::message::incoming::MAX_MESSAGE;
use crate::service::{Code, Failure};

/// Reads the whole of `file`, or standard input where there is none or it is `-`.
pub(super) fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let most = u64::try_from(MAX_MESSAGE).unwrap_or(u64::MAX).saturating_add(1);
    let (name, done) = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            let read = |file: File| {
                // At once as much as there is: growing would copy, and take twice the memory.
                let length = file.metadata().map_or(0, |known| known.len().min(most));
                octets.reserve_exact(usize::try_from(length).unwrap_or(0).saturating_add(1));
                file.take(most).read_to_end(&mut octets)
            };
            (file.display().to_string(), File::open(file).and_then(read))
        }
        None => ("standard input".to_owned(), std::io::stdin().take(most).read_to_end(&mut octets)),
    };
    done.map_err(|reason| Failure::new(Code::UnreadableInput, format!("{name} cannot be read: {reason}.")))?;
    if octets.len() > MAX_MESSAGE {
        return Err(Failure::new(Code::TooLarge, format!("{name} is too large.")));
    }
    Ok(octets)
}

/// Writes the pieces to `file`, whole or not at all: a reader never meets half a message.
pub(super) fn write(file: &Path, pieces: &[&[u8]]) -> Result<(), Failure> {
    let mut draft = Draft::beside(Some(file))?;
    for piece in pieces {
        draft.write_all(piece).map_err(|reason| unwritable(file, &reason))?;
    }
    draft.keep().map(|_| ())
}

/// Refuses the name of something that is not a file: what is written takes the place of what was there, and a device
/// or a pipe is not to be replaced.
pub(super) fn must_be_free(file: &Path) -> Result<(), Failure> {
    match std::fs::metadata(file) {
        Ok(there) if !there.is_file() => Err(Failure::new(
            Code::UnwritableOutput,
            format!("{} is there and is not a file, so nothing is written over it.", file.display()),
        )),
        _ => Ok(()),
    }
}

/// A message that is read piece by piece.
pub(super) enum Input {
    /// From a file, or from standard input for one reading.
    Once(Box<dyn Read>),
    /// For several readings.
    Again(Cursor<Vec<u8>>),
}

impl Input {
    /// Opens `file`, or standard input where there is none or it is `-`.
    pub(super) fn open(file: Option<&Path>, once: bool) -> Result<Self, Failure> {
        if !once {
            return Ok(Self::Again(Cursor::new(read(file)?)));
        }
        let most = u64::try_from(MAX_MESSAGE).unwrap_or(u64::MAX).saturating_add(1);
        match file.filter(|file| *file != Path::new("-")) {
            None => Ok(Self::Once(Box::new(Bounded(io::stdin(), most)))),
            Some(file) => {
                let opened = File::open(file).map_err(|reason| {
                    let words = format!("{} cannot be read: {reason}.", file.display());
                    Failure::new(Code::UnreadableInput, words)
                })?;
                Ok(Self::Once(Box::new(Bounded(opened, most))))
            }
        }
    }

    /// Back to the beginning.
    pub(super) fn rewind(&mut self) -> Result<(), Failure> {
        match self {
            Self::Again(octets) => {
                octets.set_position(0);
                Ok(())
            }
            Self::Once(_) => Err(Failure::new(Code::Internal, "The input can be read only once.")),
        }
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Once(input) => input.read(out),
            Self::Again(octets) => octets.read(out),
        }
    }
}

/// Fails, instead of ending, where there is more than so many octets.
struct Bounded<R>(R, u64);

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(out)?;
        match self.1.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
            Some(left) if left > 0 || length == 0 => self.1 = left,
            _ => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any mail")),
        }
        Ok(length)
    }
}

/// Output that does not exist for anybody else until it is kept.
pub(super) enum Draft {
    /// A file beside the one that it will become.
    File(NamedTempFile, PathBuf),
    /// For standard output.
    Memory(Vec<u8>),
}

impl Draft {
    /// For `file`, or for standard output where there is none.
    pub(super) fn beside(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Self::Memory(Vec::new())) };
        must_be_free(file)?;
        let draft = NamedTempFile::new_in(folder(file)).map_err(|reason| unwritable(file, &reason))?;
        Ok(Self::File(draft, file.to_owned()))
    }

    /// Puts the file in its place, or hands out what goes to standard output. Not synchronised with
    /// the disk: whoever loses the result to a power cut still has what it was made from.
    fn keep(self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Memory(octets) => Ok(Some(octets)),
            Self::File(draft, file) => {
                draft.persist(&file).map_err(|error| unwritable(&file, &error.error))?;
                Ok(None)
            }
        }
    }

    fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(_, file) => Some(file.clone()),
            Self::Memory(_) => None,
        }
    }
}

/// Keeps the main draft and the others with it, or none of them.
pub(super) fn keep_all(main: Draft, others: Vec<Draft>) -> Result<Option<Vec<u8>>, Failure> {
    let mut kept = Vec::new();
    for draft in others.into_iter().chain([main]) {
        let file = draft.file();
        match draft.keep() {
            Ok(Some(text)) => return Ok(Some(text)),
            Ok(None) => kept.extend(file),
            Err(failure) => {
                for file in kept {
                    let _ = std::fs::remove_file(file); // the first failure is the one to tell
                }
                return Err(failure);
            }
        }
    }
    Ok(None)
}

impl Write for Draft {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file, _) => file.write(octets),
            Self::Memory(memory) => memory.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn unwritable(file: &Path, reason: &io::Error) -> Failure {
    Failure::new(Code::UnwritableOutput, format!("{} cannot be written: {reason}.", file.display()))
}
