//! Where bytes lie. One type owns path and content type, so no two places can spell them differently.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::asset::AssetKind;
use super::variation::Variation;
use crate::domain::ids::{JobId, LeaseToken};
use crate::domain::request::OutputFormat;

/// The name of a stored object.
///
/// | object | key |
/// |---|---|
/// | a job's source | `sources/<job>` |
/// | the picture behind its subject | `sources/<job>.backdrop` |
/// | an output | `jobs/<job>/<lease>/<variation>.<ext>` |
/// | an asset | `jobs/<job>/<lease>/<kind>.<ext>` |
///
/// Sources have another first part than what is made of them, so that the role that signs links can be
/// limited to that. The lease in a key keeps a late worker from overwriting anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKey {
    /// The bytes as they were uploaded or fetched.
    Source {
        /// Whose source it is.
        job: JobId,
    },
    /// The bytes of the picture that stands behind the subject, as they were fetched.
    Backdrop {
        /// Whose it is.
        job: JobId,
    },
    /// One finished picture.
    Output {
        /// Whose picture it is.
        job: JobId,
        /// The claim under which it was made.
        lease: LeaseToken,
        /// Which picture it is.
        variation: Variation,
        /// Its file format.
        format: OutputFormat,
    },
    /// A file that was made beside the pictures.
    Asset {
        /// Whose file it is.
        job: JobId,
        /// The claim under which it was made.
        lease: LeaseToken,
        /// Which file it is.
        kind: AssetKind,
    },
}

/// What the name of a backdrop ends with.
const BACKDROP: &str = ".backdrop";

impl StorageKey {
    /// The media type that the object is stored with. A source is not believed to be anything.
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } => "application/octet-stream",
            Self::Output { format, .. } => format.content_type(),
            Self::Asset { kind, .. } => kind.content_type(),
        }
    }

    /// What a file of this object is called: the last part of the key.
    pub fn file_name(&self) -> String {
        match self {
            Self::Source { job } => job.to_string(),
            Self::Backdrop { job } => format!("{job}{BACKDROP}"),
            Self::Output { variation, format, .. } => format!("{}.{}", variation.as_str(), format.extension()),
            Self::Asset { kind, .. } => kind.file_name().to_owned(),
        }
    }

    /// What a browser calls the file when it saves it: unlike [`Self::file_name`], not the same for every job.
    pub fn download_name(&self) -> String {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } => self.file_name(),
            Self::Output { job, .. } | Self::Asset { job, .. } => format!("{job}-{}", self.file_name()),
        }
    }

    /// The key that is written so, or `None` where there is none: the inverse of [`fmt::Display`].
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('/').collect();
        let key = match parts[..] {
            ["sources", name] => match name.strip_suffix(BACKDROP) {
                Some(job) => Self::Backdrop { job: job.parse().ok()? },
                None => Self::Source { job: name.parse().ok()? },
            },
            ["jobs", job, lease, file] => {
                let (job, lease) = (job.parse().ok()?, lease.parse().ok()?);
                match AssetKind::ALL.into_iter().find(|kind| kind.file_name() == file) {
                    Some(kind) => Self::Asset { job, lease, kind },
                    None => {
                        let (name, extension) = file.split_once('.')?;
                        let variation = Variation::ALL.into_iter().find(|variation| variation.as_str() == name)?;
                        Self::Output { job, lease, variation, format: extension.parse().ok()? }
                    }
                }
            }
            _ => return None,
        };
        // An id and a format have more than one spelling; a key has one.
        (key.to_string() == text).then_some(key)
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } => write!(f, "sources/{}", self.file_name()),
            Self::Output { job, lease, .. } | Self::Asset { job, lease, .. } => {
                write!(f, "jobs/{job}/{lease}/{}", self.file_name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Ids, SystemIds};

    #[test]
    fn every_key_has_a_spelling_of_its_own_and_is_read_from_it() {
        let (job, lease) = (SystemIds.job(), SystemIds.lease());
        let mut keys = vec![StorageKey::Source { job }, StorageKey::Backdrop { job }];
        keys.extend(AssetKind::ALL.map(|kind| StorageKey::Asset { job, lease, kind }));
        for format in ["png", "jpg", "psd", "tiff", "webp"] {
            let format = format.parse().expect("a format");
            keys.extend(Variation::ALL.map(|variation| StorageKey::Output { job, lease, variation, format }));
        }
        let spellings: std::collections::HashSet<_> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(spellings.len(), keys.len());
        for key in keys {
            let text = key.to_string();
            assert_eq!(StorageKey::parse(&text), Some(key), "{text}");
            assert!(text.ends_with(&key.file_name()), "{text}");
            assert_eq!(StorageKey::parse(&text.to_uppercase()), None);
            assert_eq!(StorageKey::parse(&format!("{text}/")), None);
        }
        for text in ["", "sources/", "jobs/a/b/background.png"] {
            assert_eq!(StorageKey::parse(text), None, "{text}");
        }
        let jpeg = format!("jobs/{job}/{lease}/background.jpeg");
        assert_eq!(StorageKey::parse(&jpeg), None, "the other spelling of a format is no key");
    }
}
