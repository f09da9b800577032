//! `output_name`: the caller's template for the names of a job's files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::correlation::{ExternalId, Metadata};
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
    /// The number of the result: 1, until the job is cut again.
    Revision,
}

impl Placeholder {
    /// Every placeholder, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::ExternalId, Self::JobId, Self::Variation, Self::SourceName, Self::Revision];

    /// The name between the braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::JobId => "job_id",
            Self::Variation => "variation",
            Self::SourceName => "source_name",
            Self::Revision => "revision",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.as_str() == name)
    }

    /// All of them as in a template, for messages.
    pub fn listed() -> String {
        let mut all = Self::ALL.map(|placeholder| format!("{{{}}}", placeholder.as_str())).join(", ");
        all.push_str(&format!(", {{{METADATA}KEY}}"));
        all
    }
}

/// How a placeholder begins that stands for a member of the job's metadata. The member's name follows.
const METADATA: &str = "metadata.";

/// The stem of the names of a job's files, with [`Placeholder`]s and `metadata.KEY` in braces: 1 to
/// [`MAX_OUTPUT_NAME_CHARS`] characters that every file system accepts.
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

/// The template has `{job_id}`, but the file belongs to no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has the placeholder {{job_id}}, and there is no job")]
pub struct NeedsJob;

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Placeholder(Placeholder),
    /// The member of the metadata with this name.
    Metadata(&'a str),
}

impl<'a> Piece<'a> {
    /// The piece for the text between two braces.
    fn in_braces(name: &'a str) -> Option<Self> {
        match name.strip_prefix(METADATA) {
            Some(key) => Some(Self::Metadata(key)).filter(|_| !key.is_empty() && !key.contains('{')),
            None => Placeholder::named(name).map(Self::Placeholder),
        }
    }
}

/// The pieces of a template; `None` if its braces do not match, or a placeholder is unknown.
fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        pieces.extend([Piece::Text(text), Piece::in_braces(name)?]);
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
    pub(super) metadata: Option<&'a Metadata>,
    pub(super) source_name: Option<&'a SourceName>,
    /// The variation or the asset.
    pub(super) variation: &'a str,
    pub(super) revision: u32,
}

