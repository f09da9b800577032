//! The document's fields, bodies, parameters and headers against the parsers that read them.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderValue;
use cutline_core::OwnerId;
use serde_json::{Value, json};

use super::fields::{self, Field, Kind};
use super::parameters::{self, Parameter, Place};
use super::tests::validator;
use super::values::SCHEMAS;
use super::{document, headers, operations};
use crate::field::{FILES, Field as SentField, FieldValue, Fields};
use crate::field_errors::FieldErrors;
use crate::job_query::JobListRequest;
use crate::paging::PageRequest;
use crate::{cors, reads, validate};

fn owner() -> OwnerId {
    "shop".parse().expect("an owner")
}

/// The faults of an upload with this field, and those that it needs.
fn upload_with(name: &str, value: FieldValue) -> BTreeMap<String, Vec<String>> {
    let mut sent = vec![SentField { name: name.to_owned(), value: value.clone() }];
    if !["file", "file_url", "file_key"].contains(&name) {
        let url = FieldValue::Text("https://example.com/cup.jpg".to_owned());
        sent.push(SentField { name: "file_url".to_owned(), value: url });
    }
    if name == "mask_source" && value == FieldValue::Text("file".to_owned()) {
        let url = FieldValue::Text("https://example.com/mask.png".to_owned());
        sent.push(SentField { name: "mask_url".to_owned(), value: url });
    }
    if name == "mode" && value == FieldValue::Text("params".to_owned()) {
        sent.push(SentField { name: "params".to_owned(), value: FieldValue::Text("amazon-main".to_owned()) });
    }
    if name == "crop_margin" {
        sent.push(SentField { name: "crop".to_owned(), value: FieldValue::Text("subject".to_owned()) });
    }
    match validate::submission(owner(), sent) {
        Ok(_) => BTreeMap::new(),
        Err(faults) => serde_json::from_value(json!(faults)).expect("faults"),
    }
}

/// A valid value of a field, as it is sent in JSON or, unless it is a file, in a form.
fn sent_values(field: &Field) -> Vec<FieldValue> {
    match field.example_value() {
        None => vec![FieldValue::File(bytes::Bytes::from_static(b"\x89PNG\r\n\x1A\n"))],
        Some(Value::String(text)) => vec![FieldValue::Text(text)],
        Some(value) => vec![FieldValue::from(value.clone()), FieldValue::Text(value.to_string())],
    }
}

#[test]
fn every_field_of_the_parser_is_described_and_the_other_way_round() {
    let read = reads::during(|| validate::submission(owner(), Vec::new()));
    let described: BTreeSet<_> = fields::all().iter().map(|field| field.name).collect();
    assert_eq!(described, read);
}

#[test]
fn the_parser_accepts_every_example_and_looks_at_its_type() {
    for field in fields::all() {
        for value in sent_values(&field) {
            assert_eq!(upload_with(field.name, value.clone()), BTreeMap::new(), "{}: {value:?}", field.name);
        }
        let faults = upload_with(field.name, FieldValue::Array(json!([1])));
        // A list of points has its fault at the first one.
        let is_named = faults.keys().any(|key| key.split('[').next() == Some(field.name));
        assert!(is_named, "{} accepts a list of numbers: {faults:?}", field.name);
        let missing = upload_with(field.name, FieldValue::Empty);
        let is_source = ["file", "file_url", "file_key"].contains(&field.name);
        assert_eq!(missing.is_empty(), !is_source, "null counts as missing: {missing:?}");
    }
}

#[test]
fn the_choices_are_those_of_the_parser() {
    for field in fields::all() {
        let Kind::Choice { names, default } = field.kind else { continue };
        let names = names();
        let faults = upload_with(field.name, FieldValue::Text("?".to_owned()));
        let listed = format!("Available in this version: {}.", names.join(", "));
        assert_eq!(faults[field.name][1], listed);
        for name in &names {
            assert_eq!(upload_with(field.name, FieldValue::Text((*name).to_owned())), BTreeMap::new(), "{name}");
        }
        assert!(default.is_none_or(|default| names.contains(&default)), "{}", field.name);
    }
}

#[test]
fn the_defaults_are_those_of_the_parser() {
    let url = FieldValue::Text("https://example.com/cup.jpg".to_owned());
    let upload = |extra: Option<(&str, &str)>| {
        let mut sent = vec![SentField { name: "file_url".to_owned(), value: url.clone() }];
        sent.extend(
            extra.map(|(name, text)| SentField { name: name.to_owned(), value: FieldValue::Text(text.to_owned()) }),
        );
        let submission = validate::submission(owner(), sent).expect("valid");
        (submission.mode, submission.delivery, submission.format, submission.rendering)
    };
    for field in fields::all() {
        if let Kind::Choice { default: Some(default), .. } = field.kind {
            assert_eq!(upload(Some((field.name, default))), upload(None), "{}", field.name);
        }
    }
}

