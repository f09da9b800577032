//! What a message of the jobs queue can be: one of ours, or one in which S3 tells of files.

use jiff::Timestamp;
use serde::Deserialize;

use super::{DropOrigin, DropPath, DroppedObject, Sequencer};
use crate::domain::message::{MalformedMessage, Message};

/// The body of a queue message, whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A job is to be worked on.
    Job(Message),
    /// Files were dropped.
    Dropped(DropEvent),
    /// S3 tried whether it may send messages here. Nothing is to be done.
    Test,
}

/// What one message of S3 tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropEvent {
    /// When the first of it happened.
    pub at: Timestamp,
    /// The files that were dropped. Not those whose key is none of a drop, and not what else happened to files.
    pub objects: Vec<DroppedObject>,
}

impl Body {
    /// Reads a message's body.
    ///
    /// # Errors
    /// [`MalformedMessage`] if it is neither `{"job_id": "<uuid>"}` nor a notification of S3.
    pub fn parse(body: &str) -> Result<Self, MalformedMessage> {
        match serde_json::from_str(body)? {
            Shape::Job(message) => Ok(Self::Job(message)),
            Shape::Test { event: TestEvent::Test } => Ok(Self::Test),
            Shape::Records { records } => {
                let at = records.iter().map(|record| record.at).min();
                let created = records.into_iter().filter(|record| record.name.starts_with("ObjectCreated:"));
                let objects = created.filter_map(|record| record.s3.dropped()).collect();
                Ok(Self::Dropped(DropEvent { at: at.unwrap_or_default(), objects }))
            }
        }
    }
}

/// The three shapes. Fields that are not read here may be there or not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Job(Message),
    Records {
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
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: UrlDecoded,
    #[serde(rename = "versionId")]
    version: Option<String>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    sequencer: Sequencer,
}

impl S3 {
    /// The file, if it is one that was dropped.
    fn dropped(self) -> Option<DroppedObject> {
        let Object { key: UrlDecoded(key), version, etag, sequencer } = self.object;
        // An empty object whose key ends so is what consoles make for a folder.
        if key.ends_with('/') {
            return None;
        }
        let Ok(path) = DropPath::try_from(key) else {
            tracing::warn!("a file was dropped under a key that is none of drops/<owner>/<set>/<path>");
            return None;
        };
        // What S3 calls the one version of a bucket that keeps none.
        let version = version.filter(|version| version != "null");
        let origin = DropOrigin { path, bucket: self.bucket.name, version, sequencer };
        Some(DroppedObject { origin, etag })
    }
}

/// A key as S3 writes it into its events: as a form does, with `+` for a space.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct UrlDecoded(String);

#[derive(Debug, thiserror::Error)]
#[error("not a key as S3 encodes it")]
struct NotEncoded;

impl TryFrom<String> for UrlDecoded {
    type Error = NotEncoded;

    fn try_from(text: String) -> Result<Self, NotEncoded> {
        let mut decoded = Vec::with_capacity(text.len());
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            decoded.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(NotEncoded);
                    // Two hexadecimal digits are a byte.
                    (digit()? * 16 + digit()?) as u8
                }
                other => other,
            });
        }
        String::from_utf8(decoded).map(Self).map_err(|_| NotEncoded)
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
        match Body::parse(&json!({ "Records": records }).to_string()).expect("a body") {
            Body::Dropped(event) => {
                assert_eq!(event.at, "2026-01-02T03:04:05.678Z".parse().expect("a time"));
                event.objects
            }
            body => panic!("{body:?}"),
        }
    }

    #[test]
    fn a_body_is_a_job_or_what_s3_tells_or_its_test_and_nothing_else() {
        let job = r#"{"job_id":"019cdc54-2673-dc32-b9e5-6e1d36cc9e8a"}"#;
        assert!(matches!(Body::parse(job), Ok(Body::Job(message)) if message.body() == job));
        let test = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-01-02T03:04:05.678Z", "Bucket": "files",
            "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
        });
        assert_eq!(Body::parse(&test.to_string()).expect("a body"), Body::Test);
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
            assert!(Body::parse(body).is_err(), "{body}");
        }
    }

    #[test]
    fn keys_are_decoded_and_what_is_no_drop_is_left_out() {
        let file = |key: &str| json!({"key": key, "size": 7, "eTag": "e", "sequencer": "0055AED6DCD90281E5"});
        let found = objects(&[
            record("ObjectCreated:Put", file("drops/shop/amazon-main/Schuhe/rot+%C3%A4%2B1.jpg")),
            record("ObjectRemoved:Delete", file("drops/shop/amazon-main/gone.jpg")),
            record("ObjectCreated:Put", file("drops/shop/amazon-main/folder/")),
            record("ObjectCreated:Put", file("drops/shop/lost.jpg")),
            record("ObjectCreated:CompleteMultipartUpload", file("drops/shop/amazon-main/large.tif")),
        ]);
        let keys: Vec<_> = found.iter().map(|object| object.origin.path.as_str()).collect();
        assert_eq!(keys, ["drops/shop/amazon-main/Schuhe/rot ä+1.jpg", "drops/shop/amazon-main/large.tif"]);
        assert_eq!((found[0].origin.bucket.as_str(), found[0].etag.as_deref()), ("files", Some("e")));
        for key in ["drops/a/b/%", "drops/a/b/%4", "drops/a/b/%zz", "drops/a/b/%FF"] {
            let body = json!({"Records": [record("ObjectCreated:Put", file(key))]}).to_string();
            assert!(Body::parse(&body).is_err(), "{key}");
        }
    }

    #[test]
    fn the_version_of_a_bucket_without_versions_is_none() {
        let of = |version: Value| {
            let object = json!({"key": "drops/a/b/c", "versionId": version, "sequencer": "01"});
            objects(&[record("ObjectCreated:Copy", object)]).remove(0).origin.version
        };
        assert_eq!(of(json!("v1")).as_deref(), Some("v1"));
        assert_eq!((of(json!("null")), of(Value::Null)), (None, None));
    }
}
