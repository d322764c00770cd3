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
    if cfg!(windows) {
        let programs =
            std::env::var_os("ProgramData").map_or_else(|| r"C:\ProgramData".into(), PathBuf::from);
        programs.join("dane-smime")
    } else if cfg!(target_os = "macos") {
        "/Library/Application Support/dane-smime".into()
    } else {
        "/etc/dane-smime".into()
    }
}

/// The user's settings file, whether it exists or not.
pub fn user_file() -> Option<PathBuf> {
    project_dirs().map(|dirs| dirs.config_dir().join("config.toml"))
}

/// The user's file, then the machine's.
pub(super) fn customary_places() -> Vec<PathBuf> {
    user_file().into_iter().chain([system_dir().join("config.toml")]).collect()
}

/// Whether there is such a file. Where that cannot be seen there is one: its rules must not be passed over.
pub(super) fn is_there(file: &Path) -> bool {
    file.try_exists().unwrap_or(true)
}

pub(super) fn project_dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("org", "dane-smime", "dane-smime")
}
