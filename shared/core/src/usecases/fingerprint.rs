//! The fingerprint of a request: a digest of its fields and of its file. It tells a repeated request from another one
//! under the same idempotency key.
//!
//! Fields that a request leaves out are left out here too, so a release that adds a field computes the same fingerprint
//! for requests without it, and a client may repeat a request across an upgrade.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::digest;
use super::submission::{Submission, SubmittedSet, SubmittedSource};
use crate::domain::correlation::{ExternalId, Metadata};
use crate::domain::digest::Digest;
use crate::domain::lane::Lane;
use crate::domain::mask::MaskContent;
use crate::domain::output_name::OutputName;
use crate::domain::params::ParamSet;
use crate::domain::rendering::Rendering;
use crate::domain::request::{DeliveryMode, Mode, SourceUrl};
use crate::domain::requested_format::RequestedFormat;
use crate::domain::review::ReviewRule;
use crate::domain::subject::SubjectSettings;
use crate::domain::upload::{ETag, UploadKey};
use crate::domain::webhook::WebhookUrl;
use crate::ports::PortError;

/// The fields, as they are hashed.
#[derive(Serialize)]
struct Fields<'a> {
    mode: Mode,
    delivery: DeliveryMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<RequestedFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rendering: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<SetField<'a>>,
    source: SourceField<'a>,
    #[serde(skip_serializing_if = "Lane::is_default")]
    lane: Lane,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<&'a WebhookUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_name: Option<&'a OutputName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<ReviewRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previews: Option<bool>,
    #[serde(skip_serializing_if = "SubjectSettings::is_empty")]
    subject: &'a SubjectSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<&'a MaskContent>,
}

