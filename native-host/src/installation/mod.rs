//! How this program stands on a computer: where Thunderbird looks for it, which Thunderbirds there are, where policies lie.
//!
//! * [`places`]: paths and registry keys of each system, as data; none of it is looked at here.
//! * [`manifest`]: what a native-messaging manifest must say.
//! * [`thunderbird`]: the Thunderbirds found, and what kind of package each came in.
//! * [`policy`]: what the add-on's part of a policies.json may say.
//!
//! # Limitations
//! Only Linux was tried. The places of Windows and macOS are those that Thunderbird's documentation names, and are tested as
//! data alone; the Windows registry is not read.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

pub mod manifest;
pub mod places;
pub mod policy;
pub mod thunderbird;

pub use manifest::{Manifest, ManifestFault};
pub use places::{Place, Surroundings, System};
pub use thunderbird::{Packaging, Thunderbird};

/// The name under which Thunderbird knows the host.
pub const HOST_NAME: &str = "dane_smime";

/// The one add-on that may call.
pub const ADD_ON: &str = "dane-smime@dane-smime.org";

/// Manifests and policies are far smaller.
const MAX_FILE: u64 = 1024 * 1024;

/// The text of a manifest or a policies.json. What is no file is not waited for.
///
/// # Errors
/// What the system says; [`ErrorKind::FileTooLarge`] above 1 MiB.
pub fn read_text(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(text)
    } else {
        Err(ErrorKind::FileTooLarge.into())
    }
}
