//! Names of results by a template, as the API gives them to the files of a job.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;
use cutline_core::domain::file_name::MAX_FILE_NAME_BYTES;
use cutline_core::domain::id_pattern::{FilledIds, IdPattern};
use cutline_core::domain::output_name::{LocalNameValues, OutputName, Placeholder, SourceName};
use cutline_core::{ParamSet, Variation};

/// Room for `_<variation>.<extension>`, in bytes.
const MAX_SUFFIX_BYTES: usize = 24;
/// Stands for a photo whose name has nothing to show.
const NO_NAME: &str = "photo";

/// How results are named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResultNames {
    template: OutputName,
    /// What reads ids from the names of photos.
    pattern: Option<IdPattern>,
}

/// The names of a photo's results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhotoNames {
    /// Without extension, in the order of the variations.
    pub(super) stems: Vec<String>,
    /// Why a part is missing.
    pub(super) warning: Option<String>,
}

impl ResultNames {
    /// The names by the options, or else by the parameter set; `None` if neither has a template.
    ///
    /// # Errors
    /// If the template needs a job, or a pattern was given without a template.
    pub(super) fn of(
        template: Option<OutputName>,
        pattern: Option<IdPattern>,
        set: Option<&ParamSet>,
    ) -> anyhow::Result<Option<Self>> {
        let of_set = set.and_then(|set| set.output_name.clone());
        let Some(template) = template.or(of_set) else {
            ensure!(pattern.is_none(), "--id-pattern reads what results are named after; add --output-name");
            return Ok(None);
        };
        ensure!(
            !template.has(Placeholder::JobId),
            "the name `{template}` needs a job, and there is none; give an --output-name without {{job_id}}"
        );
        let pattern = pattern.or_else(|| set.and_then(|set| set.id_pattern.clone()));
        Ok(Some(Self { template, pattern }))
    }

    /// The member of the metadata that the photo's results are named after, and that its name does not give.
    pub(super) fn missing_member(&self, photo: &Path) -> Option<&str> {
        self.template.missing_key(self.ids(&source_name(photo)).metadata.as_ref())
    }

    /// The names of the results of a photo. Where the template does not tell them apart, they end with the variation.
    pub(super) fn of_photo(&self, photo: &Path, variations: &[Variation]) -> PhotoNames {
        let source_name = source_name(photo);
        let FilledIds { external_id, metadata, warning } = self.ids(&source_name);
        let stem = |variation: Variation| {
            let values = LocalNameValues {
                external_id: external_id.as_ref(),
                metadata: metadata.as_ref(),
                source_name: &source_name,
                variation: variation.as_str(),
            };
            // A template that needs a job was refused.
            self.template.local_stem(values, MAX_FILE_NAME_BYTES - MAX_SUFFIX_BYTES).unwrap_or_default()
        };
        let mut stems: Vec<String> = variations.iter().map(|variation| stem(*variation)).collect();
        let distinct: BTreeSet<String> = stems.iter().map(|stem| stem.to_lowercase()).collect();
        if distinct.len() < stems.len() {
            for (stem, variation) in stems.iter_mut().zip(variations) {
                stem.push('_');
                stem.push_str(variation.as_str());
            }
        }
        PhotoNames { stems, warning }
    }

    fn ids(&self, source_name: &SourceName) -> FilledIds {
        match &self.pattern {
            Some(pattern) => pattern.fill(Some(source_name), None, None),
            None => FilledIds::default(),
        }
    }
}

/// The name of a photo's file without its extension.
fn source_name(photo: &Path) -> SourceName {
    let name = photo.file_name().unwrap_or_default().to_string_lossy();
    SourceName::of_path(&name).unwrap_or_else(|| SourceName::of_stem(NO_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(template: &str, pattern: Option<&str>) -> ResultNames {
        let pattern = pattern.map(|pattern| pattern.parse().expect("a pattern"));
        let template = Some(template.parse().expect("a template"));
        ResultNames::of(template, pattern, None).expect("is valid").expect("has a template")
    }

    const BOTH: Option<&str> = Some("(?<sku>[0-9]+)_(?<shot>[a-z]+)");

    #[test]
    fn results_are_named_after_what_the_name_of_the_photo_says() {
        let one = [Variation::Compose];
        let PhotoNames { stems, warning } =
            names("{external_id}-{metadata.shot}", BOTH).of_photo(Path::new("x/7_top.jpg"), &one);
        assert_eq!((stems, warning), (vec!["7-top".to_owned()], None));
        let unmatched = names("{external_id}", BOTH);
        let PhotoNames { stems, warning } = unmatched.of_photo(Path::new("IMG 1.jpg"), &one);
        assert_eq!(stems, ["IMG 1"], "the name of the photo stands in");
        assert!(warning.is_some_and(|warning| warning.contains("does not match id_pattern")));
        assert_eq!(unmatched.missing_member(Path::new("IMG 1.jpg")), None);
        let needs_shot = names("{metadata.shot}", BOTH);
        assert_eq!(needs_shot.missing_member(Path::new("IMG 1.jpg")), Some("shot"));
        assert_eq!(needs_shot.missing_member(Path::new("7_top.jpg")), None);
        assert_eq!(names("{source_name}", None).of_photo(Path::new(".jpg"), &one).stems, ["photo"]);
    }

    #[test]
    fn several_results_of_a_photo_have_names_of_their_own() {
        let two = [Variation::Compose, Variation::ShadowTop];
        let of = |template: &str| names(template, None).of_photo(Path::new("cup.jpg"), &two).stems;
        assert_eq!(of("{source_name}"), ["cup_compose", "cup_shadowTop"]);
        assert_eq!(of("{variation} of {source_name}"), ["compose of cup", "shadowTop of cup"]);
        let long = format!("{}{{variation}}", "ä".repeat(110));
        let stems = of(&long);
        assert!(stems[0] != stems[1] && stems.iter().all(|stem| stem.len() <= MAX_FILE_NAME_BYTES - 5), "{stems:?}");
    }

    #[test]
    fn options_come_before_the_set_and_need_no_job() {
        let set = ParamSet::parse(r#"{"output_name": "{external_id}", "id_pattern": "(?<sku>.)(?<shot>.*)"}"#)
            .expect("a set");
        let of_set = ResultNames::of(None, None, Some(&set)).expect("is valid").expect("has a template");
        assert_eq!(of_set.of_photo(Path::new("abc.jpg"), &[Variation::Compose]).stems, ["a"]);
        let own =
            ResultNames::of("{metadata.shot}".parse().ok(), None, Some(&set)).expect("is valid").expect("is named");
        assert_eq!(own.of_photo(Path::new("abc.jpg"), &[Variation::Compose]).stems, ["bc"], "with the set's pattern");
        let error = ResultNames::of("{job_id}".parse().ok(), None, None).expect_err("is refused").to_string();
        assert!(error.contains("the name `{job_id}` needs a job"), "{error}");
        let error = ResultNames::of(None, "(?<sku>.)".parse().ok(), None).expect_err("is refused").to_string();
        assert!(error.ends_with("add --output-name"), "{error}");
        assert_eq!(ResultNames::of(None, None, None).expect("is valid"), None);
    }
}