/// A named set counts by its name: the caller repeats the name, whatever the set is by then.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SetField<'a> {
    Named(&'a str),
    Inline(&'a ParamSet),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SourceField<'a> {
    Sha256(Digest),
    Url(&'a SourceUrl),
    Upload { key: UploadKey, etag: Option<&'a ETag> },
}

/// The request's fingerprint. `etag` identifies the content of its direct upload, if it names one, and `mask` is the
/// content of its mask, if it brings one as a file.
///
/// # Errors
/// [`PortError`] if the file cannot be hashed.
pub(super) async fn of(
    submission: &Submission,
    etag: Option<&ETag>,
    mask: Option<&MaskContent>,
) -> Result<Digest, PortError> {
    Ok(Digest::of(hashed_text(submission, etag, mask).await?.as_bytes()))
}

/// The text that is hashed.
async fn hashed_text(
    submission: &Submission,
    etag: Option<&ETag>,
    mask: Option<&MaskContent>,
) -> Result<String, PortError> {
    let source = match &submission.source {
        SubmittedSource::Bytes(bytes) => SourceField::Sha256(digest::of_file(bytes.clone()).await?),
        SubmittedSource::Url(url) => SourceField::Url(url),
        SubmittedSource::Upload(key) => SourceField::Upload { key: *key, etag },
    };
    let set = submission.set.as_ref().filter(|_| submission.mode == Mode::Params);
    let fields = Fields {
        mode: submission.mode,
        delivery: submission.delivery,
        format: submission.format,
        rendering: changed_settings(&submission.rendering)?,
        set: set.map(|set| match set {
            SubmittedSet::Named(name) => SetField::Named(name),
            SubmittedSet::Inline(set) => SetField::Inline(set),
        }),
        source,
        lane: submission.lane,
        external_id: submission.external_id.as_ref(),
        metadata: submission.metadata.as_ref(),
        webhook_url: submission.webhook_url.as_ref(),
        output_name: submission.output_name.as_ref(),
        review: submission.review,
        previews: submission.previews,
        subject: &submission.subject,
        mask,
    };
    let fields = serde_json::to_value(&fields).map_err(PortError::fail)?;
    Ok(sorted(fields).to_string())
}

/// The settings that differ from the defaults; `None` if none does.
fn changed_settings(rendering: &Rendering) -> Result<Option<Value>, PortError> {
    let value = |rendering: &Rendering| serde_json::to_value(rendering).map_err(PortError::fail);
    Ok(difference(value(rendering)?, &value(&Rendering::default())?))
}

/// The members of `value` that differ from those of `other`, at any depth; `None` if none does.
fn difference(value: Value, other: &Value) -> Option<Value> {
    match (value, other) {
        (value, other) if value == *other => None,
        (Value::Object(members), Value::Object(others)) => {
            let changed = members.into_iter().filter_map(|(name, value)| {
                let value = match others.get(&name) {
                    Some(other) => difference(value, other)?,
                    None => value,
                };
                Some((name, value))
            });
            Some(Value::Object(changed.collect()))
        }
        (value, _) => Some(value),
    }
}

/// The same value without nulls in objects, and with members in the order of their names.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::domain::format::OutputFormat;
    use crate::testing;

    fn submission() -> Submission {
        let (owner, source) = ("shop".parse().expect("an owner"), SubmittedSource::Bytes(Bytes::from_static(b"photo")));
        let set = Some(SubmittedSet::Named("amazon-main".to_owned()));
        Submission { mode: Mode::Params, set, ..testing::submission(&owner, source) }
    }

    fn subject(settings: Value) -> SubjectSettings {
        serde_json::from_value(settings).expect("settings")
    }

    #[tokio::test]
    async fn every_field_counts_and_the_key_does_not() {
        let first = of(&submission(), None, None).await.expect("a fingerprint");
        let source_name = crate::domain::output_name::SourceName::of_path("cup.jpg");
        for same in [
            Submission { idempotency_key: "abc".parse().ok(), ..submission() },
            // The name of a file is not a field: a client may send the same file from elsewhere.
            Submission { source_name, ..submission() },
        ] {
            assert_eq!(of(&same, None, None).await.expect("a fingerprint"), first);
        }
        let rendering = |settings| serde_json::from_value(settings).expect("a rendering");
        let set = ParamSet::read(json!({"background": {"color": "#ffffff"}})).expect("a set");
        let url = |url: &str| SubmittedSource::Url(url.parse().expect("a URL"));
        let others = [
            Submission { mode: Mode::Clipping, ..submission() },
            Submission { delivery: DeliveryMode::FinalUrl, ..submission() },
            Submission { format: Some(OutputFormat::Png.into()), ..submission() },
            Submission { format: Some(RequestedFormat::Original), ..submission() },
            Submission { rendering: rendering(json!({"quality": 81})), ..submission() },
            Submission { rendering: rendering(json!({"crop": "none"})), ..submission() },
            Submission { rendering: rendering(json!({"crop": {"subject": {"margin": "0"}}})), ..submission() },
            Submission { rendering: rendering(json!({"crop": {"subject": {"margin": "5%"}}})), ..submission() },
            Submission { set: Some(SubmittedSet::Named("ebay".to_owned())), ..submission() },
            Submission { set: Some(SubmittedSet::Inline(Box::new(set))), ..submission() },
            Submission { source: SubmittedSource::Bytes(Bytes::from_static(b"other")), ..submission() },
            Submission { source: url("https://example.com/a.jpg?sig=1"), ..submission() },
            Submission { source: url("https://example.com/a.jpg?sig=2"), ..submission() },
            Submission { lane: Lane::Bulk, ..submission() },
            Submission { external_id: "4711".parse().ok(), ..submission() },
            Submission { metadata: Metadata::read(json!({"a": "b"})).expect("metadata"), ..submission() },
            Submission { webhook_url: "https://example.com/".to_owned().try_into().ok(), ..submission() },
            Submission { output_name: "cup".parse().ok(), ..submission() },
            Submission { review: Some(ReviewRule::Always), ..submission() },
            Submission { previews: Some(true), ..submission() },
            Submission { previews: Some(false), ..submission() },
            Submission { subject: subject(json!({"keep": "main"})), ..submission() },
            Submission { subject: subject(json!({"keep": [[1, 2]]})), ..submission() },
            Submission { subject: subject(json!({"mask_source": "alpha"})), ..submission() },
            Submission { subject: subject(json!({"mask_source": "path"})), ..submission() },
            Submission { subject: subject(json!({"hints": [{"kind": "keep", "points": [[1, 2]]}]})), ..submission() },
            Submission { subject: subject(json!({"hints": [{"kind": "remove", "points": [[1, 2]]}]})), ..submission() },
        ];
        let mut seen = vec![first];
        for other in others {
            let fingerprint = of(&other, None, None).await.expect("a fingerprint");
            assert!(!seen.contains(&fingerprint), "{other:?}");
            seen.push(fingerprint);
        }
        let masks = [
            MaskContent::Sha256(Digest::of(b"mask")),
            MaskContent::Sha256(Digest::of(b"other")),
            MaskContent::Url("https://example.com/mask.png".parse().expect("a URL")),
        ];
        for mask in masks {
            let fingerprint = of(&submission(), None, Some(&mask)).await.expect("a fingerprint");
            assert!(!seen.contains(&fingerprint), "{mask:?}");
            seen.push(fingerprint);
        }
        // Of a direct upload, the key and the content count.
        let upload = |key: u128| Submission {
            source: SubmittedSource::Upload(UploadKey::new(uuid::Uuid::from_u128(key))),
            ..submission()
        };
        for (key, etag) in [(1, "\"a\""), (1, "\"b\""), (2, "\"a\"")] {
            let etag: ETag = etag.parse().expect("an ETag");
            let fingerprint = of(&upload(key), Some(&etag), None).await.expect("a fingerprint");
            assert!(!seen.contains(&fingerprint), "{key} {etag}");
            seen.push(fingerprint);
        }
    }

    /// Another value here means that clients which repeat a request across the upgrade are refused.
    #[tokio::test]
    async fn stays_the_same_between_releases() {
        let photo = Digest::of(b"photo").to_string();
        let source = format!(r#""source":{{"sha256":"{photo}"}}"#);
        let rendering = json!({"channels": "alpha", "quality": 81, "path": {"name": "P 1"}});
        let set = ParamSet::read(json!({"background": {"color": "#fff"}, "margin": "8%"})).expect("a set");
        let cases = [
            (
                submission(),
                format!(r#"{{"delivery":"url","mode":"params","set":{{"named":"amazon-main"}},{source}}}"#),
            ),
            (
                Submission {
                    mode: Mode::Clipping,
                    format: Some(OutputFormat::Psd.into()),
                    rendering: serde_json::from_value(with_defaults(rendering)).expect("a rendering"),
                    ..submission()
                },
                format!(
                    r#"{{"delivery":"url","format":"psd","mode":"clipping","rendering":{{"channels":"alpha","path":{{"name":"P 1"}},"quality":81}},{source}}}"#
                ),
            ),
            (
                Submission {
                    mode: Mode::Background,
                    rendering: serde_json::from_value(with_defaults(json!({"crop": {"subject": {"margin": "5%"}}})))
                        .expect("a rendering"),
                    ..submission()
                },
                format!(
                    r#"{{"delivery":"url","mode":"background","rendering":{{"crop":{{"subject":{{"margin":"5%"}}}}}},{source}}}"#
                ),
            ),
            (
                Submission { lane: Lane::Bulk, set: None, mode: Mode::Background, ..submission() },
                format!(r#"{{"delivery":"url","lane":"bulk","mode":"background",{source}}}"#),
            ),
            (
                Submission { set: Some(SubmittedSet::Inline(Box::new(set))), ..submission() },
                format!(
                    r##"{{"delivery":"url","mode":"params","set":{{"inline":{{"background":{{"color":"#ffffff"}},"margin":"8%","version":1}}}},{source}}}"##
                ),
            ),
            (
                Submission {
                    source: SubmittedSource::Url("https://example.com/a.jpg?b=c".parse().expect("a URL")),
                    external_id: "4711".parse().ok(),
                    metadata: Metadata::read(json!({"b": "2", "a": "1"})).expect("metadata"),
                    delivery: DeliveryMode::FinalUrl,
                    ..submission()
                },
                r#"{"delivery":"final_url","external_id":"4711","metadata":{"a":"1","b":"2"},"mode":"params","set":{"named":"amazon-main"},"source":{"url":"https://example.com/a.jpg?b=c"}}"#
                    .to_owned(),
            ),
            (
                Submission {
                    source: SubmittedSource::Upload(
                        "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("a key"),
                    ),
                    ..submission()
                },
                r#"{"delivery":"url","mode":"params","set":{"named":"amazon-main"},"source":{"upload":{"etag":"\"abc\"","key":"019cdc54-2673-7c32-b9e5-6e1d36cc9e8a"}}}"#
                    .to_owned(),
            ),
        ];
        let etag = "\"abc\"".parse::<ETag>().ok();
        for (submission, hashed) in cases {
            assert_eq!(hashed_text(&submission, etag.as_ref(), None).await.expect("a text"), hashed);
        }
    }

    /// As above: a mask, and what the photo is cut by.
    #[tokio::test]
    async fn stays_the_same_between_releases_with_a_mask() {
        let photo = Digest::of(b"photo").to_string();
        let source = format!(r#""source":{{"sha256":"{photo}"}}"#);
        let set = r#""set":{"named":"amazon-main"}"#;
        for name in ["auto", "alpha", "path", "file"] {
            let request = Submission { subject: subject(json!({ "mask_source": name })), ..submission() };
            let expected =
                format!(r#"{{"delivery":"url","mode":"params",{set},{source},"subject":{{"mask_source":"{name}"}}}}"#);
            assert_eq!(hashed_text(&request, None, None).await.expect("a text"), expected);
        }
        let key: UploadKey = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a".parse().expect("a key");
        let cases = [
            (MaskContent::Sha256(Digest::of(b"photo")), format!(r#"{{"sha256":"{photo}"}}"#)),
            (
                MaskContent::Url("https://example.com/m.png?b=c".parse().expect("a URL")),
                r#"{"url":"https://example.com/m.png?b=c"}"#.to_owned(),
            ),
            (
                MaskContent::Upload { key, etag: "\"abc\"".parse().expect("an ETag") },
                format!(r#"{{"upload":{{"etag":"\"abc\"","key":"{key}"}}}}"#),
            ),
        ];
        for (mask, hashed) in cases {
            let expected = format!(r#"{{"delivery":"url","mask":{hashed},"mode":"params",{set},{source}}}"#);
            assert_eq!(hashed_text(&submission(), None, Some(&mask)).await.expect("a text"), expected);
        }
    }

    /// These settings, and the defaults of all others.
    fn with_defaults(settings: Value) -> Value {
        let mut value = serde_json::to_value(Rendering::default()).expect("serializes");
        merge(&mut value, settings);
        value
    }

    fn merge(value: &mut Value, settings: Value) {
        match (value, settings) {
            (Value::Object(members), Value::Object(settings)) => {
                for (name, setting) in settings {
                    merge(members.entry(name).or_insert(Value::Null), setting);
                }
            }
            (value, setting) => *value = setting,
        }
    }
}
