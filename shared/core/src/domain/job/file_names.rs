//! The names under which people save a job's files.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Job;
use crate::domain::asset::AssetKind;
use crate::domain::file_name::{FileName, MAX_FILE_NAME_BYTES};
use crate::domain::output_name::{NameValues, OutputName, Placeholder};
use crate::domain::variation::Variation;

/// The names of a job's files. No two are equal, even where case is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileNames {
    /// The names of the pictures.
    pub pictures: BTreeMap<Variation, FileName>,
    /// The names of the assets.
    pub assets: BTreeMap<AssetKind, FileName>,
}

/// Room for `_<variation>.<extension>`, in bytes.
const MAX_SUFFIX_BYTES: usize = 24;

/// How names end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    None,
    /// `_<variation>`.
    Variation,
}

impl Job {
    /// The names of a done job's files by its `output_name`, each of at most `max_bytes` bytes. Empty without one.
    ///
    /// A template without `{variation}` names the only picture of a job; assets, and pictures if there are several, then
    /// end with `_<variation>`. So do all files if two would have the same name.
    pub fn file_names(&self, max_bytes: usize) -> FileNames {
        let Some(template) = &self.spec.output_name else { return FileNames::default() };
        let own = |count: usize| match count {
            _ if template.has(Placeholder::Variation) => Suffix::None,
            0 | 1 => Suffix::None,
            _ => Suffix::Variation,
        };
        let Some(outcome) = self.outcome() else { return FileNames::default() };
        let names = |pictures: Suffix, assets: Suffix, max_stem: usize| {
            let name = |variation: &str, file: &str, suffix| {
                self.file_name(template, (variation, file), suffix, (max_stem, max_bytes))
            };
            FileNames {
                pictures: (outcome.pictures.iter())
                    .map(|(shown, picture)| (*shown, name(shown.as_str(), &picture.key.file_name(), pictures)))
                    .collect(),
                assets: (outcome.assets.keys())
                    .map(|kind| (*kind, name(kind.as_str(), kind.file_name(), assets)))
                    .collect(),
            }
        };
        let assets = if template.has(Placeholder::Variation) { Suffix::None } else { Suffix::Variation };
        let named = names(own(outcome.pictures.len()), assets, usize::MAX);
        if named.are_distinct() {
            return named;
        }
        // Stems of one length, or a stem that ends like the suffix of another file would make two names equal.
        names(Suffix::Variation, Suffix::Variation, max_bytes.min(MAX_FILE_NAME_BYTES).saturating_sub(MAX_SUFFIX_BYTES))
    }

    /// The name of the file that is stored as `file` and shows `variation`.
    fn file_name(
        &self,
        template: &OutputName,
        (variation, file): (&str, &str),
        suffix: Suffix,
        (max_stem, max_bytes): (usize, usize),
    ) -> FileName {
        let spec = &self.spec;
        let stem = template.filled(NameValues {
            job: self.id,
            external_id: spec.external_id.as_ref(),
            metadata: spec.metadata.as_ref(),
            source_name: spec.source_name.as_ref(),
            variation,
            revision: self.earlier_revisions.saturating_add(self.revision().get()),
        });
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        let suffix = match suffix {
            Suffix::None => String::new(),
            Suffix::Variation => format!("_{variation}"),
        };
        let stem = &stem[..stem.floor_char_boundary(max_stem)];
        FileName::new(stem, &suffix, extension, max_bytes)
    }
}

