//! Programs of others that this one starts: where they lie.

use std::path::PathBuf;

/// The first of these programs that is there, in whichever folder of `PATH`; names without `.exe`.
pub(crate) fn first_on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut candidates =
        names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(format!("{name}{suffix}"))));
    candidates.find(|candidate| candidate.is_file())
}
