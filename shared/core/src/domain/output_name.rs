//! `output_name`: the caller's template for the names of a job's files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::correlation::ExternalId;
use super::file_name::{is_reserved, is_unsafe, safe_stem};
use super::ids::JobId;
use super::limits::MAX_OUTPUT_NAME_CHARS;
use super::percent::percent_decode;

/// A part of an [`OutputName`] that differs between jobs or files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The caller's id of the job, or else the job's id.
    ExternalId,
    /// The job's id.
    JobId,
    /// The name of the picture's variation, or of the asset.
    Variation,
    /// The name of the photograph's file without its extension, or else the job's id.
    SourceName,
}

impl Placeholder {
    /// Every placeholder, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::ExternalId, Self::JobId, Self::Variation, Self::SourceName];

    /// The name between the braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::JobId => "job_id",
            Self::Variation => "variation",
            Self::SourceName => "source_name",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.as_str() == name)
    }

    /// All of them as in a template, for messages.
    pub fn listed() -> String {
        Self::ALL.map(|placeholder| format!("{{{}}}", placeholder.as_str())).join(", ")
    }
}

/// The stem of the names of a job's files, with [`Placeholder`]s in braces: 1 to [`MAX_OUTPUT_NAME_CHARS`] characters that
/// every file system accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutputName(String);

/// Why a text is not an output name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOutputName {
    /// It is empty or too long.
    #[error("must be 1 to {MAX_OUTPUT_NAME_CHARS} characters")]
    Length,
    /// It has a character that has no place in a file's name.
    #[error("must not contain / \\ : * ? \" < > | or control characters")]
    Character,
    /// A brace is not part of a placeholder, or its placeholder is unknown.
    #[error("must have no other braces than the placeholders {}", Placeholder::listed())]
    Placeholder,
    /// It begins or ends with a dot or a space.
    #[error("must not begin or end with a dot or a space")]
    Ends,
    /// Windows reserves it.
    #[error("must not be a name that Windows reserves, such as CON or COM1")]
    Reserved,
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Placeholder(Placeholder),
}

/// The pieces of a template; `None` if its braces do not match, or a placeholder is unknown.
fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        pieces.extend([Piece::Text(text), Piece::Placeholder(Placeholder::named(name)?)]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    let is_stray = |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if text.contains('}'));
    (!pieces.iter().any(is_stray)).then_some(pieces)
}

/// The values of a job's placeholders.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameValues<'a> {
    pub(super) job: JobId,
    pub(super) external_id: Option<&'a ExternalId>,
    pub(super) source_name: Option<&'a SourceName>,
    /// The variation or the asset.
    pub(super) variation: &'a str,
}

impl OutputName {
    /// The template as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the template has this placeholder.
    pub fn has(&self, placeholder: Placeholder) -> bool {
        pieces(&self.0).is_some_and(|pieces| pieces.contains(&Piece::Placeholder(placeholder)))
    }

    /// Whether a job with this template has to store the name of its photograph's file.
    pub fn needs_source_name(&self) -> bool {
        self.has(Placeholder::SourceName)
    }

    /// The template with these values in place of its placeholders. Not safe as a name: the values are a caller's.
    pub(super) fn filled(&self, values: NameValues<'_>) -> String {
        let job = || values.job.to_string();
        let value = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Placeholder(Placeholder::JobId) => job(),
            Piece::Placeholder(Placeholder::Variation) => values.variation.to_owned(),
            Piece::Placeholder(Placeholder::ExternalId) => values.external_id.map_or_else(job, ToString::to_string),
            Piece::Placeholder(Placeholder::SourceName) => values.source_name.map_or_else(job, |name| name.0.clone()),
        };
        // A template that was read has pieces.
        pieces(&self.0).unwrap_or_default().into_iter().map(value).collect()
    }
}

impl TryFrom<String> for OutputName {
    type Error = InvalidOutputName;

    fn try_from(text: String) -> Result<Self, InvalidOutputName> {
        if !(1..=MAX_OUTPUT_NAME_CHARS).contains(&text.chars().count()) {
            return Err(InvalidOutputName::Length);
        }
        if text.chars().any(is_unsafe) {
            return Err(InvalidOutputName::Character);
        }
        if pieces(&text).is_none() {
            return Err(InvalidOutputName::Placeholder);
        }
        if text.starts_with(['.', ' ']) || text.ends_with(['.', ' ']) {
            return Err(InvalidOutputName::Ends);
        }
        if is_reserved(&text) { Err(InvalidOutputName::Reserved) } else { Ok(Self(text)) }
    }
}

impl FromStr for OutputName {
    type Err = InvalidOutputName;

    fn from_str(text: &str) -> Result<Self, InvalidOutputName> {
        Self::try_from(text.to_owned())
    }
}

