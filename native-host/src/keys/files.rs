//! Files of the store: readable for their owner alone, written whole or not at all.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::error::KeyError;

/// Extension of a file that is being written.
const UNFINISHED: &str = "unfinished";

/// Shuts out other writers, threads and processes, until dropped. Readers need none: every file
/// is replaced whole.
#[derive(Debug)]
pub(super) struct WriteLock(#[expect(dead_code, reason = "held for its lock")] File);

impl WriteLock {
    /// Waits for the lock, then clears away what a writer that crashed left half written.
    pub(super) fn take(dir: &Path) -> Result<Self, KeyError> {
        let path = dir.join("lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path);
        let file = file.and_then(|file| file.lock().map(|()| file));
        let lock = file.map(Self).map_err(|reason| KeyError::Unwritable { path, reason })?;
        for left in with_extension(dir, UNFINISHED)? {
            remove(&left)?;
        }
        Ok(lock)
    }
}

/// Makes a directory, its parents too, that only its owner may enter; one that exists is closed
/// to others.
pub(super) fn make_private_dir(dir: &Path) -> Result<(), KeyError> {
    let io = |reason| KeyError::Unwritable { path: dir.to_owned(), reason };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(io)?;
        }
    }
    Ok(())
}

/// Puts `content` at `path`, mode 0600: after a crash at any moment the old file or the new one
/// is there, whole.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let io = |reason| KeyError::Unwritable { path: path.to_owned(), reason };
    let dir = folder(path);
    // tempfile makes files 0600.
    let mut file = tempfile::Builder::new().suffix(&format!(".{UNFINISHED}")).tempfile_in(dir).map_err(io)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    sync_dir(dir).map_err(io)
}

/// Removes a file; one that is not there is as good.
pub(super) fn remove(path: &Path) -> Result<(), KeyError> {
    let io = |reason| KeyError::Unwritable { path: path.to_owned(), reason };
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    sync_dir(folder(path)).map_err(io)
}

/// A file's content; `None` if there is no such file, [`KeyError::Damaged`] above `limit` octets.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, KeyError> {
    let io = |reason| KeyError::Unreadable { path: path.to_owned(), reason };
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(io)?;
    if u64::try_from(content.len()).is_ok_and(|length| length <= limit) {
        Ok(Some(content))
    } else {
        Err(KeyError::Damaged { file: path.to_owned() })
    }
}

/// Files of a directory with this extension, sorted by name; none if there is no directory.
pub(super) fn with_extension(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, KeyError> {
    let io = |reason| KeyError::Unreadable { path: dir.to_owned(), reason };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(io)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."))
}

/// A rename is on disk once its directory is. Systems that cannot open directories order renames
/// themselves.
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
