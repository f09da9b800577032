//! Parses the messages of the queue of jobs: Cutline's own, and the events that S3 sends.

use cutline_core::domain::drops::{DropOrigin, DropPath, DroppedObject, Sequencer};
use cutline_core::domain::message::Message;
use cutline_core::domain::work_request::{DropNotice, WorkRequest};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// Parses the body of a message: a job's message, an S3 event about created objects, or the test event that S3 sends
/// when it is connected to a queue. Anything else is [`WorkRequest::Unreadable`].
///
/// An S3 event keeps the objects under `drops/<owner>/<set>/<path…>` and `retouch/<owner>/<path…>`. Folders and other
/// events are left out.
pub fn parse_message(body: &str) -> WorkRequest {
    match serde_json::from_str(body) {
        Ok(Body::Job(message)) => WorkRequest::Job(message),
        Ok(Body::Event { records }) => WorkRequest::Drops(notice(records)),
        Ok(Body::Test { event: TestEvent::Test }) => WorkRequest::Nothing,
        Err(error) => WorkRequest::Unreadable { reason: format!("neither a job's message nor an S3 event: {error}") },
    }
}

fn notice(records: Vec<Record>) -> DropNotice {
    let at = records.iter().map(|record| record.at).min().unwrap_or_default();
    let created = records.into_iter().filter(|record| record.name.starts_with("ObjectCreated:"));
    DropNotice { at, objects: created.filter_map(|record| record.s3.dropped()).collect() }
}

/// The three kinds of bodies. Other fields are ignored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Job(Message),
    Event {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    Test {
        #[serde(rename = "Event")]
        event: TestEvent,
    },
}

#[derive(Deserialize)]
enum TestEvent {
    #[serde(rename = "s3:TestEvent")]
    Test,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    #[serde(rename = "eventTime")]
    at: Timestamp,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: EventBucket,
    object: EventObject,
}

#[derive(Deserialize)]
struct EventBucket {
    name: String,
}

#[derive(Deserialize)]
struct EventObject {
    key: ObjectKey,
    #[serde(rename = "versionId")]
    version: Option<String>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    sequencer: Sequencer,
}

impl S3Entity {
    /// The dropped file; `None` if the object is not one.
    fn dropped(self) -> Option<DroppedObject> {
        let EventObject { key: ObjectKey(key), version, etag, sequencer } = self.object;
        // Consoles create an empty object with such a key for a folder.
        if key.ends_with('/') {
            return None;
        }
        let Ok(path) = DropPath::try_from(key) else {
            tracing::warn!(
                "ignored a dropped file; its key is not drops/<owner>/<set>/<path> or retouch/<owner>/<path>"
            );
            return None;
        };
        // S3's name for the only version in a bucket without versions.
        let version = version.filter(|version| version != "null");
        let origin = DropOrigin { path, bucket: self.bucket.name, version, sequencer };
        Some(DroppedObject { origin, etag })
    }
}

/// An object's key. S3 encodes it like a form field: percent-encoded, with `+` for a space.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ObjectKey(String);

#[derive(Debug, thiserror::Error)]
#[error("invalid object key: not percent-encoded UTF-8")]
struct InvalidObjectKey;

impl TryFrom<String> for ObjectKey {
    type Error = InvalidObjectKey;

    fn try_from(text: String) -> Result<Self, InvalidObjectKey> {
        // The decoder leaves incomplete escapes as they are; S3 never writes any.
        let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        if !text.split('%').skip(1).all(is_escape) {
            return Err(InvalidObjectKey);
        }
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| InvalidObjectKey)?;
        Ok(Self(decoded.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(name: &str, object: Value) -> Value {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-01-02T03:04:05.678Z", "eventName": name,
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "files", "arn": "arn:aws:s3:::files"}, "object": object},
        })
    }

    fn objects(records: &[Value]) -> Vec<DroppedObject> {
        match parse_message(&json!({ "Records": records }).to_string()) {
            WorkRequest::Drops(notice) => {
                assert_eq!(notice.at, "2026-01-02T03:04:05.678Z".parse().expect("a time"));
                notice.objects
            }
            request => panic!("{request:?}"),
        }
    }

    fn is_unreadable(body: &str) -> bool {
        matches!(parse_message(body), WorkRequest::Unreadable { .. })
    }

    #[test]
    fn parses_job_messages_s3_events_and_s3_test_events_only() {
        let job = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
        assert!(matches!(parse_message(job), WorkRequest::Job(message) if message.body() == job));
        let test = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-01-02T03:04:05.678Z", "Bucket": "files",
            "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
        });
        assert_eq!(parse_message(&test.to_string()), WorkRequest::Nothing);
        let bad = [
            "",
            "null",
            "{}",
            "[]",
            r#"{"job_id":7}"#,
            r#"{"Event":"s3:Other"}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":7}"#,
        ];
        for body in bad {
            assert!(is_unreadable(body), "{body}");
        }
    }

    #[test]
    fn decodes_keys_and_leaves_out_other_objects() {
        let file = |key: &str| json!({"key": key, "size": 7, "eTag": "e", "sequencer": "0055AED6DCD90281E5"});
        let found = objects(&[
            record("ObjectCreated:Put", file("drops/shop/amazon-main/Schuhe/rot+%C3%A4%2B1.jpg")),
            record("ObjectRemoved:Delete", file("drops/shop/amazon-main/gone.jpg")),
            record("ObjectCreated:Put", file("drops/shop/amazon-main/folder/")),
            record("ObjectCreated:Put", file("drops/shop/lost.jpg")),
            record("ObjectCreated:CompleteMultipartUpload", file("drops/shop/amazon-main/large.tif")),
            record("ObjectCreated:Put", file("retouch/shop/M%C3%A4rz+1/cup.psd")),
            record("ObjectCreated:Put", file("retouch/shop/")),
            record("ObjectCreated:Put", file("retouch/lost.psd")),
        ]);
        let keys: Vec<_> = found.iter().map(|object| object.origin.path.as_str()).collect();
        let expected = [
            "drops/shop/amazon-main/Schuhe/rot ä+1.jpg",
            "drops/shop/amazon-main/large.tif",
            "retouch/shop/März 1/cup.psd",
        ];
        assert_eq!(keys, expected);
        assert_eq!((found[0].origin.bucket.as_str(), found[0].etag.as_deref()), ("files", Some("e")));
        for key in ["drops/a/b/%", "drops/a/b/%4", "drops/a/b/%zz", "drops/a/b/%FF", "drops/a/b/%4%41"] {
            let body = json!({"Records": [record("ObjectCreated:Put", file(key))]}).to_string();
            assert!(is_unreadable(&body), "{key}");
        }
    }

    #[test]
    fn a_bucket_without_versions_gives_no_version() {
        let version_of = |version: Value| {
            let object = json!({"key": "drops/a/b/c", "versionId": version, "sequencer": "01"});
            objects(&[record("ObjectCreated:Copy", object)]).remove(0).origin.version
        };
        assert_eq!(version_of(json!("v1")).as_deref(), Some("v1"));
        assert_eq!((version_of(json!("null")), version_of(Value::Null)), (None, None));
    }
}