impl From<OutputName> for String {
    fn from(name: OutputName) -> Self {
        name.0
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a photograph's file without its extension, for [`Placeholder::SourceName`]. Safe as a stem, and at most
/// [`SourceName::MAX_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceName(String);

impl SourceName {
    /// The longest name in bytes.
    pub const MAX_BYTES: usize = 100;

    /// The longest extension that is left out, in characters.
    const MAX_EXTENSION: usize = 5;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a file, whose path may be that of any system; `None` if nothing of it is left.
    pub fn of_path(path: &str) -> Option<Self> {
        let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = match file.rsplit_once('.') {
            Some((stem, extension)) if (1..=Self::MAX_EXTENSION).contains(&extension.chars().count()) => stem,
            Some(_) | None => file,
        };
        let has_text = stem.chars().any(|c| !is_unsafe(c) && c != '.' && c != ' ');
        has_text.then(|| Self(safe_stem(stem, Self::MAX_BYTES)))
    }

    /// The name of the file at the end of a URL's path, decoded.
    pub fn of_url(url: &url::Url) -> Option<Self> {
        let last = url.path_segments()?.next_back()?;
        Self::of_path(&percent_decode(last)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> JobId {
        "019cdc54-2673-dc32-b9e5-6e1d36cc9e8a".parse().expect("an id")
    }

    #[test]
    fn a_template_has_only_known_placeholders_and_safe_characters() {
        let longest = "é".repeat(128);
        for good in ["cup", "{external_id}-{variation}", "{source_name} {job_id}", "rot ä.v2", "console", &longest] {
            assert_eq!(good.parse::<OutputName>().map(String::from), Ok(good.to_owned()));
        }
        let too_long = "é".repeat(129);
        let cases = [
            ("", InvalidOutputName::Length),
            (&too_long, InvalidOutputName::Length),
            ("a/b", InvalidOutputName::Character),
            ("..\\b", InvalidOutputName::Character),
            ("a\nb", InvalidOutputName::Character),
            ("a\u{202e}b", InvalidOutputName::Character),
            ("a\u{0}", InvalidOutputName::Character),
            ("{}", InvalidOutputName::Placeholder),
            ("{owner}", InvalidOutputName::Placeholder),
            ("{ job_id }", InvalidOutputName::Placeholder),
            ("{job_id", InvalidOutputName::Placeholder),
            ("job_id}", InvalidOutputName::Placeholder),
            ("{{job_id}}", InvalidOutputName::Placeholder),
            (".hidden", InvalidOutputName::Ends),
            ("a.", InvalidOutputName::Ends),
            (" a", InvalidOutputName::Ends),
            ("CON", InvalidOutputName::Reserved),
            ("com1.{variation}", InvalidOutputName::Reserved),
        ];
        for (bad, error) in cases {
            assert_eq!(bad.parse::<OutputName>(), Err(error), "{bad:?}");
            assert!(serde_json::from_value::<OutputName>(bad.into()).is_err(), "{bad:?}");
        }
        let message = InvalidOutputName::Placeholder.to_string();
        assert!(message.ends_with("{external_id}, {job_id}, {variation}, {source_name}"), "{message}");
    }

    #[test]
    fn placeholders_have_values_or_the_jobs_id() {
        let template: OutputName = "{external_id}_{source_name}_{variation}_{job_id}_x".parse().expect("valid");
        let (external_id, source_name) = ("47/11".parse().expect("an id"), SourceName::of_path("cup.jpg"));
        let values = NameValues { job: id(), external_id: None, source_name: None, variation: "clipping" };
        assert_eq!(template.filled(values), format!("{id}_{id}_clipping_{id}_x", id = id()));
        let values = NameValues { external_id: Some(&external_id), source_name: source_name.as_ref(), ..values };
        assert_eq!(template.filled(values), format!("47/11_cup_clipping_{}_x", id()));
        assert!(Placeholder::ALL.iter().all(|placeholder| template.has(*placeholder)));
        let plain: OutputName = "cup".parse().expect("valid");
        assert!(!Placeholder::ALL.iter().any(|placeholder| plain.has(*placeholder)));
    }

    #[test]
    fn a_source_name_is_a_stem() {
        let cases = [
            ("cup.jpg", Some("cup")),
            ("C:\\fakepath\\cup red.JPEG", Some("cup red")),
            ("drops/shop/set/shoes/rot ä 1.jpg", Some("rot ä 1")),
            ("a.tar.gz", Some("a.tar")),
            ("v1.final version", Some("v1.final version")),
            ("no extension", Some("no extension")),
            ("../..", None),
            (".jpg", None),
            ("", None),
            ("a/", None),
            ("con.jpg", Some("_con")),
        ];
        for (path, name) in cases {
            assert_eq!(SourceName::of_path(path).map(|name| name.0).as_deref(), name, "{path:?}");
        }
        assert_eq!(SourceName::of_path(&"é".repeat(200)).map(|name| name.0.len()), Some(100));
        let of = |url: &str| SourceName::of_url(&url.parse().expect("a URL")).map(|name| name.0);
        assert_eq!(of("https://example.com/a/caf%C3%A9%2F1.jpg?name=b.png").as_deref(), Some("1"));
        assert_eq!(of("https://example.com/cup%20red.png#x").as_deref(), Some("cup red"));
        assert_eq!((of("https://example.com/"), of("https://example.com/%FF.png")), (None, None));
    }
}
