//! Every response of these tests against the OpenAPI document: its status, its headers and its body.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use axum::http::{HeaderMap, Method, StatusCode};
use jsonschema::Validator;
use serde_json::Value;

use crate::support::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::from_str(include_str!("../../../../docs/openapi.json")).expect("JSON");
    close(&mut document);
    document
});

/// Headers that no description needs: they describe the body, or every answer of a server.
const GENERAL: [&str; 12] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "vary",
    "x-content-type-options",
    "x-request-id",
];

/// Checks the answer to a request with this method and path.
#[track_caller]
pub(crate) fn assert_describes(method: &Method, path: &str, answer: &Answer) {
    // Signed links, the web pages and the files of the documentation's page are for browsers, and so is a preflight.
    if ["/files/", "/uploads/", "/api/v1/docs/", "/desk/"].iter().any(|prefix| path.starts_with(prefix))
        || ["/", "/review"].contains(&path)
        || method == Method::OPTIONS
    {
        return;
    }
    // A HEAD is a GET without the body.
    let operation_method = if method == Method::HEAD { &Method::GET } else { method };
    let status = answer.status.as_u16().to_string();
    let response = match item(path) {
        None => described_error(answer, "NotFound", StatusCode::NOT_FOUND),
        Some(item) => match item.get(operation_method.as_str().to_lowercase()) {
            None => described_error(answer, "MethodNotAllowed", StatusCode::METHOD_NOT_ALLOWED),
            // A process need not serve every operation, and answers 405 to the others.
            Some(_) if answer.status == StatusCode::METHOD_NOT_ALLOWED => {
                described_error(answer, "MethodNotAllowed", StatusCode::METHOD_NOT_ALLOWED)
            }
            Some(operation) => operation["responses"]
                .get(&status)
                .unwrap_or_else(|| panic!("{method} {path} has no response {status}: {answer:?}")),
        },
    };
    let response = resolved(response);
    assert_describes_headers(response, &answer.headers);
    if method != Method::HEAD {
        assert_describes_body(response, answer);
    }
}

/// The method and the path, with names in braces, of every operation that may change something.
pub(crate) fn changes() -> Vec<(Method, &'static str)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths").iter();
    let methods = |item: &Value| {
        let known = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        known.into_iter().filter(|method| item.get(method.as_str().to_lowercase()).is_some()).collect::<Vec<_>>()
    };
    paths.flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method, path.as_str()))).collect()
}

/// The item of a path.
fn item(path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(one, other)| one == other || (one.starts_with('{') && !other.is_empty()))
    };
    // A path without variables goes first.
    let exact = paths.get(path);
    exact.or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item))
}

#[track_caller]
fn described_error(answer: &Answer, name: &str, status: StatusCode) -> &'static Value {
    assert_eq!(answer.status, status, "only {name} is not listed with an operation: {answer:?}");
    &DOCUMENT["components"]["responses"][name]
}

/// The value itself, or the component that it refers to.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).expect(reference),
        None => value,
    }
}

#[track_caller]
fn assert_describes_headers(response: &'static Value, headers: &HeaderMap) {
    let described = response["headers"].as_object().expect("headers");
    for (name, header) in described {
        let is_required = resolved(header)["required"] == true;
        assert!(!is_required || headers.contains_key(name), "the header {name} is missing: {headers:?}");
    }
    for name in headers.keys().map(|name| name.as_str()) {
        let is_described = described.keys().any(|described| described.eq_ignore_ascii_case(name));
        assert!(is_described || GENERAL.contains(&name), "the header {name} is not described");
    }
}

#[track_caller]
fn assert_describes_body(response: &'static Value, answer: &Answer) {
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty(), "this body is not described: {answer:?}");
        return;
    };
    let content_type = answer.header("content-type");
    let essence = content_type.split(';').next().unwrap_or_default();
    let media_type = content.get(essence).unwrap_or_else(|| panic!("{content_type} is not described"));
    if essence == "application/json" {
        let faults = faults(&media_type["schema"], &answer.json());
        assert!(faults.is_empty(), "{faults:?}: {}", answer.body);
    }
}

/// Why a value does not fit a schema of the document.
fn faults(schema: &'static Value, value: &Value) -> Vec<String> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);
    let validator = {
        let mut validators = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *validators.entry(schema.to_string()).or_insert_with(|| Box::leak(Box::new(validator(schema))))
    };
    validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

fn validator(schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = DOCUMENT["components"].clone();
    jsonschema::options().should_validate_formats(true).build(&root).expect("a schema")
}

/// Forbids the members that an object's schema does not describe. Clients must expect new ones; these tests must not.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(elements) => elements.iter_mut().for_each(close),
        _ => {}
    }
}

/// The check itself notices what is not described.
mod sensitivity {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn answer(status: StatusCode, body: &Value) -> Answer {
        let headers = [("x-request-id", "1"), ("content-type", "application/json")];
        let headers = headers.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
        Answer { status, headers: headers.into_iter().collect(), body: body.to_string() }
    }

    fn is_described(path: &str, answer: &Answer) -> bool {
        std::panic::catch_unwind(|| assert_describes(&Method::GET, path, answer)).is_ok()
    }

    #[test]
    fn notices_statuses_headers_and_members() {
        let healthy = json!({ "status": "ok" });
        assert!(is_described("/health", &answer(StatusCode::OK, &healthy)));
        assert!(!is_described("/health", &answer(StatusCode::CREATED, &healthy)));
        assert!(!is_described("/health", &answer(StatusCode::OK, &json!({ "status": 1 }))));
        assert!(!is_described("/health", &answer(StatusCode::OK, &json!({ "status": "ok", "more": 1 }))));
        assert!(!is_described("/health", &answer(StatusCode::OK, &json!({}))));
        assert!(!is_described("/nowhere", &answer(StatusCode::OK, &healthy)));
        let mut with_header = answer(StatusCode::OK, &healthy);
        with_header.headers.insert("location", HeaderValue::from_static("/"));
        assert!(!is_described("/health", &with_header));
        let mut without_id = answer(StatusCode::OK, &healthy);
        without_id.headers.remove("x-request-id");
        assert!(!is_described("/health", &without_id));
        let id = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
        assert!(is_described(
            &format!("/api/v1/jobs/{id}"),
            &answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }))
        ));
    }
}