#[test]
fn the_limits_are_those_of_the_parser() {
    for field in fields::all() {
        let is_valid = |text: String| upload_with(field.name, FieldValue::Text(text)).is_empty();
        match field.kind {
            Kind::Whole { min, max } => {
                assert!(is_valid(min.to_string()) && is_valid(max.to_string()), "{}", field.name);
                assert!(!is_valid((i32::from(min) - 1).to_string()) && !is_valid((u32::from(max) + 1).to_string()));
            }
            Kind::Number { min, max } => {
                assert!(is_valid(min.to_string()) && is_valid(max.to_string()), "{}", field.name);
                assert!(!is_valid((min - 0.01).to_string()) && !is_valid((max + 0.01).to_string()), "{}", field.name);
            }
            Kind::Text { max_chars } => {
                assert!(is_valid("é".repeat(max_chars)) && !is_valid("é".repeat(max_chars + 1)), "{}", field.name);
            }
            Kind::Url { max_bytes } | Kind::WebhookUrl { max_bytes } => {
                let url = |bytes: usize| format!("https://e.com/{}", "a".repeat(bytes - "https://e.com/".len()));
                assert!(is_valid(url(max_bytes)) && !is_valid(url(max_bytes + 1)), "{}", field.name);
            }
            Kind::Strings { max_members } => {
                let strings =
                    |count: usize| (0..count).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>();
                let is_valid = |count| upload_with(field.name, FieldValue::Object(strings(count).into())).is_empty();
                assert!(is_valid(max_members) && !is_valid(max_members + 1), "{}", field.name);
            }
            Kind::ReviewRule => {
                let below = |number: f64| is_valid(json!({ "below": number }).to_string());
                assert!(below(0.0) && below(1.0) && !below(-0.01) && !below(1.01), "{}", field.name);
                assert!(is_valid("off".to_owned()) && is_valid("always".to_owned()) && !is_valid("on".to_owned()));
            }
            Kind::Flag => {
                assert!(is_valid("true".to_owned()) && is_valid("false".to_owned()) && !is_valid("1".to_owned()))
            }
            Kind::Margin => {
                let schema = field.json_schema().expect("is in JSON bodies");
                let schema = jsonschema::options().build(&schema).expect("a schema");
                let is_valid = |value: Value| upload_with(field.name, FieldValue::from(value)).is_empty();
                for value in [json!("0"), json!("65535px 100%"), json!("1 2 3 4"), json!(0), json!(12.5), json!(65_535)]
                {
                    assert!(is_valid(value.clone()) && schema.is_valid(&value), "{value}");
                }
                for value in [json!("-1"), json!("1 2 3"), json!("1 2 3 4 5"), json!(-1), json!(65_536)] {
                    assert!(!is_valid(value.clone()) && !schema.is_valid(&value), "{value}");
                }
                // A pattern does not count.
                assert!(!is_valid(json!("65536")) && !is_valid(json!("100.1%")));
            }
            Kind::Points { max_points } => {
                let is_valid = |count| is_valid(json!(vec![[1, 2]; count]).to_string());
                assert!(is_valid(max_points) && !is_valid(max_points + 1), "{}", field.name);
            }
            Kind::Hints { max_hints } => {
                let hint = json!({"kind": "keep", "points": [[1, 2]]});
                let is_valid = |count| is_valid(json!(vec![hint.clone(); count]).to_string());
                assert!(is_valid(max_hints) && !is_valid(max_hints + 1), "{}", field.name);
            }
            Kind::File | Kind::FileKey | Kind::Box | Kind::Choice { .. } | Kind::ParameterSet => {}
        }
    }
}

/// A JSON body that has a schema of its own.
struct Body {
    schema: &'static str,
    /// A valid body. Any member that is not required may be removed.
    valid: Value,
    parse: fn(Fields) -> Result<(), FieldErrors>,
}

fn bodies() -> [Body; 4] {
    [
        Body {
            schema: "UploadRequest",
            valid: json!({"content_type": "image/jpeg", "size": 1}),
            parse: |fields| validate::upload_request(fields).map(drop),
        },
        Body {
            schema: "Approval",
            valid: json!({"revision": 1}),
            parse: |fields| validate::approval(fields).map(drop),
        },
        Body {
            schema: "Rejection",
            valid: json!({"revision": 1, "reason": "subject"}),
            parse: |fields| validate::rejection(fields).map(drop),
        },
        // A recut needs one change, whichever it is.
        Body {
            schema: "RecutRequest",
            valid: json!({"roi": "0 0 1 1", "holes": "open"}),
            parse: |fields| validate::recut(fields, &[]).map(drop),
        },
    ]
}

