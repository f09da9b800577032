//! `id_pattern`: a regular expression that reads the `external_id` and the shot from the names of photographs.
//!
//! It is matched in time linear in the name, whatever the pattern, and with the whole name: a pattern that fits a part of
//! a name would make an id of another product from it.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};

use super::correlation::{ExternalId, Metadata};
use super::limits::MAX_ID_PATTERN_CHARS;
use super::output_name::SourceName;

/// The group whose text becomes the `external_id`.
const SKU: &str = "sku";
/// The group whose text becomes a member of the metadata, and the name of that member.
const SHOT: &str = "shot";

/// The most bytes of a compiled pattern.
const MAX_COMPILED_BYTES: usize = 2 << 20;
/// How deep its groups may nest.
const MAX_DEPTH: u32 = 50;

/// A pattern: at most [`MAX_ID_PATTERN_CHARS`] characters, with the named group `sku`, `shot` or both.
#[derive(Debug, Clone)]
pub struct IdPattern {
    text: String,
    /// The pattern between the beginning and the end of a name.
    whole: Regex,
}

/// Why a text is not an id pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdPattern {
    /// It is empty or too long.
    #[error("must be 1 to {MAX_ID_PATTERN_CHARS} characters")]
    Length,
    /// It is not a regular expression of this kind.
    #[error("must be a regular expression without look-around and back-references: {0}")]
    Syntax(String),
    /// It is too large once it is compiled.
    #[error(
        "must be simpler: compiled, it has more than 2 MiB; use [0-9A-Za-z_] in place of \\w, or fewer repetitions"
    )]
    TooLarge,
    /// It has neither group.
    #[error("must have a group (?<{SKU}>…), a group (?<{SHOT}>…), or both")]
    NoGroup,
    /// It has another named group.
    #[error("must have no other named groups than {SKU} and {SHOT}")]
    UnknownGroup,
}

/// The names of a job, once a pattern has added those that it reads from the photograph's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilledIds {
    /// The caller's id, or else the text of the group `sku`.
    pub external_id: Option<ExternalId>,
    /// The caller's metadata, with the text of the group `shot` unless it has a member `shot`.
    pub metadata: Option<Metadata>,
    /// Why something is missing, as a sentence.
    pub warning: Option<String>,
}

impl IdPattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds what the pattern reads from `name` to what the caller said, which wins. A group that takes no part in the
    /// match, or is empty, adds nothing. Without a name, a caller who said something of it gets no warning.
    pub fn fill(
        &self,
        name: Option<&SourceName>,
        external_id: Option<ExternalId>,
        metadata: Option<Metadata>,
    ) -> FilledIds {
        let has_shot = metadata.as_ref().is_some_and(|metadata| metadata.get(SHOT).is_some());
        let wants_sku = self.has(SKU) && external_id.is_none();
        let wants_shot = self.has(SHOT) && !has_shot;
        let mut filled = FilledIds { external_id, metadata, warning: None };
        if !wants_sku && !wants_shot {
            return filled;
        }
        let Some(name) = name else {
            let says_nothing = filled.external_id.is_none() && !has_shot;
            filled.warning = says_nothing.then(|| "The photo has no file name for id_pattern to read.".to_owned());
            return filled;
        };
        let Some(groups) = self.whole.captures(name.as_str()) else {
            filled.warning = Some(format!("The file name {name:?} does not match id_pattern.", name = name.as_str()));
            return filled;
        };
        let group = |group: &str| groups.name(group).map(|found| found.as_str()).filter(|text| !text.is_empty());
        if let Some(sku) = group(SKU).filter(|_| wants_sku) {
            match sku.parse() {
                Ok(id) => filled.external_id = Some(id),
                Err(fault) => filled.warning = Some(format!("The {SKU} that id_pattern read {fault}.")),
            }
        }
        if let Some(shot) = group(SHOT).filter(|_| wants_shot) {
            match Metadata::with(filled.metadata.clone(), SHOT, shot.to_owned()) {
                Ok(metadata) => filled.metadata = Some(metadata),
                Err(fault) => {
                    let dropped = format!("The {SHOT} that id_pattern read does not fit: metadata {fault}.");
                    filled.warning = Some(filled.warning.into_iter().chain([dropped]).collect::<Vec<_>>().join(" "));
                }
            }
        }
        filled
    }

    fn has(&self, group: &str) -> bool {
        self.whole.capture_names().flatten().any(|name| name == group)
    }
}

fn compiled(pattern: &str) -> Result<Regex, InvalidIdPattern> {
    let mut builder = RegexBuilder::new(pattern);
    let built = builder.size_limit(MAX_COMPILED_BYTES).nest_limit(MAX_DEPTH).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => InvalidIdPattern::TooLarge,
        // The last line has the reason; those before it show the place.
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default();
            InvalidIdPattern::Syntax(reason.trim_start_matches("error: ").to_owned())
        }
    })
}

impl FromStr for IdPattern {
    type Err = InvalidIdPattern;

    fn from_str(text: &str) -> Result<Self, InvalidIdPattern> {
        if !(1..=MAX_ID_PATTERN_CHARS).contains(&text.chars().count()) {
            return Err(InvalidIdPattern::Length);
        }
        // By itself first: `a)|(b` must not be completed by what is put around it.
        compiled(text)?;
        let whole = compiled(&format!(r"\A(?:{text})\z"))?;
        let mut names = whole.capture_names().flatten().peekable();
        if names.peek().is_none() {
            return Err(InvalidIdPattern::NoGroup);
        }
        if names.any(|name| name != SKU && name != SHOT) {
            return Err(InvalidIdPattern::UnknownGroup);
        }
        Ok(Self { text: text.to_owned(), whole })
    }
}

