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