impl Body {
    /// Whether the parser accepts this body.
    fn is_valid(&self, body: &Value) -> bool {
        let members = body.as_object().expect("an object").clone().into_iter();
        let fields: Vec<_> = members.map(|(name, value)| SentField { name, value: value.into() }).collect();
        (self.parse)(fields.into()).is_ok()
    }
}

/// The schema of this name.
fn schema_of<'a>(document: &'a Value, name: &str) -> &'a Value {
    &document["components"]["schemas"][name]
}

/// The members that a schema describes.
fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().expect("properties").iter().map(|(name, property)| (name.as_str(), property))
}

#[test]
fn bodies_have_the_members_that_their_parsers_read() {
    let document = document::whole();
    for body in bodies() {
        let described: BTreeSet<_> = properties(schema_of(&document, body.schema)).map(|(name, _)| name).collect();
        let mut read = reads::during(|| (body.parse)(Fields::default()));
        if body.schema == "RecutRequest" {
            let form: BTreeSet<_> = properties(schema_of(&document, "RecutForm")).map(|(name, _)| name).collect();
            assert_eq!(form, read, "RecutForm");
            // JSON holds no file.
            read.retain(|name| !FILES.contains(name));
        }
        assert_eq!(described, read, "{}", body.schema);
    }
}

/// Values of a member: of every type, at the limits that its schema states, and beyond them.
fn values_at_limits(name: &str, schema: &Value) -> Vec<Value> {
    let mut values = vec![Value::Null, json!(true), json!([1]), json!({"a": 1})];
    let is_whole = schema["type"].to_string().contains("integer");
    let number = |number: f64| if is_whole { json!(number as i64) } else { json!(number) };
    let step = if is_whole { 1.0 } else { 0.01 };
    if let Some(min) = schema["minimum"].as_f64() {
        values.extend([number(min), number(min - step)]);
        if is_whole {
            values.extend([json!(min), json!(min + 0.5)]);
        }
    }
    if let Some(max) = schema["maximum"].as_f64() {
        values.extend([number(max), number(max + step)]);
    }
    if let Some(max) = schema["maxLength"].as_u64().and_then(|max| usize::try_from(max).ok()) {
        let start = match name {
            "content_type" => "image/",
            "mask_url" => "https://example.com/",
            _ => "",
        };
        values.extend([max, max + 1].map(|chars| json!(format!("{start:a<chars$}"))));
    }
    if let Some(names) = schema["enum"].as_array() {
        values.extend(names.iter().cloned().chain([json!("?")]));
    }
    values
}

/// Values that a pattern, a format or the schema of a list tells apart.
fn values_of_form(name: &str) -> Vec<Value> {
    let digest = "0123456789abcdefABCDEF9876543210".repeat(2);
    match name {
        "content_type" => {
            let types = ["image/svg+xml", "application/octet-stream", "image/", "text/html", "IMAGE/png", "image/.x"];
            let more = ["image/a; q=1", "image/\u{e9}", "image/a\r\nX: y", " image/png"];
            types.into_iter().chain(more).map(Value::from).collect()
        }
        "sha256" => {
            vec![json!(""), json!(digest), json!(digest[1..]), json!(format!("{digest}0")), json!("g".repeat(64))]
        }
        "roi" => ["0 0 50% 12.5", "1 2 3", "1 2 3 4 5", "a b c d"].map(Value::from).into(),
        "keep" => vec![json!("main"), json!("some"), json!([]), json!([[1, 2], ["50%", "4%"]]), json!([[1]])],
        "hints" => vec![
            json!([]),
            json!([{"kind": "remove", "points": [[812, 140]], "radius": 60}]),
            json!([{"kind": "add", "points": [[812, 140]]}]),
            json!([{"kind": "keep", "points": []}]),
            json!([{"kind": "keep"}]),
        ],
        "mask_key" => ["019cdc54-2673-7c32-b9e5-6e1d36cc9e8a", "x"].map(Value::from).into(),
        _ => Vec::new(),
    }
}

