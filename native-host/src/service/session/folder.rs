//! The folder in memory through which large bodies are handed over, so that they need not pass
//! through three processes as text.
//!
//! Each connection has a folder of its own beneath `$XDG_RUNTIME_DIR`. It is locked as long as the
//! host lives, and removed with the connection, whatever is still in it. A folder that nobody locks
//! was left by a host that was killed; the next one to start removes it. So nothing outlives the
//! connection it was written for, and no clock has to say what is old.
//!
//! # Limitations
//! - Only on Linux, and only where `$XDG_RUNTIME_DIR` lies in memory. Elsewhere there is no such
//!   folder, and bodies go in chunks.
//! - Memory can be swapped out; so can that of the processes at both ends.
//! - Nothing here protects against other processes of the same user.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::file_name::FileName;

/// All connections' folders lie in this one.
const PARENT: &str = "dane-smime-bodies";
/// How long another host that starts at the same moment is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of one connection.
#[derive(Debug)]
pub struct BodiesFolder {
    path: PathBuf,
    /// Says that the host is alive.
    _lock: File,
}

/// Why bodies cannot be handed over by a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFolder {
    /// The system names no place for files of this session.
    #[error("XDG_RUNTIME_DIR is not set")]
    NoPlace,
    /// Files there would be written to a disk.
    #[error("XDG_RUNTIME_DIR does not lie in memory")]
    OnDisk,
    /// Others can look into it, or it is not a folder.
    #[error("a folder in XDG_RUNTIME_DIR is not this user's alone")]
    NotPrivate,
    /// Another host holds the lock on all of them.
    #[error("another host is just starting")]
    Busy,
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why a file is not taken for a request's body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyFileError {
    /// This connection has no folder for bodies.
    #[error("there is no folder for it")]
    NoFolder,
    /// It is a link, a folder, a pipe, or not there.
    #[error("it is no file")]
    NotAFile,
    /// Others can read or write it, or own it.
    #[error("it is not this user's alone")]
    NotPrivate,
    /// It has another length than was said.
    #[error("it has {found} octets and not {expected}")]
    WrongLength {
        /// What was said.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// The system refuses.
    #[error("it cannot be read ({0})")]
    Io(io::ErrorKind),
}

impl BodiesFolder {
    /// Makes the folder of this connection.
    ///
    /// # Errors
    /// [`NoFolder`]: bodies go in chunks then.
    pub fn make() -> Result<Self, NoFolder> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|name| !name.is_empty());
        Self::make_in(Path::new(&runtime.ok_or(NoFolder::NoPlace)?))
    }

    /// Makes it in the place that the system has for files of this session.
    pub(super) fn make_in(runtime: &Path) -> Result<Self, NoFolder> {
        if !runtime.is_absolute() {
            return Err(NoFolder::NoPlace);
        }
        if !is_in_memory(runtime)? {
            return Err(NoFolder::OnDisk);
        }
        if !is_private(&fs::metadata(runtime)?) {
            return Err(NoFolder::NotPrivate);
        }
        let parent = runtime.join(PARENT);
        make_private_folder(&parent)?;
        let _alone = wait_for_lock(open_folder(&parent)?)?;
        for entry in fs::read_dir(&parent)? {
            remove_if_left(&entry?.path());
        }
        let path = private_folder_in(&parent)?;
        let lock = open_folder(&path)?;
        lock.try_lock().map_err(|_| NoFolder::Busy)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is, as the wire says it; `None` where that is no text.
    pub fn path(&self) -> Option<&str> {
        self.path.to_str()
    }

    /// Opens what the add-on has put there for a request. It is the add-on's to remove.
    ///
    /// # Errors
    /// [`BodyFileError`] for anything but a private regular file of exactly this length.
    pub fn open(&self, name: &FileName, length: usize) -> Result<File, BodyFileError> {
        let file = without_following(OpenOptions::new().read(true))
            .open(self.path.join(name.as_str()))
            .map_err(|error| not_opened(&error))?;
        let metadata = file.metadata().map_err(|error| BodyFileError::Io(error.kind()))?;
        if !metadata.is_file() {
            return Err(BodyFileError::NotAFile);
        }
        if !is_private(&metadata) {
            return Err(BodyFileError::NotPrivate);
        }
        let (expected, found) = (u64::try_from(length).unwrap_or(u64::MAX), metadata.len());
        if expected != found {
            return Err(BodyFileError::WrongLength { expected, found });
        }
        Ok(file)
    }

    /// Makes a file for an answer. It is removed when it is dropped.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(&self) -> io::Result<tempfile::NamedTempFile> {
        // tempfile makes files 0600, and never takes one that is there.
        tempfile::Builder::new().prefix("answer-").rand_bytes(20).tempfile_in(&self.path)
    }

    /// Removes the folder with all that is in it. Who still writes there fails.
    pub fn remove(&self) {
        for _ in 0..3 {
            // A file may come in between, from a worker that nobody waits for any more.
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "the folder for bodies cannot be removed");
                }
                _ => return,
            }
        }
    }
}

/// Removes the folder of a host that has ended without removing it itself.
fn remove_if_left(path: &Path) {
    let removed = match open_folder(path) {
        Ok(folder) => match folder.try_lock() {
            Ok(()) => fs::remove_dir_all(path),
            Err(_) => Ok(()), // its host lives
        },
        Err(_) => fs::remove_file(path), // nothing of ours
    };
    if let Err(error) = removed {
        tracing::warn!(%error, "what another host left for bodies cannot be removed");
    }
}

