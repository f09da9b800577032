//! Where bytes are stored. One type owns keys and content types, so all code agrees on them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::asset::AssetKind;
use super::mask::MaskId;
use super::variation::Variation;
use crate::domain::file_format::FileFormat;
use crate::domain::ids::{JobId, LeaseToken};

/// The name of a stored object.
///
/// | object | key |
/// |---|---|
/// | a job's source | `sources/<job>` |
/// | the picture behind its subject | `sources/<job>.backdrop` |
/// | the evidence of the job that it cuts again | `sources/<job>.evidence` |
/// | a mask that came as a file | `sources/<job>.masks/<mask>` |
/// | an output | `jobs/<job>/<lease>/<variation>.<ext>` |
/// | an asset | `jobs/<job>/<lease>/<kind>.<ext>` |
///
/// Sources and outputs have different first parts, so the role that signs links can be limited to outputs. The lease in
/// a key keeps a late worker from overwriting anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageKey {
    /// A job's photograph, as uploaded or fetched.
    Source {
        /// The job.
        job: JobId,
    },
    /// The picture behind the subject, as fetched.
    Backdrop {
        /// The job.
        job: JobId,
    },
    /// The evidence of another job's cut, of which this job makes a new one.
    Evidence {
        /// The job.
        job: JobId,
    },
    /// A mask of the job, as uploaded or fetched.
    Mask {
        /// The job.
        job: JobId,
        /// Which of its masks.
        mask: MaskId,
    },
    /// A finished picture.
    Output {
        /// The job.
        job: JobId,
        /// The claim that made it.
        lease: LeaseToken,
        /// Which picture it is.
        variation: Variation,
        /// Its file format.
        format: FileFormat,
    },
    /// A finished asset.
    Asset {
        /// The job.
        job: JobId,
        /// The claim that made it.
        lease: LeaseToken,
        /// Which asset it is.
        kind: AssetKind,
    },
}

/// The suffix of a backdrop's file name.
const BACKDROP: &str = ".backdrop";
/// The suffix of the file name of copied evidence.
const EVIDENCE: &str = ".evidence";
/// The suffix of the folder of masks.
const MASKS: &str = ".masks";

impl StorageKey {
    /// The inputs of a job: every object that it may have under `sources/`, except those in the [folder of its
    /// masks](Self::masks).
    pub const fn inputs(job: JobId) -> [Self; 3] {
        [Self::Source { job }, Self::Backdrop { job }, Self::Evidence { job }]
    }

    /// The folder of a job's masks, which ends with a slash.
    pub fn masks(job: JobId) -> String {
        format!("sources/{job}{MASKS}/")
    }

    /// The job whose masks are in the folder of this name under `sources/`, if one's are.
    pub fn job_of_masks(folder: &str) -> Option<JobId> {
        let job = folder.strip_suffix(MASKS)?.parse().ok()?;
        (Self::masks(job) == format!("sources/{folder}/")).then_some(job)
    }

    /// The job that the object belongs to.
    pub const fn job(&self) -> JobId {
        match self {
            Self::Source { job }
            | Self::Backdrop { job }
            | Self::Evidence { job }
            | Self::Mask { job, .. }
            | Self::Output { job, .. }
            | Self::Asset { job, .. } => *job,
        }
    }

    /// The claim that made the object, if one did.
    pub const fn lease(&self) -> Option<LeaseToken> {
        match self {
            Self::Output { lease, .. } | Self::Asset { lease, .. } => Some(*lease),
            Self::Source { .. } | Self::Backdrop { .. } | Self::Evidence { .. } | Self::Mask { .. } => None,
        }
    }

    /// The media type that the object is stored with. A source's type is never trusted.
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } | Self::Evidence { .. } | Self::Mask { .. } => {
                "application/octet-stream"
            }
            Self::Output { format, .. } => format.content_type(),
            Self::Asset { kind, .. } => kind.content_type(),
        }
    }

    /// The file name: the last part of the key.
    pub fn file_name(&self) -> String {
        match self {
            Self::Source { job } => job.to_string(),
            Self::Backdrop { job } => format!("{job}{BACKDROP}"),
            Self::Evidence { job } => format!("{job}{EVIDENCE}"),
            Self::Mask { mask, .. } => mask.to_string(),
            Self::Output { variation, format, .. } => format!("{}.{}", variation.as_str(), format.extension()),
            Self::Asset { kind, .. } => kind.file_name().to_owned(),
        }
    }

    /// The name under which a browser saves the file. Unlike [`Self::file_name`], it differs between jobs.
    pub fn download_name(&self) -> String {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } | Self::Evidence { .. } | Self::Mask { .. } => self.file_name(),
            Self::Output { job, .. } | Self::Asset { job, .. } => format!("{job}-{}", self.file_name()),
        }
    }

    /// The inverse of [`fmt::Display`]; `None` if the text is not a key.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('/').collect();
        let key = match parts[..] {
            ["sources", name] => match (name.strip_suffix(BACKDROP), name.strip_suffix(EVIDENCE)) {
                (Some(job), _) => Self::Backdrop { job: job.parse().ok()? },
                (None, Some(job)) => Self::Evidence { job: job.parse().ok()? },
                (None, None) => Self::Source { job: name.parse().ok()? },
            },
            ["sources", folder, mask] => Self::Mask { job: Self::job_of_masks(folder)?, mask: mask.parse().ok()? },
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
        // Ids and formats have several spellings; a key has one.
        (key.to_string() == text).then_some(key)
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { .. } | Self::Backdrop { .. } | Self::Evidence { .. } => {
                write!(f, "sources/{}", self.file_name())
            }
            Self::Mask { job, .. } => write!(f, "{}{}", Self::masks(*job), self.file_name()),
            Self::Output { job, lease, .. } | Self::Asset { job, lease, .. } => {
                write!(f, "jobs/{job}/{lease}/{}", self.file_name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::digest::Digest;

    fn mask(bytes: &[u8]) -> MaskId {
        Digest::of(bytes).to_string().parse().expect("an id")
    }

    #[test]
    fn masks_are_in_a_folder_of_their_job() {
        let job = JobId::new(Uuid::now_v7());
        let key = StorageKey::Mask { job, mask: mask(b"one") };
        assert!(key.to_string().starts_with(&StorageKey::masks(job)), "{key}");
        assert_eq!(StorageKey::job_of_masks(&format!("{job}.masks")), Some(job));
        for other in [job.to_string(), format!("{job}.backdrop"), format!("{job}.MASKS"), "x.masks".to_owned()] {
            assert_eq!(StorageKey::job_of_masks(&other), None, "{other}");
        }
        assert_eq!(StorageKey::job_of_masks(&format!("{}.masks", job.to_string().to_uppercase())), None);
    }

    #[test]
    fn every_key_has_one_spelling() {
        let (job, lease) = (JobId::new(Uuid::now_v7()), LeaseToken::new(Uuid::now_v7()));
        let mut keys = StorageKey::inputs(job).to_vec();
        keys.extend([b"one", b"two"].map(|bytes| StorageKey::Mask { job, mask: mask(bytes) }));
        keys.extend(AssetKind::ALL.map(|kind| StorageKey::Asset { job, lease, kind }));
        for format in FileFormat::all() {
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
        for text in ["", "sources/", "jobs/a/b/background.png", "sources/a.masks/b", &StorageKey::masks(job)] {
            assert_eq!(StorageKey::parse(text), None, "{text}");
        }
        let jpeg = format!("jobs/{job}/{lease}/background.jpeg");
        assert_eq!(StorageKey::parse(&jpeg), None, "another spelling of the format");
    }
}
