//! Where the files lie.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// Where an administrator's files lie. A program built for tests (with debug assertions) can be told by
/// `DANE_SMIME_SYSTEM_DIR`; one that is handed out cannot, so that nobody gets round a policy by a variable.
pub fn system_dir() -> PathBuf {
    #[cfg(debug_assertions)]
    if let Some(directory) = std::env::var_os("DANE_SMIME_SYSTEM_DIR") {
        return directory.into();
    }
    programs_of_all().join("dane-smime")
}

/// Where nobody but an administrator writes. On Windows that is not `%ProgramData%`, in which any user may make a folder that
/// is not there yet, and so a policy for all others; and the system is asked, not a variable that any program can set.
#[cfg(windows)]
fn programs_of_all() -> PathBuf {
    let known = known_folders::get_known_folder_path(known_folders::KnownFolder::ProgramFiles);
    known.unwrap_or_else(|| r"C:\Program Files".into())
}

#[cfg(not(windows))]
fn programs_of_all() -> PathBuf {
    if cfg!(target_os = "macos") { "/Library/Application Support" } else { "/etc" }.into()
}

/// The user's settings file, whether it exists or not.
pub fn user_file() -> Option<PathBuf> {
    project_dirs().map(|dirs| dirs.config_dir().join("config.toml"))
}

/// The user's file, then the machine's.
pub(super) fn customary_places() -> Vec<PathBuf> {
    user_file().into_iter().chain([system_dir().join("config.toml")]).collect()
}

/// Whether there is such a file. Where that cannot be seen there is one, and where a link on the way to it leads nowhere,
/// such as to a share that is not mounted: its rules must not be passed over.
pub(super) fn is_there(file: &Path) -> bool {
    let leads_nowhere = |place: &Path| place.is_symlink() && !place.exists();
    file.try_exists().unwrap_or(true) || file.ancestors().any(leads_nowhere)
}

pub(super) fn project_dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("org", "dane-smime", "dane-smime")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_reached_counts_as_there() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        assert!(!is_there(&place("policy.toml")));
        for link in ["policy.toml", "dane-smime"] {
            std::os::unix::fs::symlink("/nowhere/at/all", place(link)).unwrap();
        }
        std::fs::write(place("file"), "").unwrap();
        for unreachable in ["policy.toml", "dane-smime/policy.toml", "file/policy.toml"] {
            assert!(is_there(&place(unreachable)), "{unreachable}");
        }
    }
}