fn make_private_folder(path: &Path) -> Result<(), NoFolder> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes a folder with a name that was not there.
fn private_folder_in(parent: &Path) -> io::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("").rand_bytes(20);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    Ok(builder.tempdir_in(parent)?.keep())
}

/// Opens a folder that only its owner, this user, may enter; a link to one is none.
fn open_folder(path: &Path) -> Result<File, NoFolder> {
    let folder = without_following(OpenOptions::new().read(true)).open(path)?;
    let metadata = folder.metadata()?;
    if metadata.is_dir() && is_private(&metadata) { Ok(folder) } else { Err(NoFolder::NotPrivate) }
}

fn wait_for_lock(file: File) -> Result<File, NoFolder> {
    let until = Instant::now().checked_add(PATIENCE);
    while file.try_lock().is_err() {
        if until.is_none_or(|until| Instant::now() >= until) {
            return Err(NoFolder::Busy);
        }
        thread::sleep(PAUSE);
    }
    Ok(file)
}

fn not_opened(error: &io::Error) -> BodyFileError {
    // ELOOP: what a link is to somebody who does not follow it.
    let is_link = cfg!(unix) && error.raw_os_error() == Some(libc::ELOOP);
    match error.kind() {
        io::ErrorKind::NotFound => BodyFileError::NotAFile,
        _ if is_link => BodyFileError::NotAFile,
        kind => BodyFileError::Io(kind),
    }
}

#[cfg(unix)]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    // A pipe that nobody writes to would keep us for ever.
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

#[cfg(not(unix))]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether it is this user's, and nobody else can read or write it.
#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0
}

#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> io::Result<bool> {
    /// Of tmpfs and of ramfs: linux/magic.h.
    const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    let kind = rustix::fs::statfs(path)?.f_type;
    Ok(u64::try_from(kind).is_ok_and(|kind| IN_MEMORY.contains(&kind)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The name of a file of the folder.
pub(super) fn name_of(path: &Path) -> Option<FileName> {
    path.file_name().and_then(OsStr::to_str).and_then(FileName::parse)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
pub(super) mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A place in memory that is this user's alone; nothing where this machine has none.
    pub(in super::super) fn place() -> Option<tempfile::TempDir> {
        let shared = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.permissions(fs::Permissions::from_mode(0o700));
        is_in_memory(shared).unwrap_or(false).then(|| builder.tempdir_in(shared).unwrap())
    }

    fn put(folder: &BodiesFolder, name: &str, mode: u32) -> FileName {
        let path = folder.path.join(name);
        fs::write(&path, b"12345").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        FileName::parse(name).unwrap()
    }

    #[test]
    fn only_a_private_file_of_the_length_that_was_said_is_taken() {
        let Some(place) = place() else { return };
        let folder = BodiesFolder::make_in(place.path()).unwrap();
        let good = put(&folder, "good", 0o600);
        assert!(folder.open(&good, 5).is_ok());
        assert!(matches!(folder.open(&good, 6), Err(BodyFileError::WrongLength { expected: 6, found: 5 })));
        for mode in [0o640, 0o604, 0o620, 0o602] {
            let foreign = put(&folder, "foreign", mode);
            assert!(matches!(folder.open(&foreign, 5), Err(BodyFileError::NotPrivate)), "{mode:o}");
        }
        symlink(folder.path.join("good"), folder.path.join("link")).unwrap();
        fs::create_dir(folder.path.join("folder")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for name in ["link", "folder", "pipe", "missing"] {
            let name = FileName::parse(name).unwrap();
            assert!(matches!(folder.open(&name, 5), Err(BodyFileError::NotAFile)), "{name}");
        }
        folder.remove();
        assert!(!folder.path.exists());
        assert!(folder.create().is_err());
    }

    #[test]
    fn what_a_dead_host_left_is_removed_and_what_a_living_one_has_is_not() {
        let Some(place) = place() else { return };
        let (living, dead) =
            (BodiesFolder::make_in(place.path()).unwrap(), BodiesFolder::make_in(place.path()).unwrap());
        let (of_living, of_dead) = (living.path.clone(), dead.path.clone());
        put(&living, "body", 0o600);
        put(&dead, "body", 0o600);
        drop(dead); // the lock goes, the files stay
        assert!(of_dead.join("body").exists());
        symlink("/", place.path().join(PARENT).join("stray")).unwrap();
        let next = BodiesFolder::make_in(place.path()).unwrap();
        assert!(!of_dead.exists() && of_living.join("body").exists());
        assert_eq!(fs::read_dir(place.path().join(PARENT)).unwrap().count(), 2);
        assert_eq!(fs::metadata(&next.path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_place_that_is_on_disk_shared_or_a_link_is_not_used() {
        let on_disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        if !is_in_memory(on_disk.path()).unwrap() {
            assert!(matches!(BodiesFolder::make_in(on_disk.path()), Err(NoFolder::OnDisk)));
        }
        assert!(matches!(BodiesFolder::make_in(Path::new("run")), Err(NoFolder::NoPlace)));
        let Some(place) = place() else { return };
        let open = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        open(0o750);
        assert!(matches!(BodiesFolder::make_in(place.path()), Err(NoFolder::NotPrivate)));
        open(0o700);
        let parent = place.path().join(PARENT);
        symlink(place.path(), &parent).unwrap();
        assert!(BodiesFolder::make_in(place.path()).is_err());
        fs::remove_file(&parent).unwrap();
        fs::create_dir(&parent).unwrap();
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(matches!(BodiesFolder::make_in(place.path()), Err(NoFolder::NotPrivate)));
    }
}