impl PartialEq for IdPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for IdPattern {}

impl Serialize for IdPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pattern(text: &str) -> IdPattern {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn fill(text: &str, path: &str) -> FilledIds {
        pattern(text).fill(SourceName::of_path(path).as_ref(), None, None)
    }

    fn metadata(value: serde_json::Value) -> Option<Metadata> {
        Metadata::read(value).expect("valid")
    }

    #[test]
    fn reads_sku_and_shot_from_the_whole_name() {
        let usual = "(?<sku>[^_]+)_(?P<shot>.+)";
        let filled = fill(usual, "shoes/4711-rot ä_front.jpg");
        assert_eq!(filled.external_id, "4711-rot ä".parse().ok());
        assert_eq!((filled.metadata, filled.warning), (metadata(json!({"shot": "front"})), None));
        for (text, name) in [(usual, "IMG 1.jpg"), (r"(?<sku>\d{4})", "47115.jpg"), ("(?<sku>a)|(?<shot>b)", "ab.jpg")]
        {
            let filled = fill(text, name);
            assert_eq!((filled.external_id, filled.metadata), (None, None), "{text} {name}");
            assert!(filled.warning.is_some_and(|warning| warning.contains("does not match id_pattern")), "{text}");
        }
        let alternative = fill("(?<sku>a)|(?<shot>b*)", "bb.jpg");
        assert_eq!((alternative.external_id, alternative.metadata), (None, metadata(json!({"shot": "bb"}))));
        assert_eq!(fill("(?i)(?<sku>ä+)", "Ää.jpg").external_id, "Ää".parse().ok());
        assert_eq!(fill(r"(?<sku>\d*)x", "x.jpg"), FilledIds::default(), "an empty group adds nothing");
    }

    #[test]
    fn what_the_caller_says_wins() {
        let both = pattern("(?<sku>[0-9]+)_(?<shot>[a-z]+)");
        let name = SourceName::of_path("1_front.jpg");
        let own = || ("own".parse::<ExternalId>().ok(), metadata(json!({"shot": "back", "a": "b"})));
        let (external_id, of_caller) = own();
        let filled = both.fill(name.as_ref(), external_id, of_caller);
        assert_eq!((filled.external_id, filled.metadata), own());
        let filled = both.fill(name.as_ref(), None, metadata(json!({"a": "b"})));
        assert_eq!(filled.external_id, "1".parse().ok());
        assert_eq!(filled.metadata, metadata(json!({"a": "b", "shot": "front"})));
        let unmatched = SourceName::of_path("cup.jpg");
        let (external_id, of_caller) = own();
        assert_eq!(both.fill(unmatched.as_ref(), external_id, of_caller).warning, None, "nothing is missing");
        assert!(both.fill(unmatched.as_ref(), own().0, None).warning.is_some(), "the shot is missing");
        assert_eq!(both.fill(None, own().0, None).warning, None);
        let nameless = both.fill(None, None, metadata(json!({"a": "b"}))).warning;
        assert_eq!(nameless.as_deref(), Some("The photo has no file name for id_pattern to read."));
    }

    #[test]
    fn a_shot_that_does_not_fit_is_left_out() {
        let full = metadata((0..20).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into());
        let filled = pattern("(?<sku>a)(?<shot>b)").fill(SourceName::of_path("ab").as_ref(), None, full.clone());
        assert_eq!((filled.external_id, filled.metadata), ("a".parse().ok(), full));
        assert!(filled.warning.is_some_and(|warning| warning.contains("at most 20 members")));
    }

    #[test]
    fn a_fault_says_what_to_do() {
        let long = format!("(?<sku>{})", "x".repeat(MAX_ID_PATTERN_CHARS));
        let deep = format!("(?<sku>{}x{})", "(?:".repeat(60), ")".repeat(60));
        for (text, part) in [
            ("", "must be 1 to 256 characters"),
            (&long, "must be 1 to 256 characters"),
            ("(?<sku>a", "unclosed group"),
            ("(?<sku>a)|b)|(c", "unopened group"),
            (r"(?<sku>a)\1", "backreferences are not supported"),
            ("(?<sku>a)(?=b)", "look-around"),
            (&deep, "nest"),
            (r"(?<sku>(?:\w{100}){100})", "must be simpler"),
            ("[0-9]+", "must have a group (?<sku>…)"),
            ("(?<sku>a)(?<SHOT>b)", "no other named groups than sku and shot"),
            ("(?x)(?<sku>a) # an id", "must be a regular expression"),
        ] {
            let error = text.parse::<IdPattern>().expect_err(text).to_string();
            assert!(error.contains(part) && !error.contains('\n'), "{text}: {error}");
        }
    }

    proptest! {
        /// Groups are matched in linear time, so no name takes long, and every result is one that a caller could send.
        #[test]
        fn any_name_is_read(name in any::<String>()) {
            let greedy = pattern("(?:(?<sku>.*)*_)*(?<shot>.*)*");
            let source = SourceName::of_path(&name);
            let filled = greedy.fill(source.as_ref(), None, None);
            prop_assert_eq!(filled.warning.is_some(), source.is_none());
            prop_assert!(source.is_none() || filled.external_id.is_some() || filled.metadata.is_some());
        }
    }
}
