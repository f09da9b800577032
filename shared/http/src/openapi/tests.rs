//! The document against the checked-in files, the router and its own examples.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::Value;

use super::parameters::{self, Parameter, Place};
use super::values::SCHEMAS;
use super::{document, operations, page};
use crate::routes;

/// Set to 1, it makes the first test write the files.
const UPDATE: &str = "CUTLINE_UPDATE";

#[test]
fn the_document_is_up_to_date() {
    let document = document::whole();
    for (name, expected) in [("openapi.json", document::text()), ("openapi.html", page::text(&document))] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
            std::fs::write(&path, &expected).expect("writes the file");
        }
        let actual = std::fs::read_to_string(&path).expect("the file");
        assert!(actual == expected, "docs/{name} is out of date; run `{UPDATE}=1 cargo test -p cutline-http openapi`");
    }
}

#[test]
fn it_has_the_routes_of_the_router_and_no_others() {
    let of_router: BTreeSet<_> = routes::ALL
        .iter()
        .flat_map(|route| route.allow.split(", ").map(|method| (route.path, method.to_lowercase())))
        .filter(|(_, method)| method != "head")
        .collect();
    let described: BTreeSet<_> =
        operations::ALL.iter().map(|operation| (operation.path, operation.method.to_owned())).collect();
    assert_eq!(described, of_router);
    let has_get = |path| described.contains(&(path, "get".to_owned()));
    for route in &routes::ALL {
        assert_eq!(route.allow.contains("HEAD"), has_get(route.path), "HEAD goes with GET: {}", route.path);
    }
    let ids: BTreeSet<_> = operations::ALL.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), operations::ALL.len(), "each id is used once");
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document::whole();
    let mut used = BTreeSet::new();
    collect_references(&document, &mut used);
    let mut components = BTreeSet::new();
    for (kind, members) in document["components"].as_object().expect("components") {
        let names = members.as_object().expect("an object").keys();
        components.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    assert!(used.is_subset(&components), "missing: {:?}", used.difference(&components));
    // These belong to every request, so no operation lists them.
    let unused: Vec<_> = components.difference(&used).filter(|name| !name.contains("/securitySchemes/")).collect();
    assert_eq!(unused, ["#/components/responses/MethodNotAllowed"]);
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect_references(element, found)),
        _ => {}
    }
}

#[test]
fn parameters_fit_their_paths() {
    let parameters = |operation: &super::operation::Operation| -> Vec<&'static Parameter> {
        static ALL: [Parameter; 19] = parameters::ALL;
        operation.parameters.iter().map(|key| ALL.iter().find(|one| one.key == *key).expect(key)).collect()
    };
    for operation in &operations::ALL {
        let in_path = parameters(operation).into_iter().filter(|one| one.place == Place::Path);
        let written: Vec<_> = in_path.map(|one| format!("{{{}}}", one.name)).collect();
        let expected: Vec<_> = operation.path.split('/').filter(|part| part.starts_with('{')).collect();
        assert_eq!(written, expected, "{}", operation.id);
    }
}

#[test]
fn links_lead_to_operations_with_their_parameter() {
    let schemas = &document::whole()["components"]["schemas"];
    let mut count = 0;
    for answer in operations::ALL.iter().flat_map(|operation| operation.answers) {
        for link in answer.links {
            count += 1;
            let target = operations::ALL.iter().find(|operation| operation.id == link.operation).expect(link.operation);
            let names =
                parameters::ALL.into_iter().filter(|one| target.parameters.contains(&one.key)).map(|one| one.name);
            assert!(names.into_iter().any(|name| name == link.parameter), "{}: {}", link.operation, link.parameter);
            let schema = &schemas[answer.schema.expect("a body")];
            assert!(schema["properties"][link.member].is_object(), "{}", link.member);
        }
    }
    assert_eq!(count, 10);
}

/// A validator of one schema of the document.
pub(super) fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    jsonschema::options().should_validate_formats(true).build(&root).expect("a schema")
}

#[track_caller]
fn assert_valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let validator = validator(document, schema);
    let faults: Vec<_> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{what}: {faults:?}\n{value}");
}

#[test]
fn every_example_is_valid() {
    let document = document::whole();
    let mut count = 0;
    check_examples(&document, &document["paths"], "paths", &mut count);
    check_examples(&document, &document["webhooks"], "webhooks", &mut count);
    check_examples(&document, &document["components"]["responses"], "responses", &mut count);
    check_examples(&document, &document["components"]["parameters"], "parameters", &mut count);
    check_examples(&document, &document["components"]["schemas"], "schemas", &mut count);
    assert!(count > 70, "{count} examples");
}

/// Checks the examples of media types and parameters (`example`, `examples` beside a `schema`) and of schemas (a list).
fn check_examples(document: &Value, value: &Value, path: &str, count: &mut usize) {
    if let Value::Array(elements) = value {
        elements.iter().for_each(|element| check_examples(document, element, path, count));
    }
    let Some(members) = value.as_object() else { return };
    let mut check = |schema: &Value, example: &Value| {
        *count += 1;
        assert_valid(document, schema, example, path);
    };
    match (members.get("schema"), members.get("example"), members.get("examples")) {
        (Some(schema), Some(example), None) => check(schema, example),
        (Some(schema), None, Some(Value::Object(examples))) => {
            examples.values().for_each(|example| check(schema, &example["value"]));
        }
        (None, None, Some(Value::Array(examples))) => examples.iter().for_each(|example| check(value, example)),
        (_, None, None) => {}
        other => panic!("{path}: an example without a schema: {other:?}"),
    }
    for (name, member) in members {
        check_examples(document, member, &format!("{path}/{name}"), count);
    }
}

#[test]
fn every_schema_of_an_answer_is_named() {
    let document = document::whole();
    for operation in &operations::ALL {
        for answer in operation.answers {
            let Some(name) = answer.schema else { continue };
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["type"], "object", "{SCHEMAS}{name}");
        }
    }
}
