//! Input and output of messages: a file or the standard streams.

use std::io::{Read, Write};
use std::path::Path;

use crate::message::incoming::MAX_MESSAGE;
use crate::service::{Code, Failure};

/// Reads the whole of `file`, or standard input where there is none or it is `-`.
pub(super) fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let most = u64::try_from(MAX_MESSAGE).unwrap_or(u64::MAX).saturating_add(1);
    let (name, done) = match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            let opened = std::fs::File::open(file);
            (file.display().to_string(), opened.and_then(|f| f.take(most).read_to_end(&mut octets)))
        }
        None => ("standard input".to_owned(), std::io::stdin().take(most).read_to_end(&mut octets)),
    };
    done.map_err(|reason| Failure::new(Code::UnreadableInput, format!("{name} cannot be read: {reason}.")))?;
    if octets.len() > MAX_MESSAGE {
        return Err(Failure::new(Code::TooLarge, format!("{name} is too large.")));
    }
    Ok(octets)
}

/// Writes `file` whole or not at all: a reader never meets half a message.
pub(super) fn write(file: &Path, octets: &[u8]) -> Result<(), Failure> {
    let folder = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut draft| {
        draft.write_all(octets)?;
        draft.as_file().sync_all()?;
        draft.persist(file).map_err(|error| error.error)
    });
    written.map(|_| ()).map_err(|reason| {
        Failure::new(Code::UnwritableOutput, format!("{} cannot be written: {reason}.", file.display()))
    })
}