#[test]
fn the_schemas_of_bodies_accept_what_their_parsers_accept() {
    let document = document::whole();
    for body in bodies() {
        let schema = schema_of(&document, body.schema);
        let validator = validator(&document, schema);
        let check = |sent: &Value| {
            let is_valid = body.is_valid(sent);
            assert_eq!(validator.is_valid(sent), is_valid, "{}: {sent}", body.schema);
            is_valid
        };
        assert!(check(&body.valid), "{}", body.schema);
        for (name, property) in properties(schema) {
            let mut without = body.valid.clone();
            without.as_object_mut().expect("an object").remove(name);
            check(&without);
            let reference = property["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
            let property = reference.map_or(property, |name| schema_of(&document, name));
            let values = [values_at_limits(name, property), values_of_form(name)].concat();
            let (accepted, rejected): (Vec<_>, Vec<_>) = values.into_iter().partition(|value| {
                let mut sent = body.valid.clone();
                sent[name] = value.clone();
                check(&sent)
            });
            let is_tested = accepted.iter().any(|value| !value.is_null()) && !rejected.is_empty();
            assert!(is_tested, "{}: {name}: {accepted:?}, {rejected:?}", body.schema);
        }
    }
}

/// Reads a query and drops the result.
type Parser<'a> = &'a dyn Fn(&str) -> Result<(), FieldErrors>;

/// The query parameters of an operation.
fn query_of(id: &str) -> Vec<Parameter> {
    let operation = operations::ALL.iter().find(|operation| operation.id == id).expect(id);
    let is_in_query = |one: &Parameter| matches!(one.place, Place::Query | Place::RequiredQuery);
    parameters::ALL.into_iter().filter(|one| operation.parameters.contains(&one.key) && is_in_query(one)).collect()
}

#[test]
fn the_query_parameters_are_those_of_the_parsers() {
    let jobs = |query: &str| JobListRequest::read(&owner(), query).map(drop);
    let sets = |query: &str| PageRequest::read(query).map(drop);
    let parsers: [(&str, Parser<'_>); 2] = [("listJobs", &jobs), ("listParameterSets", &sets)];
    for (id, parse) in parsers {
        let described: BTreeSet<_> = query_of(id).iter().map(|parameter| parameter.name).collect();
        assert_eq!(described, reads::during(|| parse("")), "{id}");
        let document = document::whole();
        for parameter in query_of(id) {
            let query = |value: &str| {
                let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                format!("{}={value}", parameter.name)
            };
            assert_eq!(parse(&query(parameter.example)), Ok(()), "{id}: {}", parameter.name);
            assert_eq!(parse(&query("")), Ok(()), "an empty value counts as missing: {id}: {}", parameter.name);
            let faults = json!(parse(&query("\u{1}")).expect_err("no parameter is a control character"));
            assert!(faults[parameter.name].is_array(), "{id}: {faults}");
            let schema = &document["components"]["parameters"][parameter.key]["schema"];
            if let Some(choices) = schema["enum"].as_array() {
                let names: Vec<_> = choices.iter().filter_map(Value::as_str).collect();
                let listed = format!("This value must be one of {}.", names.join(", "));
                assert_eq!(faults[parameter.name], json!([listed]), "{id}");
            }
            if let (Some(min), Some(max)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
                let is_valid = |number: i64| parse(&query(&number.to_string())).is_ok();
                assert!(
                    is_valid(min) && is_valid(max) && !is_valid(min - 1) && !is_valid(max + 1),
                    "{}",
                    parameter.name
                );
            }
        }
    }
    assert_eq!(query_of("getStatus").iter().map(|parameter| parameter.name).collect::<Vec<_>>(), ["job_id"]);
}

/// Browsers may send and read the headers of the document, and no others.
#[test]
fn the_headers_are_those_of_cors() {
    assert!(cors::layer(&[HeaderValue::from_static("*")]).is_some());
    let names =
        |names: &[axum::http::HeaderName]| names.iter().map(|name| name.as_str().to_owned()).collect::<BTreeSet<_>>();
    let sent = parameters::ALL.into_iter().filter(|one| one.place == Place::Header).map(|one| one.name.to_lowercase());
    // Those of the security schemes, of bodies and of every request, and one of direct uploads to this server.
    let general =
        ["x-api-key", "authorization", "content-type", "x-request-id", "x-amz-checksum-sha256"].map(str::to_owned);
    assert_eq!(sent.chain(general).collect::<BTreeSet<_>>(), names(&cors::REQUEST_HEADERS));
    // A browser reads these itself.
    let of_browsers = ["allow", "www-authenticate"];
    let read = headers::ALL.iter().map(|header| header.name.to_lowercase());
    let read: BTreeSet<_> = read.filter(|name| !of_browsers.contains(&name.as_str())).collect();
    // One of downloads from this server.
    let read: BTreeSet<_> = read.into_iter().chain(["content-disposition".to_owned()]).collect();
    assert_eq!(read, names(&cors::RESPONSE_HEADERS));
}
