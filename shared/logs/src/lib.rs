//! Log events as lines of JSON, for the functions and for `serve`.
//!
//! Each event is one flat object: `timestamp`, `level`, `target`, `message`, the fields of the spans around it, and its own
//! fields. So every event of a request or a job has its `request_id`, `job_id`, `owner` and `key` at the top level, where
//! CloudWatch Logs Insights and other tools find them by name. If a field is there several times, the innermost span wins
//! over the outer ones, and the event over all.
//!
//! `tracing-subscriber`'s own JSON keeps the fields of spans in a nested list. `json-subscriber` can flatten them, but
//! writes a key twice if a span and an event both have it.
//!
//! # Example
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let subscriber = tracing_subscriber::registry().with(cutline_logs::JsonLines::new(std::io::stderr));
//! tracing::subscriber::with_default(subscriber, || {
//!     let _job = tracing::info_span!("job", job_id = "019cdc54").entered();
//!     tracing::info!(outcome = "done", "job finished");
//!     // {"job_id":"019cdc54","level":"INFO","message":"job finished","outcome":"done","target":…,"timestamp":…}
//! });
//! ```

use std::fmt;
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A layer that writes each event as a line of JSON, in one write.
#[derive(Debug, Clone, Copy)]
pub struct JsonLines<W> {
    writer: W,
}

impl<W> JsonLines<W> {
    /// Lines go to this writer, such as [`std::io::stdout`].
    pub const fn new(writer: W) -> Self {
        Self { writer }
    }
}

/// The fields of a span or an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        // A raw identifier such as `r#type` is named without its prefix.
        self.0.insert(field.name().trim_start_matches("r#").to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    /// Milliseconds of a duration have this type.
    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.put(field, value),
            Err(_) => self.put(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(fields)) = span.extensions().get() {
                line.0.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        event.record(&mut line);
        let metadata = event.metadata();
        line.0.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
        line.0.insert("level".to_owned(), metadata.level().as_str().into());
        line.0.insert("target".to_owned(), metadata.target().into());
        let text = format!("{}\n", Value::Object(line.0));
        // A log that cannot be written must not end the work that it describes.
        let _ = self.writer.make_writer_for(metadata).write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `work` logs, without their times.
    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::registry().with(JsonLines::new(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = buffer.0.lock().expect("not poisoned").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        let parse = |line| {
            let mut line: Value = serde_json::from_str(line).expect("JSON");
            let time = line.as_object_mut().expect("an object").remove("timestamp").expect("a time");
            assert!(time.as_str().is_some_and(|time| time.parse::<Timestamp>().is_ok()), "{time}");
            line
        };
        text.lines().map(parse).collect()
    }

    #[test]
    fn fields_of_all_spans_are_at_the_top_level() {
        let lines = logged(|| {
            let _request = tracing::info_span!("request", request_id = "r1", owner = "outer").entered();
            let job = tracing::info_span!("job", job_id = "j1", owner = Empty);
            let _job = job.enter();
            tracing::info!("before");
            job.record("owner", "shop");
            tracing::warn!(ms = 12_u128, share = 0.5, ok = true, error = %io::Error::other("a \"b\"\n"), "after");
            tracing::info!(job_id = "j2", "another job");
        });
        let target = "cutline_logs::tests";
        let first = json!({"request_id": "r1", "owner": "outer", "job_id": "j1", "message": "before", "level": "INFO",
            "target": target});
        assert_eq!(lines[0], first);
        let second = json!({"request_id": "r1", "owner": "shop", "job_id": "j1", "message": "after", "level": "WARN",
            "target": target, "ms": 12, "share": 0.5, "ok": true, "error": "a \"b\"\n"});
        assert_eq!(lines[1], second);
        assert_eq!(lines[2]["job_id"], "j2", "the event's own field wins");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn an_absent_value_has_no_field() {
        let lines = logged(|| tracing::info!(code = None::<&str>, width = Some(3_u32), "job finished"));
        let expected = json!({"message": "job finished", "width": 3, "level": "INFO", "target": "cutline_logs::tests"});
        assert_eq!(lines, [expected]);
    }
}