/// The values of a template's placeholders outside of a job.
#[derive(Debug, Clone, Copy)]
pub struct LocalNameValues<'a> {
    /// In place of `{external_id}`; without it, the name of the photograph stands there.
    pub external_id: Option<&'a ExternalId>,
    /// In place of `{metadata.KEY}`.
    pub metadata: Option<&'a Metadata>,
    /// In place of `{source_name}`.
    pub source_name: &'a SourceName,
    /// In place of `{variation}`.
    pub variation: &'a str,
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

    /// The names of the members of the metadata that it needs.
    fn keys(&self) -> impl Iterator<Item = &str> {
        let pieces = pieces(&self.0).unwrap_or_default();
        pieces.into_iter().filter_map(|piece| match piece {
            Piece::Metadata(key) => Some(key),
            Piece::Text(_) | Piece::Placeholder(_) => None,
        })
    }

    /// The first member that it needs and that the metadata lacks.
    pub fn missing_key(&self, metadata: Option<&Metadata>) -> Option<&str> {
        self.keys().find(|key| metadata.is_none_or(|metadata| metadata.get(key).is_none()))
    }

    /// Whether the template has a placeholder that the first releases with templates do not know: they could not read it.
    pub(super) fn has_added_placeholder(&self) -> bool {
        self.has(Placeholder::Revision) || self.keys().next().is_some()
    }

    /// The stem of a file's name outside of a job: safe, and at most `max_bytes` bytes. `{revision}` is 1.
    ///
    /// # Errors
    /// [`NeedsJob`] if the template has `{job_id}`. A member that the metadata lacks is an empty text: see
    /// [`Self::missing_key`].
    pub fn local_stem(&self, values: LocalNameValues<'_>, max_bytes: usize) -> Result<String, NeedsJob> {
        let LocalNameValues { external_id, metadata, source_name, variation } = values;
        let value = |piece| match piece {
            Piece::Text(text) => Ok(text),
            Piece::Placeholder(Placeholder::JobId) => Err(NeedsJob),
            Piece::Placeholder(Placeholder::Variation) => Ok(variation),
            Piece::Placeholder(Placeholder::Revision) => Ok("1"),
            Piece::Placeholder(Placeholder::SourceName) => Ok(source_name.as_str()),
            Piece::Placeholder(Placeholder::ExternalId) => {
                Ok(external_id.map_or(source_name.as_str(), |id| id.as_str()))
            }
            Piece::Metadata(key) => Ok(metadata.and_then(|metadata| metadata.get(key)).unwrap_or_default()),
        };
        let filled = pieces(&self.0).unwrap_or_default().into_iter().map(value).collect::<Result<String, _>>()?;
        Ok(safe_stem(&filled, max_bytes))
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
            Piece::Placeholder(Placeholder::Revision) => values.revision.to_string(),
            // Of a drop, whose name did not match its set's pattern: a request is refused.
            Piece::Metadata(key) => {
                values.metadata.and_then(|metadata| metadata.get(key)).map_or_else(job, ToOwned::to_owned)
            }
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

    /// A name that stands for a file without one.
    pub fn of_stem(stem: &str) -> Self {
        Self(safe_stem(stem, Self::MAX_BYTES))
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
        let metadata = "{metadata.größe 1}_{metadata.a.b} {revision}";
        for good in
            ["cup", "{external_id}-{variation}", "{source_name} {job_id}", "rot ä.v2", "console", &longest, metadata]
        {
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
            ("{metadata}", InvalidOutputName::Placeholder),
            ("{metadata.}", InvalidOutputName::Placeholder),
            ("{metadata.{sku}}", InvalidOutputName::Placeholder),
            ("{metadata.a/b}", InvalidOutputName::Character),
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
        let listed = "{external_id}, {job_id}, {variation}, {source_name}, {revision}, {metadata.KEY}";
        assert!(message.ends_with(listed), "{message}");
    }

    #[test]
    fn placeholders_have_values_or_the_jobs_id() {
        let template = "{external_id}_{source_name}_{variation}_{job_id}_{metadata.size}_{revision}_x";
        let template: OutputName = template.parse().expect("valid");
        let (external_id, source_name) = ("47/11".parse().expect("an id"), SourceName::of_path("cup.jpg"));
        let metadata = Metadata::read(serde_json::json!({"size": "{job_id}", "color": "red"})).expect("valid");
        let values = NameValues {
            job: id(),
            external_id: None,
            metadata: None,
            source_name: None,
            variation: "clipping",
            revision: 3,
        };
        assert_eq!(template.filled(values), format!("{id}_{id}_clipping_{id}_{id}_3_x", id = id()));
        let (external_id, source_name) = (Some(&external_id), source_name.as_ref());
        let values = NameValues { external_id, source_name, metadata: metadata.as_ref(), ..values };
        assert_eq!(
            template.filled(values),
            format!("47/11_cup_clipping_{}_{{job_id}}_3_x", id()),
            "values stay as they are"
        );
        assert!(Placeholder::ALL.iter().all(|placeholder| template.has(*placeholder)));
        let plain: OutputName = "cup".parse().expect("valid");
        assert!(!Placeholder::ALL.iter().any(|placeholder| plain.has(*placeholder)));
    }

    #[test]
    fn a_template_needs_members_of_the_metadata() {
        let metadata = |value| Metadata::read(value).expect("valid");
        let template: OutputName = "{metadata.sku}_{metadata.shot}".parse().expect("valid");
        assert_eq!(template.missing_key(None), Some("sku"));
        assert_eq!(template.missing_key(metadata(serde_json::json!({"sku": ""})).as_ref()), Some("shot"));
        assert_eq!(template.missing_key(metadata(serde_json::json!({"sku": "1", "shot": "2"})).as_ref()), None);
        assert!(template.has_added_placeholder());
        let plain: OutputName = "{external_id}-{source_name}{variation}{job_id}".parse().expect("valid");
        assert!(plain.missing_key(None).is_none() && !plain.has_added_placeholder());
        let revision: OutputName = "v{revision}".parse().expect("valid");
        assert!(revision.has_added_placeholder());
    }

    #[test]
    fn without_a_job_the_name_of_the_photo_stands_in() {
        let source_name = &SourceName::of_path("cup.jpg").expect("a name");
        let metadata = Metadata::read(serde_json::json!({"shot": "../1"})).expect("valid");
        let values =
            LocalNameValues { external_id: None, metadata: metadata.as_ref(), source_name, variation: "compose" };
        let stem = |template: &str, max| template.parse::<OutputName>().expect("valid").local_stem(values, max);
        assert_eq!(stem("{external_id}_{metadata.shot}_v{revision}", 100).as_deref(), Ok("cup_.._1_v1"));
        assert_eq!(stem("{source_name} {variation}", 7).as_deref(), Ok("cup com"));
        assert_eq!(stem("{source_name}{job_id}", 100), Err(NeedsJob));
        let id = "47:11".parse().expect("an id");
        let values = LocalNameValues { external_id: Some(&id), ..values };
        let template: OutputName = "{external_id}".parse().expect("valid");
        assert_eq!(template.local_stem(values, 100).as_deref(), Ok("47_11"));
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