impl FileNames {
    fn are_distinct(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.pictures.values().chain(self.assets.values()).all(|name| seen.insert(name.folded()))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::state::JobState;
    use super::*;
    use crate::domain::correlation::Metadata;
    use crate::domain::decision::DraftRevision;
    use crate::domain::format::OutputFormat;
    use crate::domain::ids::{JobId, LeaseToken};
    use crate::domain::job::{JobSpec, Source};
    use crate::domain::outcome::{Outcome, StoredAsset, StoredPicture, Warnings};
    use crate::domain::output_name::SourceName;
    use crate::domain::policy::Policy;
    use crate::domain::rendering::Rendering;
    use crate::domain::request::{DeliveryMode, Mode};
    use crate::domain::review::ReviewRule;
    use crate::domain::storage::StorageKey;

    /// A done job with these pictures and every listed asset.
    fn done(output_name: &str, variations: &[Variation]) -> Job {
        let spec = JobSpec {
            mode: Mode::Params,
            delivery: DeliveryMode::Url,
            format: None,
            rendering: Rendering::default(),
            set: None,
            review: ReviewRule::Off,
            previews: false,
            source: Source::Stored,
            subject: Default::default(),
            mask: None,
            external_id: "47/11".parse().ok(),
            metadata: None,
            output_name: output_name.parse().ok(),
            source_name: SourceName::of_path("cup.jpg"),
            warnings: Warnings::new(),
        };
        let (id, lease) = (JobId::new(Uuid::nil()), LeaseToken::new(Uuid::nil()));
        let at = jiff::Timestamp::UNIX_EPOCH;
        let job = Job::new(id, "shop".parse().expect("an owner"), spec, at, &Policy::default());
        let picture = |variation: &Variation| {
            let key = StorageKey::Output { job: id, lease, variation: *variation, format: OutputFormat::Jpeg.into() };
            (*variation, StoredPicture { key, bytes: 1, width: 1, height: 1 })
        };
        let asset = |kind| (kind, StoredAsset { key: StorageKey::Asset { job: id, lease, kind }, bytes: 1 });
        let outcome = Outcome {
            pictures: variations.iter().map(picture).collect(),
            final_picture: Variation::Compose,
            assets: AssetKind::listed().map(asset).collect(),
            confidence: None,
            crop_box: None,
            attention: Vec::new(),
            pixel_check: None,
            warnings: Warnings::new(),
            ignored: Vec::new(),
            pipeline_version: String::new(),
        };
        Job { state: JobState::Done { at, outcome }, ..job }
    }

    fn names(output_name: &str, variations: &[Variation]) -> Vec<String> {
        let FileNames { pictures, assets } = done(output_name, variations).file_names(MAX_FILE_NAME_BYTES);
        pictures.values().chain(assets.values()).map(ToString::to_string).collect()
    }

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let one = [Variation::Compose];
        let two = [Variation::Compose, Variation::ShadowTop];
        let expected = [
            "47_11.jpg",
            "47_11_clipping_path.svg",
            "47_11_matte.png",
            "47_11_preview.webp",
            "47_11_source_preview.webp",
            "47_11_thumb.webp",
            "47_11_regions.bin",
        ];
        assert_eq!(names("{external_id}", &one), expected);
        assert_eq!(names("{source_name}", &two)[..2], ["cup_compose.jpg", "cup_shadowTop.jpg"]);
        let with_variation = names("{variation} of {source_name}", &two);
        assert_eq!(with_variation[..3], ["compose of cup.jpg", "shadowTop of cup.jpg", "clipping_path of cup.svg"]);
        assert_eq!(done("", &two).file_names(100), FileNames::default(), "no template");
    }

    #[test]
    fn names_that_are_cut_stay_distinct() {
        let template = format!("{}{{variation}}", "x".repeat(100));
        let cut = done(&template, &[Variation::Compose, Variation::ShadowTop]).file_names(40);
        let expected = [("_compose.jpg", Variation::Compose), ("_shadowTop.jpg", Variation::ShadowTop)];
        for (end, variation) in expected {
            let name = cut.pictures[&variation].as_str();
            assert!(name.len() <= 40 && name.ends_with(end), "{name}");
        }
        assert!(cut.are_distinct());
        let hostile = format!("{}_source{}", "x".repeat(40), "y".repeat(50));
        let FileNames { assets, .. } = done(&hostile, &[Variation::Compose]).file_names(60);
        assert_ne!(assets[&AssetKind::Preview], assets[&AssetKind::SourcePreview]);
    }

    #[test]
    fn a_name_tells_the_revision_and_what_the_metadata_says() {
        let name = |job: &Job| job.file_names(MAX_FILE_NAME_BYTES).pictures[&Variation::Compose].to_string();
        let mut job = done("{metadata.sku}-v{revision}", &[Variation::Compose]);
        assert_eq!(name(&job), format!("{}-v1.jpg", job.id), "the id stands in for a member that is missing");
        job.spec.metadata = Metadata::read(serde_json::json!({"sku": "../a\nb"})).expect("valid");
        assert_eq!(name(&job), "_a_b-v1.jpg", "as safe as any name");
        let JobState::Done { at, outcome } = job.state.clone() else { panic!("is done") };
        job.state = JobState::Review { since: at, revision: DraftRevision::new(3), outcome, deadline: at };
        assert!(name(&job).ends_with("-v3.jpg"), "{}", name(&job));
    }

    #[test]
    fn a_pending_job_has_no_files() {
        let mut job = done("{job_id}", &[Variation::Compose]);
        job.state = JobState::Withdrawn { at: job.created_at };
        assert_eq!(job.file_names(MAX_FILE_NAME_BYTES), FileNames::default());
    }
}
