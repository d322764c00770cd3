//! What a native-messaging manifest must say, so that Thunderbird starts the host for our add-on.

use serde::Deserialize;

use super::{ADD_ON, HOST_NAME};

/// A manifest that registers this host for our add-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The program that it names.
    pub program: String,
}

/// Why a manifest does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestFault {
    /// It is no JSON object.
    #[error("it is no JSON: {0}")]
    NotJson(String),
    /// A field is missing or says something else.
    #[error("the field `{0}` is wrong")]
    Field(&'static str),
    /// Other add-ons may start the program, ours may not.
    #[error("it does not allow our add-on")]
    AddOnNotAllowed,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    path: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    allowed_extensions: Vec<String>,
}

impl Manifest {
    /// Reads one.
    ///
    /// # Errors
    /// [`ManifestFault`], the first.
    pub fn parse(text: &str) -> Result<Self, ManifestFault> {
        let fields: Fields =
            serde_json::from_str(text).map_err(|error| ManifestFault::NotJson(error.to_string()))?;
        if fields.name != HOST_NAME {
            return Err(ManifestFault::Field("name"));
        }
        if fields.kind != "stdio" {
            return Err(ManifestFault::Field("type"));
        }
        if fields.path.is_empty() {
            return Err(ManifestFault::Field("path"));
        }
        if !fields.allowed_extensions.iter().any(|id| id == ADD_ON) {
            return Err(ManifestFault::AddOnNotAllowed);
        }
        Ok(Self { program: fields.path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_good_and_every_other_is_told_apart() {
        let template = include_str!("../../../manifests/dane_smime.json.in");
        let good = template.replace("@PATH@", "/usr/lib/dane-smime/dane-smime-host");
        assert_eq!(Manifest::parse(&good).unwrap().program, "/usr/lib/dane-smime/dane-smime-host");
        let with = |from: &str, to: &str| Manifest::parse(&good.replace(from, to)).unwrap_err();
        assert_eq!(with("\"dane_smime\"", "\"other\""), ManifestFault::Field("name"));
        assert_eq!(with("stdio", "pipe"), ManifestFault::Field("type"));
        assert_eq!(with("/usr/lib/dane-smime/dane-smime-host", ""), ManifestFault::Field("path"));
        assert_eq!(with(ADD_ON, "other@example.org"), ManifestFault::AddOnNotAllowed);
        assert!(matches!(Manifest::parse("{"), Err(ManifestFault::NotJson(_))));
    }
}
